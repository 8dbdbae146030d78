/**
 * Batch samplers that know what they may be accounted as. The amplification of Poisson sampling is only earned by
 * drawing that way; so the event comes from the object that draws, and a batch's type says how it was drawn.
 */
import type { Brand } from '../core/brand.js';
import { checkInteger, checkNumber } from '../core/check.js';
import { type RandomSource, uniformBelow } from '../core/random.js';
import { fixedSizeSampled, poissonSampled } from './events/compound.js';
import type { FixedSizeSampledEvent, PoissonSampledEvent, PrivacyEvent } from './events/event.js';
import type { Relation } from './neighboring.js';

/** Record numbers, ascending but for shuffled ones, and how they were drawn. */
export type Batch<Way extends 'poisson' | 'fixedSize' | 'shuffled'> = Brand<Uint32Array<ArrayBuffer>, `batch:${Way}`>;

/** Draws batches of record numbers below `datasetSize`. */
export interface BatchSampler<Way extends 'poisson' | 'fixedSize' | 'shuffled'> {
  readonly datasetSize: number;
  draw(): Batch<Way>;
}

/** Every record joins by its own coin: batches vary in size, and may be empty. */
export class PoissonBatches implements BatchSampler<'poisson'> {
  readonly datasetSize: number;
  readonly samplingProbability: number;
  readonly #random: RandomSource;

  /** @throws UsageError for a size outside of 1..2^32-1 or a probability outside of [0, 1]. */
  constructor(options: {
    readonly datasetSize: number;
    readonly samplingProbability: number;
    readonly random: RandomSource;
  }) {
    this.datasetSize = checkInteger('datasetSize', options.datasetSize, 1, 2 ** 32 - 1);
    this.samplingProbability = checkNumber('samplingProbability', options.samplingProbability, 0, 1);
    this.#random = options.random;
  }

  draw(): Batch<'poisson'> {
    // Coins of 48 bits, rounded down: never more likely than what is accounted for.
    const limit = Math.floor(this.samplingProbability * 2 ** 48);
    const joined: number[] = [];
    const block = 8192;
    for (let first = 0; first < this.datasetSize; first += block) {
      const count = Math.min(block, this.datasetSize - first);
      const bytes = this.#random(6 * count);
      const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      for (let i = 0; i < count; i += 1)
        if (view.getUint32(6 * i, true) + view.getUint16(6 * i + 4, true) * 2 ** 32 < limit) joined.push(first + i);
    }
    // The brand is made by the sampler that earns it.
    return Uint32Array.from(joined) as Batch<'poisson'>;
  }

  /** What one batch costs when `event` is done to it. */
  accountFor<R extends Relation>(event: PrivacyEvent<R>): PoissonSampledEvent<R> {
    return poissonSampled({ samplingProbability: this.samplingProbability, event });
  }
}

/** A uniform subset of fixed size, without replacement, anew for every batch. */
export class FixedSizeBatches implements BatchSampler<'fixedSize'> {
  readonly datasetSize: number;
  readonly sampleSize: number;
  readonly #random: RandomSource;

  /** @throws UsageError unless 1 <= sampleSize <= datasetSize < 2^32. */
  constructor(options: { readonly datasetSize: number; readonly sampleSize: number; readonly random: RandomSource }) {
    this.datasetSize = checkInteger('datasetSize', options.datasetSize, 1, 2 ** 32 - 1);
    this.sampleSize = checkInteger('sampleSize', options.sampleSize, 1, this.datasetSize);
    this.#random = options.random;
  }

  /** Floyd's algorithm. */
  draw(): Batch<'fixedSize'> {
    const chosen = new Set<number>();
    for (let top = this.datasetSize - this.sampleSize; top < this.datasetSize; top += 1) {
      const pick = uniformBelow(this.#random, top + 1);
      chosen.add(chosen.has(pick) ? top : pick);
    }
    return Uint32Array.from(chosen).sort() as Batch<'fixedSize'>;
  }

  /** What one batch costs when `event` is done to it; only for replaced records, for the sizes are public. */
  accountFor(event: PrivacyEvent<'replaceOne'>): FixedSizeSampledEvent {
    return fixedSizeSampled({ sampleSize: this.sampleSize, datasetSize: this.datasetSize, event });
  }
}

/** Every record once an epoch, in a random order, in batches of one size: what most training loops do. */
export class ShuffledBatches implements BatchSampler<'shuffled'> {
  readonly datasetSize: number;
  readonly batchSize: number;
  readonly #random: RandomSource;
  #order: Uint32Array<ArrayBuffer> = new Uint32Array(0);
  #next = 0;

  /** @throws UsageError unless 1 <= batchSize <= datasetSize <= 2^27. */
  constructor(options: { readonly datasetSize: number; readonly batchSize: number; readonly random: RandomSource }) {
    this.datasetSize = checkInteger('datasetSize', options.datasetSize, 1, 2 ** 27);
    this.batchSize = checkInteger('batchSize', options.batchSize, 1, this.datasetSize);
    this.#random = options.random;
  }

  /** The last batch of an epoch may be smaller. */
  draw(): Batch<'shuffled'> {
    if (this.#next >= this.#order.length) this.#shuffle();
    const batch = this.#order.slice(this.#next, this.#next + this.batchSize);
    this.#next += batch.length;
    return batch as Batch<'shuffled'>;
  }

  /**
   * What a whole epoch costs when `event` is done to each batch: each record is in one, so it is one event, without
   * amplification, for what shuffling hides of training has no bound that comes near that of Poisson samples.
   */
  accountForEpoch<R extends Relation>(event: PrivacyEvent<R>): PrivacyEvent<R> {
    return event;
  }

  #shuffle(): void {
    this.#order = Uint32Array.from({ length: this.datasetSize }, (_, i) => i);
    this.#next = 0;
    for (let i = this.datasetSize - 1; i > 0; i -= 1) {
      const j = uniformBelow(this.#random, i + 1);
      const held = this.#order[i] as number;
      this.#order[i] = this.#order[j] as number;
      this.#order[j] = held;
    }
  }
}
