import { checkNumber, describe } from '../../../core/check.js';
import { UsageError } from '../../../core/errors.js';
import { notFinite } from '../../../ring/quantize.js';
import { novaContribution, novaNormalizer } from '../../optimizers/fednova.js';
import { type OptimizerSpec, optimizerFrom, scaffoldControl } from '../../optimizers/optimizer.js';
import { scaffoldContribution } from '../../optimizers/scaffold.js';
import type { OptimizerState } from '../../optimizers/state.js';
import { checkFloatVector, checkLength } from '../../vectors.js';
import type { Plan, PlanFields } from '../fields.js';
import { received } from './received.js';
import type { EncoderInput, WeightedUpdate } from './stage.js';

/**
 * What an optimizer takes of clients beside the update, and sends them beside the model. Client: FedNova's normalizer,
 * or the change of a control variate under SCAFFOLD, behind the update in the one masked sum. Server: SCAFFOLD's c,
 * behind the model and under the same hash.
 */

/** What a client says of its training, where the plan's optimizer asks. */
export interface LocalExtra {
  /** FedNova: steps of plain SGD that the update took, from 1. For other local optimizers give `normalizer`. */
  readonly steps?: number;
  /** FedNova: a, from 1 to 2^31, as `novaNormalizer` computes it; instead of `steps`. */
  readonly normalizer?: number;
  /**
   * SCAFFOLD: by how much the client's control variate changes, one value a dimension, as `scaffoldControlUpdate`
   * computes it.
   */
  readonly controlUpdate?: Float32Array;
}

/** What clients are sent of a round. */
export interface Broadcast {
  readonly model: Float32Array;
  /** SCAFFOLD's c, as long as the model. */
  readonly control?: Float32Array;
}

/** Values that clients give beside an update. */
export function extraDimension({ optimizer, vector }: PlanFields): number {
  return optimizerFrom(optimizer, vector.dimension).contributionLength - vector.dimension;
}

/** Float32 values that clients fetch for a round: the model, and SCAFFOLD's c. */
export function broadcastLength({ optimizer, vector }: PlanFields): number {
  return optimizer.kind === 'scaffold' ? 2 * vector.dimension : vector.dimension;
}

/** Server: what clients fetch, `broadcastLength` values. Throws `UsageError` (`optimizer.state`). */
export function broadcast({ optimizer, vector }: Plan, model: Float64Array, state: OptimizerState): Float32Array {
  checkFloatVector('model', model, vector.dimension);
  if (optimizer.kind !== 'scaffold') return Float32Array.from(model);
  const values = new Float32Array(2 * vector.dimension);
  values.set(model);
  values.set(scaffoldControl(state), vector.dimension);
  return values;
}

/** Client: the parts of what it fetched. */
export function readBroadcast(plan: Plan, values: Float32Array): Broadcast {
  checkLength('values', values, broadcastLength(plan));
  const { dimension } = plan.vector;
  if (plan.optimizer.kind !== 'scaffold') return { model: values };
  return { model: values.slice(0, dimension), control: values.slice(dimension) };
}

/**
 * Client: the last stage on real values. Throws `UsageError`: `usage.options` on something missing, or given where the
 * optimizer doesn't take it, `usage.range` on a normalizer that is below 1 or doesn't fit the quantizer,
 * `usage.floats`, `usage.vector` or `usage.finite` on a control update.
 */
export function addExtra(plan: Plan): (contribution: WeightedUpdate, local: LocalExtra) => EncoderInput {
  const { optimizer, vector } = plan;
  const parts = (contribution: WeightedUpdate, values: Float32Array): EncoderInput => ({
    ...contribution,
    update: values.subarray(0, vector.dimension),
    extra: values.subarray(vector.dimension),
  });
  return (contribution, local) => {
    refuseOthers(optimizer, local);
    switch (optimizer.kind) {
      case 'fednova': {
        const normalizer = normalizerOf(local);
        checkFits(plan, normalizer * optimizer.normalizerScale);
        return parts(contribution, novaContribution(optimizer, contribution.update, { normalizer }));
      }
      case 'scaffold': {
        const change = controlUpdateOf(plan, local);
        return parts(contribution, scaffoldContribution(optimizer, contribution.update, change));
      }
      default:
        return { ...contribution, extra: new Float32Array() };
    }
  };
}

/**
 * Client: what of its control update the sum has, clamped to the quantizer's range as it was: only that may be added to
 * the client's c_i, or c stops being the mean of all c_i. `undefined` without SCAFFOLD.
 */
export function summedControl(
  plan: Plan,
  { controlUpdate }: LocalExtra,
  publicSeed: Uint8Array,
): Float32Array | undefined {
  const { optimizer } = plan;
  if (optimizer.kind !== 'scaffold' || controlUpdate === undefined) return undefined;
  const sent = controlUpdate.map((value) => optimizer.controlScale * value);
  return Float32Array.from(received(plan, sent, publicSeed), (value) => value / optimizer.controlScale);
}

const takenBy: { readonly [Field in keyof LocalExtra]-?: OptimizerSpec['kind'] } = {
  steps: 'fednova',
  normalizer: 'fednova',
  controlUpdate: 'scaffold',
};

function refuseOthers({ kind }: OptimizerSpec, local: LocalExtra): void {
  for (const field of ['steps', 'normalizer', 'controlUpdate'] as const)
    if (local[field] !== undefined && takenBy[field] !== kind)
      throw new UsageError(
        'usage.options',
        `options.${field} is for the optimizer ${takenBy[field]}, the plan's is ${kind}: leave it out`,
      );
}

function normalizerOf({ steps, normalizer }: LocalExtra): number {
  if (steps !== undefined && normalizer !== undefined)
    throw new UsageError('usage.options', 'options.steps and options.normalizer say the same: give one of them');
  if (normalizer !== undefined) return checkNumber('options.normalizer', normalizer, 1, 2 ** 31);
  if (steps === undefined)
    throw new UsageError(
      'usage.options',
      'options.steps is missing: FedNova asks how many local steps an update took; or give options.normalizer',
    );
  return novaNormalizer({ steps });
}

/** Clamping would make the client count for fewer steps than it took. The margin is that of a product in doubles. */
function checkFits({ quantize }: Plan, scaled: number): void {
  if (quantize.kind !== 'stochastic' || scaled <= quantize.range * (1 + 2 ** -40)) return;
  throw new UsageError(
    'usage.range',
    `the normalizer times the plan's normalizerScale is ${scaled}, beyond its range of ${quantize.range}: take fewer ` +
      'local steps, or have a plan with a lower optimizer.normalizerScale',
  );
}

function controlUpdateOf({ vector }: Plan, { controlUpdate }: LocalExtra): Float32Array {
  if (controlUpdate === undefined)
    throw new UsageError(
      'usage.options',
      "options.controlUpdate is missing: SCAFFOLD asks by how much the client's control variate changes",
    );
  if (!(controlUpdate instanceof Float32Array))
    throw new UsageError(
      'usage.floats',
      `options.controlUpdate must be a Float32Array, got ${describe(controlUpdate)}`,
    );
  checkLength('options.controlUpdate', controlUpdate, vector.dimension);
  if (!controlUpdate.every(Number.isFinite)) throw notFinite('options.controlUpdate', controlUpdate);
  return controlUpdate;
}
