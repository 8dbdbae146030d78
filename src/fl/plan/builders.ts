import { checkOptions } from '../../core/check.js';
import { planCentral, quantizedContribution } from '../../dp/mechanisms/central-mechanism.js';
import { type DistributedTarget, planDistributed } from '../../dp/mechanisms/plan-distributed.js';
import { quantizationStep } from '../../ring/quantize.js';
import { rotatedLength } from '../../ring/rotate.js';
import { wireLength } from '../compression/compression.js';
import type { RandomKSpec } from '../compression/random-k.js';
import type { PlanFields } from './fields.js';
import type { PlanInput } from './input.js';
import { relation } from './stages/privacy.js';

/**
 * Fields that hang together, found and put together, to be spread into what `definePlan` takes:
 *
 *     const cohort = { maxClients: 100 };
 *     const vector = { dimension: 1970 };
 *     const budget = { epsilon: 8, delta: 1e-5, rounds: 10 };
 *     const noise = distributedPrivacy({ vector, cohort, clip: 1, minSurvivors: 80, budget });
 *     definePlan({ vector, cohort, ...noise });
 */

/** What the noise of a task is to keep to. */
interface NoiseTarget {
  readonly vector: PlanFields['vector'];
  readonly cohort: PlanFields['cohort'];
  /** C: the clip norm, in the update's unit. */
  readonly clip: number;
  /** For all rounds, clients being the records. */
  readonly budget: { readonly epsilon: number; readonly delta: number; readonly rounds: number };
  /** Fewer values have less noise in all. */
  readonly compress?: { readonly kind: 'none' } | (Pick<RandomKSpec, 'kind' | 'fraction'> & Partial<RandomKSpec>);
}

export interface DistributedNoiseTarget extends NoiseTarget {
  /** The fewest survivors that a sum is released for. */
  readonly minSurvivors: number;
  /** `discreteGaussian` unless told. */
  readonly noise?: DistributedTarget['noise'];
  /** Survivors whose noise doesn't count, since they may tell it to the server; 0 unless told. */
  readonly colluders?: number;
  /** b, 4 to 32; 20 unless told. More bits mean a finer grid and longer uploads. */
  readonly ringBits?: number;
  /**
   * Components of noise that are taken back where more survive than the fewest, 0 to 16; 4 unless told. Each is one
   * more vector of noise for a client to draw, and for the server to draw again for every survivor.
   */
  readonly removable?: number;
}

export interface CentralNoiseTarget extends NoiseTarget {
  /** How values are rounded; `range` is the clip norm unless told. */
  readonly quantize: { readonly bits: number; readonly range?: number };
  /** Whether updates are rotated first, which makes a smaller range do. */
  readonly rotate?: PlanFields['rotate'];
}

/** Values of an update once compressed. */
function lengthOf({ vector, compress = { kind: 'none' } }: NoiseTarget): number {
  return compress.kind === 'none' ? vector?.dimension : wireLength(compress, vector?.dimension);
}

type FieldsWith<Kind extends 'central' | 'distributed'> = Extract<
  PlanInput,
  { readonly privacy: { readonly kind: Kind } }
>;

/**
 * Clip, rotation, grid and the least distributed noise that keep all rounds within the budget, at the finest grid on
 * which no sum wraps with a probability above 2^-40. Throws `UsageError` (`usage.range`, `usage.choice`), `AbortError`
 * (`dp.infeasible`).
 */
export function distributedPrivacy(
  target: DistributedNoiseTarget,
): Pick<FieldsWith<'distributed'>, 'clip' | 'compress' | 'rotate' | 'quantize' | 'privacy'> {
  const { cohort, clip, budget, minSurvivors, compress = { kind: 'none' } } = checkOptions('target', target);
  const { noise = 'discreteGaussian', colluders = 0, ringBits = 20, removable = 4 } = target;
  const { settings } = planDistributed({
    noise,
    dimension: lengthOf(target),
    clip,
    ringBits,
    clients: cohort?.maxClients,
    minSurvivors,
    colluders,
    removable,
    rounds: budget?.rounds,
    epsilon: budget?.epsilon,
    delta: budget?.delta,
    relation,
  });
  const { granularity, beta, variance, releaseAt } = settings;
  return {
    clip: { kind: 'l2', norm: clip },
    compress,
    rotate: { kind: 'hadamard' },
    quantize: { kind: 'conditional', granularity, beta, ringBits },
    privacy: { kind: 'distributed', noise, variance, minSurvivors, colluders, releaseAt, budget },
  };
}

/**
 * Clip, grid and the least noise by a trusted server that keep all rounds within the budget. Throws `UsageError`
 * (`usage.range`), `AbortError` (`dp.infeasible`).
 */
export function centralPrivacy(
  target: CentralNoiseTarget,
): Pick<FieldsWith<'central'>, 'clip' | 'compress' | 'rotate' | 'quantize' | 'privacy'> {
  const {
    clip,
    budget,
    quantize,
    rotate = { kind: 'none' },
    compress = { kind: 'none' },
  } = checkOptions('target', target);
  const grid = { bits: quantize?.bits, range: quantize?.range ?? clip };
  const dimension = rotate.kind === 'hadamard' ? rotatedLength(lengthOf(target)) : lengthOf(target);
  const contribution = quantizedContribution({ clip, step: quantizationStep(grid), dimension });
  const { settings } = planCentral({
    dimension,
    contribution,
    rounds: budget?.rounds,
    epsilon: budget?.epsilon,
    delta: budget?.delta,
    relation,
  });
  return {
    clip: { kind: 'l2', norm: clip },
    compress,
    rotate,
    quantize: grid,
    privacy: { kind: 'central', variance: settings.variance, budget },
  };
}
