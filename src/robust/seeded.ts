import { shake256 } from '@noble/hashes/sha3.js';
import { describe } from '../core/check.js';
import { UsageError } from '../core/errors.js';
import { type RandomSource, uniformBelow } from '../core/random.js';

const minimumSeedBytes = 16;
const maximumSeedBytes = 1024;

/** Bytes that follow from `seed` alone: SHAKE256 over a label and the seed. */
export function seededSource(seed: Uint8Array): RandomSource {
  const stream = shake256.create({ dkLen: 32 });
  stream.update(new TextEncoder().encode('veilsum robust v1'));
  stream.update(seed);
  return (length) => stream.xof(length);
}

/** Returns a seed of 16 to 1024 bytes; throws `UsageError` (`robust.seed`) otherwise. */
function checkSeed(name: string, seed: unknown): Uint8Array {
  if (seed instanceof Uint8Array && seed.length >= minimumSeedBytes && seed.length <= maximumSeedBytes) return seed;
  throw new UsageError(
    'robust.seed',
    `${name} must be a Uint8Array of ${minimumSeedBytes} to ${maximumSeedBytes} bytes, since nothing here is random without a seed; got ${describe(seed)}`,
  );
}

/** What gives the bytes that follow from `seed`; asked for without a seed, it throws `UsageError` (`robust.seed`). */
export function sourceOnDemand(seed: unknown): () => RandomSource {
  const source = seed === undefined ? undefined : seededSource(checkSeed('seed', seed));
  return () => source ?? seededSource(checkSeed('seed', undefined));
}

/** A uniform permutation of 0 .. count-1 (Fisher and Yates). */
export function permutation(random: RandomSource, count: number): number[] {
  const order = Array.from({ length: count }, (_, i) => i);
  for (let i = count - 1; i > 0; i--) {
    const j = uniformBelow(random, i + 1);
    [order[i], order[j]] = [order[j] as number, order[i] as number]; // both in range
  }
  return order;
}

/** `count` distinct integers below `bound`, ascending, uniform among all such sets (Floyd). */
export function sample(random: RandomSource, bound: number, count: number): number[] {
  const chosen = new Set<number>();
  for (let top = bound - count; top < bound; top++) {
    const value = uniformBelow(random, top + 1);
    chosen.add(chosen.has(value) ? top : value);
  }
  return [...chosen].sort((a, b) => a - b);
}

/** Fills `out` with independent normal values of mean zero and deviation one (Box and Muller). */
export function fillNormal(random: RandomSource, out: Float64Array): void {
  for (let k = 0; k < out.length; k += 2) {
    const bytes = random(16);
    const view = new DataView(bytes.buffer, bytes.byteOffset, 16);
    const radius = Math.sqrt(-2 * Math.log(unit(view, 0)));
    const angle = 2 * Math.PI * unit(view, 8);
    out[k] = radius * Math.cos(angle);
    if (k + 1 < out.length) out[k + 1] = radius * Math.sin(angle);
  }
}

/** Uniform on (0, 1], in steps of 2^-53. */
function unit(view: DataView, offset: number): number {
  const high = view.getUint32(offset, true) >>> 5;
  const low = view.getUint32(offset + 4, true) >>> 6;
  return (high * 2 ** 26 + low + 1) / 2 ** 53;
}
