import { chacha20 } from '@noble/ciphers/chacha.js';
import { sha256 } from '@noble/hashes/sha2.js';
import { concatBytes, utf8 } from '../core/bytes.js';
import { checkInteger, describe } from '../core/check.js';
import { UsageError } from '../core/errors.js';
import { type RandomSource, uniformBelow } from '../core/random.js';

/** What a simulation's randomness grows from: a string, a safe integer or bytes. */
export type Seed = string | number | Uint8Array;

/** Most bytes of one draw: 1 GiB. */
const maxDraw = 2 ** 30;

/** Key stream that is made at a time, for the many small draws. */
const reserve = 4096;

/**
 * Randomness that is the same each time: the ChaCha20 key stream (RFC 8439) under SHA-256 of the seed and the purpose.
 * Streams of different purposes are independent. For simulations and tests: whoever knows the seed knows every secret.
 *
 * @param purpose what the stream is for, such as 'client 7'
 * @throws UsageError `usage.seed` if the seed is neither of its three kinds
 */
export function seededRandom(seed: Seed, purpose: string): RandomSource {
  const key = sha256(concatBytes(sha256(seedBytes(seed)), utf8(purpose)));
  const nonce = new Uint8Array(12);
  let block = 0;
  let ready = new Uint8Array(0);
  return (length) => {
    checkInteger('length', length, 0, maxDraw);
    if (length <= ready.length) {
      const bytes = ready.slice(0, length);
      ready = ready.subarray(length);
      return bytes;
    }
    const made = Math.ceil((length - ready.length + reserve) / 64) * 64;
    const fresh = chacha20(key, nonce, new Uint8Array(made), undefined, block);
    block += made / 64;
    const all = concatBytes(ready, fresh);
    ready = new Uint8Array(all.subarray(length));
    return all.slice(0, length);
  };
}

function seedBytes(seed: Seed): Uint8Array {
  if (seed instanceof Uint8Array) return concatBytes(utf8('bytes '), seed);
  if (typeof seed === 'string') return utf8(`text ${seed}`);
  if (Number.isSafeInteger(seed)) return utf8(`integer ${seed}`);
  throw new UsageError('usage.seed', `seed must be a string, a safe integer or bytes, got ${describe(seed)}`);
}

/** Numbers drawn from a random source, without bias. */
export interface Numbers {
  /** An integer from 0 to `bound` - 1; `bound` from 1 to 2^32. */
  readonly below: (bound: number) => number;
  /** A number from `least` up to below `most`, of 32 random bits. */
  readonly between: (least: number, most: number) => number;
  /** A shuffled copy. */
  readonly shuffled: <T>(items: readonly T[]) => T[];
}

export function numbersFrom(random: RandomSource): Numbers {
  const word = (): number => {
    const bytes = random(4);
    return new DataView(bytes.buffer, bytes.byteOffset, 4).getUint32(0, true);
  };
  return {
    below: (bound) => uniformBelow(random, checkInteger('bound', bound, 1, 2 ** 32)),
    between: (least, most) => least + (word() / 2 ** 32) * (most - least),
    shuffled: (items) => {
      // 53 random bits each: two that are equal, which would keep their order, hardly ever happen.
      const drawn = items.map((item) => ({ item, place: (word() >>> 11) * 2 ** 32 + word() }));
      return drawn.sort((a, b) => a.place - b.place).map(({ item }) => item);
    },
  };
}
