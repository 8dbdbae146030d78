import { checkInteger, describe } from '../../core/check.js';
import { UsageError } from '../../core/errors.js';
import type { RandomSource } from '../../core/random.js';
import type { NoiseSampler } from '../samplers/sampler.js';

/**
 * What an accountant is told of a tree run: how many leaves each tree has, virtual ones of a completed tree included.
 */
export interface TreeRecord {
  /** Leaves of the trees that were restarted from, in order, then of the present one if it has any. */
  readonly leaves: readonly number[];
}

/** What a `TreeAggregator` is made with. */
export interface TreeOptions {
  /** Coordinates of a round's sum. */
  readonly dimension: number;
  /** Noise of one node, in the unit of the sums: integers. */
  readonly sampler: NoiseSampler;
  readonly random: RandomSource;
}

/**
 * Tree aggregation (DP-FTRL: Kairouz, McMahan, Song, Thakkar, Thakurta and Xu 2021): after each round it gives the sum
 * of all rounds so far, with the noise of at most log2(T) + 1 nodes of a binary tree, so no sampling is needed for its
 * privacy. Node noise is drawn once and used whenever the node is part of a prefix; only the nodes of the present
 * prefix are kept.
 *
 * A restart begins a new tree: what a record costs is then counted once a tree. It completes the old one: rounds of
 * zeros are added up to the next power of two (section D.3 there), so the released sum carries its root's noise only,
 * and `record` tells the leaves that this took. Restarting without it, or not counting it, is where implementations
 * cheat.
 */
export class TreeAggregator {
  readonly #options: TreeOptions;
  /** Exact sum of all rounds, noise of the completed trees included. */
  readonly #sum: Float64Array;
  /** Noise by level of the nodes that the present prefix consists of; undefined where the prefix has none. */
  #nodes: (Float64Array | undefined)[] = [];
  #leaves = 0;
  readonly #completed: number[] = [];

  /** Throws `UsageError` (`usage.range`). */
  constructor(options: TreeOptions) {
    checkInteger('dimension', options.dimension, 1, 2 ** 28);
    this.#options = options;
    this.#sum = new Float64Array(options.dimension);
  }

  /** Leaves of every tree so far, for the accountant. */
  get record(): TreeRecord {
    return { leaves: this.#leaves === 0 ? [...this.#completed] : [...this.#completed, this.#leaves] };
  }

  /**
   * Takes a round's exact sum (integers, such as `decodeSum` gives) and returns the noisy sum of all rounds.
   *
   * @throws UsageError `usage.integers`, `usage.vector`, `usage.finite` on a value that isn't a safe integer; nothing
   *   has changed then
   */
  add(round: Int32Array | Float64Array): Float64Array<ArrayBuffer> {
    const { dimension } = this.#options;
    if (!(round instanceof Int32Array) && !(round instanceof Float64Array))
      throw new UsageError('usage.integers', `round must be an Int32Array or Float64Array, got ${describe(round)}`);
    if (round.length !== dimension)
      throw new UsageError('usage.vector', `round must have ${dimension} values, got ${round.length}`);
    for (const value of round)
      if (!Number.isSafeInteger(value))
        throw new UsageError('usage.finite', `a round must consist of integers, got ${value}: put it on a grid first`);
    for (let i = 0; i < dimension; i += 1) this.#sum[i] = (this.#sum[i] as number) + (round[i] as number);
    this.#grow();
    return this.#noisy();
  }

  /** Completes the present tree and begins another. Returns the noisy sum that the new one builds on. */
  restart(): Float64Array<ArrayBuffer> {
    if (this.#leaves === 0) return Float64Array.from(this.#sum);
    while (!isPowerOfTwo(this.#leaves)) this.#grow();
    const released = this.#noisy();
    this.#sum.set(released);
    this.#completed.push(this.#leaves);
    this.#nodes = [];
    this.#leaves = 0;
    return released;
  }

  /** One leaf more: the nodes that it completes are replaced by their parent, whose noise is fresh. */
  #grow(): void {
    this.#leaves += 1;
    const level = 31 - Math.clz32(this.#leaves & -this.#leaves);
    const noise = new Float64Array(this.#options.dimension);
    this.#options.sampler.fill(noise, this.#options.random);
    for (let below = 0; below < level; below += 1) this.#nodes[below] = undefined;
    this.#nodes[level] = noise;
  }

  #noisy(): Float64Array<ArrayBuffer> {
    const noisy = Float64Array.from(this.#sum);
    for (const node of this.#nodes)
      if (node !== undefined)
        for (let i = 0; i < noisy.length; i += 1) noisy[i] = (noisy[i] as number) + (node[i] as number);
    return noisy;
  }
}

function isPowerOfTwo(value: number): boolean {
  return (value & (value - 1)) === 0;
}
