import { checkChoice, checkInteger, checkNumber, checkOptions, describe } from '../../core/check.js';
import { AbortError, UsageError } from '../../core/errors.js';
import type { RandomSource } from '../../core/random.js';
import type { Bounds } from '../accounting/accountant.js';
import { bestEpsilon } from '../accounting/best.js';
import { PldAccountant } from '../accounting/pld/accountant.js';
import { calibrate } from '../calibration.js';
import { poissonSampled, selfComposed } from '../events/compound.js';
import type { PrivacyEvent } from '../events/event.js';
import { discreteGaussian, gaussian } from '../events/mechanisms.js';
import { checkRelation, type Relation, relations } from '../neighboring.js';
import { discreteGaussian as discreteGaussianSampler } from '../samplers/gaussian.js';
import type { NoiseSampler } from '../samplers/sampler.js';
import { addIntegerNoise } from './central.js';

/** What a server adds to a sum of integers: plain data, for a plan to hold. `planCentral` finds it. */
export interface CentralSettings {
  /** Values of the sum, d. */
  readonly dimension: number;
  /**
   * The largest Euclidean norm of what one client adds to the sum, in its integer steps: see `quantizedContribution`.
   */
  readonly contribution: number;
  /** sigma^2 of the discrete Gaussian noise in each coordinate, in steps squared: exactly what the double is. */
  readonly variance: number;
}

/** Noise and sum are to fit doubles exactly. */
const maxVariance = 2 ** 80;

/**
 * Steps that no value of the noise goes beyond, but with probability 2^-40 for 2^27 values together: 2^28 exp(-10^2/2)
 * is less.
 */
export function noiseReach(variance: number): number {
  return Math.ceil(10 * Math.sqrt(checkNumber('variance', variance, 0, maxVariance)));
}

/**
 * The norm that so many values of the noise don't go beyond, but with probability 2^-40 (Hsu, Kakade and Zhang 2012,
 * theorem 1: 2^40 < e^28).
 */
export function noiseNorm(variance: number, dimension: number): number {
  return Math.sqrt(variance * (dimension + 2 * Math.sqrt(28 * dimension) + 56));
}

/**
 * Central noise: the server learns the exact sum and adds discrete Gaussian noise to it before it shows it to anyone.
 * So the server has to be trusted with the sum; what it shows is private. Exact integer noise on an integer sum:
 * nothing is said by low bits (Mironov 2012).
 */
export class CentralMechanism {
  readonly settings: CentralSettings;
  readonly #sampler: NoiseSampler;

  /** @throws UsageError `usage.range`, `usage.options` */
  constructor(settings: CentralSettings) {
    checkOptions('settings', settings);
    const dimension = checkInteger('dimension', settings.dimension, 1, 2 ** 32);
    const contribution = checkNumber('contribution', settings.contribution, Number.MIN_VALUE, 2 ** 52);
    const variance = checkNumber('variance', settings.variance, 2 ** -10, maxVariance);
    this.settings = Object.freeze({ dimension, contribution, variance });
    this.#sampler = discreteGaussianSampler({ variance: settings.variance });
  }

  /** Standard deviation of the noise, in steps. */
  get deviation(): number {
    return Math.sqrt(this.settings.variance);
  }

  /**
   * The integers of a decoded sum with noise, as new integers in doubles. Call it once a sum: two outcomes of one sum
   * cost twice. A sum mod 2^b, in which someone may have put anything, has to be taken mod 2^b again: it may be just
   * where it wraps, and one record more would move it by 2^b.
   *
   * @throws UsageError `usage.integers`, `usage.vector`
   */
  addNoise(sum: Int32Array, random: RandomSource): Float64Array<ArrayBuffer> {
    if (!(sum instanceof Int32Array))
      throw new UsageError('usage.integers', `sum must be an Int32Array, got ${describe(sum)}`);
    if (sum.length !== this.settings.dimension)
      throw new UsageError('usage.vector', `sum must have ${this.settings.dimension} values, got ${sum.length}`);
    return addIntegerNoise(sum, { sampler: this.#sampler, random });
  }

  /**
   * What one such sum costs, as the event to charge and to compose. `samplingProbability` may only be given where each
   * record came by its own coin, and amplifies only against those who don't see who took part.
   *
   * @throws UsageError `usage.range`, `usage.choice`
   */
  event<R extends Relation>(options: { readonly relation: R; readonly samplingProbability?: number }): PrivacyEvent<R> {
    const { samplingProbability = 1 } = options;
    const relation = checkRelation(options.relation) as R;
    const { dimension, contribution, variance } = this.settings;
    const event = discreteGaussian<R>({
      relation,
      sigmaSquared: variance,
      // One coordinate moves by whole steps.
      contribution: dimension === 1 ? Math.max(1, Math.floor(contribution)) : contribution,
      dimension,
    });
    return samplingProbability === 1 ? event : poissonSampled<R>({ samplingProbability, event });
  }

  /**
   * Epsilon of so many sums. Throws as `event`, and UsageError `dp.unsupported` for what no accountant has a bound for.
   */
  epsilonAfter<R extends Relation>(options: {
    readonly rounds: number;
    readonly relation: R;
    readonly delta: number;
    readonly samplingProbability?: number;
  }): Bounds {
    const { rounds, relation, delta } = options;
    return bestEpsilon({ relation, delta, events: [{ event: this.event(options), count: rounds }] });
  }
}

/** What `planCentral` is to keep to. */
export interface CentralTarget extends Omit<CentralSettings, 'variance'> {
  /** Rounds of the task. */
  readonly rounds: number;
  /** Probability that a record is in a round, by its own coin; 1 unless told. */
  readonly samplingProbability?: number;
  /** `addOrRemoveOne` unless told. */
  readonly relation?: Relation;
  /** Of the whole task. */
  readonly epsilon: number;
  readonly delta: number;
}

/**
 * The least noise that keeps the whole task within its budget, and the epsilon that it comes to.
 *
 * @throws UsageError `usage.range`, `usage.choice`, `dp.unsupported`; AbortError `dp.infeasible` where the noise would
 *   not fit
 */
export function planCentral(target: CentralTarget): { readonly settings: CentralSettings; readonly epsilon: Bounds } {
  const { dimension, contribution, samplingProbability = 1, epsilon, delta, rounds } = target;
  const relation: Relation = checkChoice('relation', target.relation ?? 'addOrRemoveOne', relations);
  checkNumber('epsilon', epsilon, 1e-6, 1e6);
  checkNumber('delta', delta, 1e-300, 1 - 2 ** -53);
  checkNumber('contribution', contribution, Number.MIN_VALUE, 2 ** 52);
  checkInteger('rounds', rounds, 1, 2 ** 40);
  const noiseMultiplier = calibrate<Relation>({
    accountant: new PldAccountant<Relation>({ relation }),
    target: { epsilon, delta },
    event: (value) =>
      selfComposed<Relation>(
        poissonSampled<Relation>({ samplingProbability, event: gaussian({ noiseMultiplier: value, relation }) }),
        rounds,
      ),
    least: 1e-3,
    most: 1e9,
    costs: 'less',
  });
  // Discrete noise costs at most as much as Gaussian noise of some three steps squared less; small noise takes more to
  // make up for it.
  for (let variance = (noiseMultiplier * contribution) ** 2; variance < maxVariance; variance *= 1.001) {
    const mechanism = new CentralMechanism({ dimension, contribution, variance: Math.ceil(1024 * variance) / 1024 });
    const spent = mechanism.epsilonAfter({ rounds, relation, delta, samplingProbability });
    if (spent.upper <= epsilon) return { settings: mechanism.settings, epsilon: spent };
  }
  throw new AbortError(
    'dp.infeasible',
    `noise of ${noiseMultiplier} contributions of ${contribution} steps is too much for exact sampling: use a coarser grid`,
  );
}

/**
 * The largest norm, in integer steps, of an update that was clipped to norm `clip`, quantized by stochastic rounding in
 * steps of `step` and multiplied with a weight up to `maxWeight`: each coordinate moves by a step at most, so
 * (clip/step + sqrt(d)) * maxWeight. Clipping in float32 may leave a norm some 2^-22 too large, which is included.
 *
 * @throws UsageError `usage.range`
 */
export function quantizedContribution(options: {
  readonly clip: number;
  readonly step: number;
  readonly dimension: number;
  readonly maxWeight?: number;
}): number {
  const clip = checkNumber('clip', options.clip, Number.MIN_VALUE, Number.MAX_VALUE);
  const step = checkNumber('step', options.step, Number.MIN_VALUE, Number.MAX_VALUE);
  const dimension = checkInteger('dimension', options.dimension, 1, 2 ** 32);
  const maxWeight = checkInteger('maxWeight', options.maxWeight ?? 1, 1, 2 ** 32);
  return (clip / step + Math.sqrt(dimension)) * maxWeight * (1 + 2 ** -20);
}
