import { describe } from '../../core/check.js';
import { UsageError } from '../../core/errors.js';
import type { RandomSource } from '../../core/random.js';
import { bitLength } from './rational.js';

const maxBlock = 4096;

/**
 * Uniform 32-bit words, little-endian, in the order in which a random source gives its bytes. What a sampler returns is
 * a function of this sequence of words alone, so two parties that hold the same seed draw the same noise.
 */
export class BitSource {
  readonly #random: RandomSource;
  readonly #words: Uint32Array;
  #next: number;

  /** `expected`: how many words will be drawn, more or less; it only sets how many are asked for at a time. */
  constructor(random: RandomSource, expected: number = maxBlock) {
    if (typeof random !== 'function')
      throw new UsageError('usage.random', `random must be a function that gives bytes, got ${describe(random)}`);
    this.#random = random;
    this.#words = new Uint32Array(Math.max(1, Math.min(maxBlock, expected)));
    this.#next = this.#words.length;
  }

  /** An integer from 0 to 2^32 - 1. */
  word(): number {
    if (this.#next === this.#words.length) this.#refill();
    const word = this.#words[this.#next] as number;
    this.#words[this.#next] = 0;
    this.#next += 1;
    return word;
  }

  /** A number from 0 to 2^53 - 1, of two words: the first gives the upper 32 bits, the second's upper bits the rest. */
  word53(): number {
    return this.word() * 2 ** 21 + (this.word() >>> 11);
  }

  /** An integer from 0 to `bound` - 1, exactly uniform: draws that aren't below the bound are drawn again. */
  below(bound: bigint): bigint {
    const bits = bitLength(bound - 1n);
    for (;;) {
      let drawn = 0n;
      for (let have = 0; have < bits; have += 32) drawn = (drawn << 32n) | BigInt(this.word());
      drawn >>= BigInt((32 - (bits % 32)) % 32);
      if (drawn < bound) return drawn;
    }
  }

  /** True with probability 1/2. */
  bit(): boolean {
    return this.word() >>> 31 === 1;
  }

  /** Forgets what was drawn ahead. */
  wipe(): void {
    this.#words.fill(0);
    this.#next = this.#words.length;
  }

  #refill(): void {
    const length = 4 * this.#words.length;
    const bytes = this.#random(length);
    if (!(bytes instanceof Uint8Array) || bytes.length !== length)
      throw new UsageError('usage.random', `random must give ${length} bytes as asked, got ${describe(bytes)}`);
    const view = new DataView(bytes.buffer, bytes.byteOffset, length);
    for (let i = 0; i < this.#words.length; i += 1) this.#words[i] = view.getUint32(4 * i, true);
    this.#next = 0;
  }
}

/** lower / 2^precision <= the number <= upper / 2^precision. */
export interface Enclosure {
  readonly lower: bigint;
  readonly upper: bigint;
}

/** An enclosure of one fixed number from 0 to 1 that closes in on it as `precision` grows. */
export type Enclose = (precision: number) => Enclosure;

/**
 * A uniform real number in [0, 1) of which only a prefix is drawn yet; comparing it draws as many more bits as it
 * takes. So an event of any real probability happens with exactly that probability, at two bits' cost in the mean.
 */
export class LazyUniform {
  readonly #source: BitSource;
  #prefix: bigint;
  #bits: number;

  /** A number whose first `bits` binary digits are those of the integer `prefix`. */
  constructor(source: BitSource, prefix: bigint, bits: number) {
    this.#source = source;
    this.#prefix = prefix;
    this.#bits = bits;
  }

  /**
   * Whether it is below the number that `enclose` encloses. Bits are drawn only where the bound lies strictly inside
   * the cell of those known, which doesn't depend on how good the enclosure is: the draws consumed are a function of
   * the distribution alone.
   */
  isBelow(enclose: Enclose): boolean {
    for (let extra = 32; ; ) {
      const precision = this.#bits + extra;
      const { lower, upper } = enclose(precision);
      const [from, to] = [this.#prefix << BigInt(extra), (this.#prefix + 1n) << BigInt(extra)];
      if (to <= lower) return true;
      if (from >= upper) return false;
      if (from <= lower && upper <= to) {
        this.#prefix = (this.#prefix << 32n) | BigInt(this.#source.word());
        this.#bits += 32;
      } else extra *= 2;
    }
  }
}
