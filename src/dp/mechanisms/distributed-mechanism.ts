import { checkBytes, checkChoice, checkInteger, checkNumber, checkOptions, describe } from '../../core/check.js';
import { AbortError, UsageError } from '../../core/errors.js';
import type { RandomSource } from '../../core/random.js';
import { rotatedLength } from '../../ring/rotate.js';
import { checkVector, type PlainVector } from '../../ring/vector.js';
import type { Bounds } from '../accounting/accountant.js';
import { bestEpsilon, type CountedEvent } from '../accounting/best.js';
import { poissonSampled } from '../events/compound.js';
import type { PrivacyEvent } from '../events/event.js';
import { discreteGaussian, skellam } from '../events/mechanisms.js';
import { checkRelation, type Relation } from '../neighboring.js';
import { rational, toNumber } from '../samplers/rational.js';
import {
  checkReleaseAt,
  keptSumVariance,
  keptVariances,
  type NoiseComponents,
  noiseComponents,
  removedComponents,
  seededNoise,
} from './components.js';
import { decodeDistributed, encodeDistributed, integerSensitivity, subtractNoise } from './distributed.js';
import { type DistributedNoiseKind, distributedNoiseKinds, groupedTau, wrapLog2 } from './noisy-sum.js';

/**
 * Everything that clients and server must agree on about distributed noise: plain data, for a plan to hold.
 * `planDistributed` finds it. It is agreed and not derived anew by each, since the search goes through logarithms,
 * which engines round differently.
 */
export interface DistributedSettings {
  readonly noise: DistributedNoiseKind;
  /** Length of an update, d. */
  readonly dimension: number;
  /** C: the clip norm, in the update's unit. */
  readonly clip: number;
  /** Size of a grid step, in the update's unit. */
  readonly granularity: number;
  /** Probability of refusing a rounding, at most. */
  readonly beta: number;
  /** b of the ring. */
  readonly ringBits: number;
  /** n: most clients in a sum. */
  readonly clients: number;
  /** Fewest survivors that a sum is released for. */
  readonly minSurvivors: number;
  /** Survivors who may tell the server their noise: theirs doesn't count. */
  readonly colluders: number;
  /**
   * Variance of the honest survivors' noise in a coordinate of the sum, in grid steps squared: exactly what the double
   * is.
   */
  readonly variance: number;
  /**
   * For each removable noise component (an application seed of the session), the survivors from which on it is taken
   * back. Falling.
   */
  readonly releaseAt: readonly number[];
}

/** One client's side of a sum. */
export interface DistributedEncodeOptions {
  /** 32 bytes, public, common to the clients of the sum and fresh for each. */
  readonly rotation: Uint8Array;
  /** For rounding and the noise that stays: secret and fresh. */
  readonly random: RandomSource;
  /** The session's application seeds, one for each entry of `releaseAt`, 32 bytes each. */
  readonly applicationSeeds?: readonly Uint8Array[];
}

/**
 * Distributed noise from end to end: what a client masks, what the server takes back and decodes, and what it costs.
 *
 * Client: clip, rotate, round within the norm bound, add integer noise in the ring (Kairouz, Liu and Steinke 2021;
 * Agarwal, Kairouz and Liu 2021). Server: remove the noise components that so many survivors make excessive (XNoise:
 * Jiang et al., Dordis, 2024), decode. Nobody is trusted with a sum that has less noise than was agreed, but for the
 * colluders that the settings allow.
 */
export class DistributedMechanism {
  readonly settings: DistributedSettings;
  /** A client's noise in parts. */
  readonly components: NoiseComponents;
  /** Values of the ring vector: the dimension padded to a power of two. */
  readonly length: number;
  readonly #l2: number;
  readonly #l1: number;

  /** @throws UsageError `usage.range`, `usage.choice`, `usage.options` for settings that don't make sense */
  constructor(settings: DistributedSettings) {
    this.settings = checkSettings(settings);
    const { variance, dimension } = this.settings;
    this.components = noiseComponents({ ...this.settings, sumVariance: rational(variance) });
    this.length = rotatedLength(dimension);
    const { l2, l1 } = integerSensitivity(this.settings);
    this.#l2 = l2;
    this.#l1 = l1;
  }

  /**
   * A client's input: `length` values mod 2^b.
   *
   * @throws UsageError `usage.vector`, `usage.floats`, `usage.finite`, `usage.bytes`, or `usage.seeds` unless there is
   *   one seed for each component
   */
  encode(update: Float32Array | Float64Array, options: DistributedEncodeOptions): PlainVector {
    const { rotation, random, applicationSeeds = [] } = options;
    const { base, removable } = this.components;
    if (!Array.isArray(applicationSeeds) || applicationSeeds.length !== removable.length)
      throw new UsageError(
        'usage.seeds',
        `applicationSeeds must be ${removable.length} seeds, one a component, got ${describe(applicationSeeds)}`,
      );
    const removed = removable.map(({ sampler }, position) => ({
      sampler,
      random: seededNoise(applicationSeeds[position] as Uint8Array),
    }));
    return encodeDistributed(update, {
      ...this.settings,
      rotation,
      random,
      noise: [{ sampler: base, random }, ...removed],
    });
  }

  /**
   * Takes the noise that this many survivors make excessive out of their sum, in place. The server draws it anew from
   * the seeds that the session released: about as many draws as values, times survivors, times components.
   *
   * @param seeds of each survivor, its released application seeds by position, as in the session's result
   * @throws AbortError `dp.survivors` below the fewest survivors; UsageError `usage.seeds` unless there are just the
   *   seeds that the rule releases, `usage.vector`. The sum is unchanged then.
   */
  removeExcess(sum: PlainVector, seeds: Iterable<ReadonlyMap<number, Uint8Array>>): void {
    const survivors = [...seeds];
    this.#checkSum(sum);
    this.#checkSurvivors(survivors.length);
    const removed = removedComponents(this.components, survivors.length);
    for (const released of survivors)
      if (released.size !== removed.length || !removed.every((position) => released.has(position)))
        throw new UsageError(
          'usage.seeds',
          `each of ${survivors.length} survivors must have released the seeds ${removed.join(', ') || 'of no component'}, one has ${[...released.keys()].join(', ') || 'none'}`,
        );
    for (const released of survivors) for (const seed of released.values()) checkBytes('seed', seed, 32);
    for (const released of survivors)
      for (const [position, seed] of released) {
        const component = this.components.removable[position];
        if (component !== undefined) subtractNoise(sum, component.sampler, seededNoise(seed));
      }
  }

  /**
   * The sum of the updates with noise, `dimension` values in their unit. Throws `UsageError`: `usage.vector`,
   * `usage.bytes`.
   */
  decode(sum: PlainVector, rotation: Uint8Array): Float64Array<ArrayBuffer> {
    this.#checkSum(sum);
    return decodeDistributed(sum, { ...this.settings, rotation });
  }

  /**
   * What a sum of so many survivors costs, as the event to charge and to compose. `samplingProbability` may only be
   * given where each record came by its own coin, and amplifies only against those who don't see who took part: not
   * against the server.
   *
   * @param options.survivors of the sum; or of several sums that have no record in common, for an event that costs no
   *   less than the dearest of them
   * @throws AbortError `dp.survivors` below the fewest survivors; UsageError `usage.range`
   */
  event<R extends Relation>(options: {
    readonly survivors: number | readonly number[];
    readonly relation: R;
    readonly samplingProbability?: number;
  }): PrivacyEvent<R> {
    const { survivors, samplingProbability = 1 } = options;
    const relation = checkRelation(options.relation) as R;
    const all: readonly unknown[] = Array.isArray(survivors) ? survivors : [survivors];
    if (all.length === 0) throw new UsageError('usage.range', 'survivors must have a number for at least one sum');
    const sums = all.map((number) => this.#noiseOf(number));
    const event = noisySumEvent({
      noise: this.settings.noise,
      relation,
      variance: Math.min(...sums.map(({ variance }) => variance)),
      l1: this.#l1,
      l2: this.#l2,
      dimension: this.length,
      tau: Math.max(...sums.map(({ tau }) => tau)),
    });
    return samplingProbability === 1 ? event : poissonSampled<R>({ samplingProbability, event });
  }

  /**
   * What a sum costs at most, however many survive: with the least variance and the largest tau of all numbers. Those
   * need not be at one number. With few survivors, each keeps wide noise; with many, narrow noise, whose sum is further
   * from a discrete Gaussian.
   *
   * @throws UsageError `usage.range`, `usage.choice`
   */
  worstEvent<R extends Relation>(options: {
    readonly relation: R;
    readonly samplingProbability?: number;
  }): PrivacyEvent<R> {
    const { minSurvivors, releaseAt } = this.settings;
    // While the same components are kept, variance and tau both rise with the survivors: the ends of these ranges will
    // do.
    const fewest = [minSurvivors, ...releaseAt];
    return this.event<R>({ ...options, survivors: [...fewest, ...lastBeforeRemoval(this.components, this.settings)] });
  }

  /**
   * Epsilon of all sums so far, from the survivors that each really had.
   *
   * @param options.survivors one number a released sum
   * @throws as `event`, and UsageError `dp.unsupported` for a relation that samples have no bound for
   */
  epsilonAfter<R extends Relation>(options: {
    readonly survivors: readonly number[];
    readonly relation: R;
    readonly delta: number;
    readonly samplingProbability?: number;
  }): Bounds {
    const { survivors, ...others } = options;
    if (!Array.isArray(survivors))
      throw new UsageError('usage.options', `survivors must be an array, got ${describe(survivors)}`);
    const counts = new Map<number, number>();
    for (const number of survivors) counts.set(number, (counts.get(number) ?? 0) + 1);
    const events: CountedEvent<R>[] = [...counts].map(([number, count]) => ({
      event: this.event({ ...others, survivors: number }),
      count,
    }));
    return bestEpsilon({ relation: options.relation, delta: options.delta, events });
  }

  /** log2 of a bound of the probability that a released sum wraps, noise removed; see `wrapLog2`. */
  get wrapLog2(): number {
    const { noise, ringBits, clients, clip, granularity, beta } = this.settings;
    const variance = mostVariance(this.components, this.settings);
    return wrapLog2({ noise, ringBits, dimension: this.length, clients, norm: clip / granularity, beta, variance });
  }

  /** Of the honest survivors' noise in a coordinate, together. */
  #noiseOf(survivors: unknown): { readonly variance: number; readonly tau: number } {
    const all = this.#checkSurvivors(survivors);
    const honest = all - this.settings.colluders;
    return {
      variance: toNumber(keptSumVariance(this.components, all, honest)),
      tau: groupedTau(honest, keptVariances(this.components, all).map(toNumber)),
    };
  }

  #checkSum(sum: PlainVector): void {
    const { bits, lanes } = checkVector('sum', sum);
    if (bits !== this.settings.ringBits || lanes.length !== this.length)
      throw new UsageError(
        'usage.vector',
        `sum must have ${this.length} values of ${this.settings.ringBits} bits, got ${lanes.length} of ${bits}`,
      );
  }

  #checkSurvivors(survivors: unknown): number {
    const { minSurvivors, clients } = this.settings;
    const checked = checkInteger('survivors', survivors, 0, clients);
    if (checked < minSurvivors)
      throw new AbortError(
        'dp.survivors',
        `${checked} survivors carry less noise than agreed, which takes ${minSurvivors}: don't release the sum`,
      );
    return checked;
  }
}

/**
 * The event of one sum, as `NoisySum` describes it, but with what one record adds in place of what a neighbor's sum
 * differs by.
 */
export function noisySumEvent<R extends Relation>(sum: {
  readonly noise: DistributedNoiseKind;
  readonly relation: R;
  readonly variance: number;
  readonly l1: number;
  readonly l2: number;
  readonly dimension: number;
  readonly tau: number;
}): PrivacyEvent<R> {
  const { noise, relation, dimension, tau } = sum;
  const variance = sum.variance * (1 - 2 ** -50); // it was rounded from a fraction
  // One coordinate moves by whole steps.
  const l2 = dimension === 1 ? Math.max(1, Math.floor(sum.l2)) : sum.l2;
  const l1 = dimension === 1 ? l2 : sum.l1;
  if (noise === 'skellam') return skellam<R>({ relation, variance, l1, l2, dimension });
  return discreteGaussian<R>({ relation, sigmaSquared: variance, contribution: l2, l1, dimension, tau });
}

/**
 * The largest variance of a released sum's noise, of all survivors, over their numbers: it peaks just before a
 * component is removed.
 */
export function mostVariance(
  components: NoiseComponents,
  { minSurvivors, clients }: Pick<DistributedSettings, 'minSurvivors' | 'clients'>,
): number {
  let most = 0;
  for (const survivors of lastBeforeRemoval(components, { minSurvivors, clients }))
    most = Math.max(most, toNumber(keptSumVariance(components, survivors, survivors)));
  return most * (1 + 2 ** -50);
}

/** For each set of components that can be kept, the most survivors that it is kept for. */
export function lastBeforeRemoval(
  components: NoiseComponents,
  { minSurvivors, clients }: Pick<DistributedSettings, 'minSurvivors' | 'clients'>,
): readonly number[] {
  const edges = components.removable.map(({ releaseAt }) => releaseAt - 1);
  return [clients, ...edges].filter((survivors) => survivors >= minSurvivors);
}

function checkSettings(settings: DistributedSettings): DistributedSettings {
  checkOptions('settings', settings);
  const clients = checkInteger('clients', settings.clients, 1, 2 ** 24);
  const minSurvivors = checkInteger('minSurvivors', settings.minSurvivors, 1, clients);
  const releaseAt = checkReleaseAt(settings.releaseAt);
  // The other fields are checked by what they are used for.
  checkInteger('ringBits', settings.ringBits, 4, 32);
  checkInteger('colluders', settings.colluders, 0, minSurvivors - 1);
  checkNumber('beta', settings.beta, 0, 0.999);
  checkNumber('variance', settings.variance, 2 ** -10, 2 ** 60);
  checkChoice('noise', settings.noise, distributedNoiseKinds);
  return Object.freeze({ ...settings, releaseAt: Object.freeze([...releaseAt]) });
}
