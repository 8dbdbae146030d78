import * as v from 'valibot';
import { checkInteger, checkNumber, checkOptions } from '../../core/check.js';
import { PeerError, UsageError } from '../../core/errors.js';
import { kindSchema, magnitude, parseFields } from '../spec.js';
import { checkFloatVector, type FloatVector, vectorLike } from '../vectors.js';
import type { OptimizerKind } from './kind.js';

/**
 * Normalized averaging (Wang et al. 2020, "Tackling the Objective Inconsistency Problem"): clients that take different
 * numbers of local steps send their update over the norm a of what they accumulated, and the mean of these directions
 * is multiplied with tau_eff, the mean of a. Without it, who steps more pulls the model to its own optimum.
 *
 * A contribution is the direction, and after it a * normalizerScale: so the one masked sum has both means, under the
 * same weights.
 */
export interface FedNovaSpec {
  readonly kind: 'fednova';
  /** 1 if not given. */
  readonly learningRate: number;
  /** What a is multiplied with so that it fits the range of the quantizer with the direction. 1 if not given. */
  readonly normalizerScale: number;
}

/** How a client trained. */
export interface LocalSteps {
  /** Optimizer steps taken, from 1. */
  readonly steps: number;
  /** Momentum of the local SGD; 0 if not given. */
  readonly momentum?: number;
  /**
   * Learning rate times the proximal term's mu (FedProx), from 0 up to below 1; 0 if not given. Not together with
   * momentum.
   */
  readonly proximal?: number;
}

export const fednova: OptimizerKind<FedNovaSpec> = {
  schema: kindSchema('fednova', {
    learningRate: v.optional(magnitude(), 1),
    normalizerScale: v.optional(magnitude(), 1),
  }),
  slots: () => [],
  contributionLength: (dimension) => dimension + 1,
  uniform: false,
  step: ({ learningRate, normalizerScale }, { mean }) => {
    const dimension = mean.length - 1;
    const effective = (mean[dimension] as number) / normalizerScale;
    // The sum names nobody. Quantization can't do this: each a is 1 or more.
    if (!(effective > 0))
      throw new PeerError(
        'optimizer.normalizer',
        `the mean of the clients' normalizers is ${effective}, it must be above 0: a client broke the plan; leave this round out`,
      );
    const rate = learningRate * effective;
    return { change: mean.subarray(0, dimension).map((value) => rate * value), slots: [] };
  },
};

/**
 * a, the 1-norm of the weights that a client's steps have in its update: the number of steps for plain SGD, more with
 * momentum, less with a proximal term (section 4 and appendix C of the paper). Throws `UsageError` (`usage.range`,
 * `usage.options`).
 */
export function novaNormalizer(local: LocalSteps): number {
  const { steps, momentum = 0, proximal = 0 } = checkOptions('local', local);
  checkInteger('local.steps', steps, 1, 2 ** 31);
  checkNumber('local.momentum', momentum, 0, 1 - 2 ** -20);
  checkNumber('local.proximal', proximal, 0, 1 - 2 ** -20);
  if (momentum > 0 && proximal > 0)
    throw new UsageError('usage.range', 'local.momentum and local.proximal must not both be above 0: drop one');
  if (momentum > 0) return (steps - (momentum * (1 - momentum ** steps)) / (1 - momentum)) / (1 - momentum);
  if (proximal > 0) return (1 - (1 - proximal) ** steps) / proximal;
  return steps;
}

/**
 * Client: what goes into the sum for `update`, one value longer than it; `local.normalizer` is a itself, from 1. Throws
 * `UsageError` as `novaNormalizer` does, and `usage.floats` on another type.
 */
export function novaContribution<V extends FloatVector>(
  spec: FedNovaSpec,
  update: V,
  local: LocalSteps | { readonly normalizer: number },
): V {
  const { normalizerScale } = parseFields('optimizer.schema', 'optimizer fednova', fednova.schema, spec);
  checkFloatVector('update', update);
  checkOptions('local', local);
  const normalizer =
    'normalizer' in local ? checkNumber('local.normalizer', local.normalizer, 1, 2 ** 31) : novaNormalizer(local);
  return vectorLike(update, update.length + 1, (i) =>
    i < update.length ? (update[i] as number) / normalizer : normalizer * normalizerScale,
  );
}
