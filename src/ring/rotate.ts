import { chacha20 } from '@noble/ciphers/chacha.js';
import { utf8 } from '../core/bytes.js';
import { checkBytes, checkInteger, describe } from '../core/check.js';
import { UsageError } from '../core/errors.js';
import { maxVectorLength } from './vector.js';

/**
 * The randomized Hadamard rotation: random signs, then the Walsh-Hadamard transform over sqrt(d), d a power of two. It
 * keeps the Euclidean norm and spreads a vector evenly over its coordinates, whatever it was: each is sub-Gaussian of
 * variance |x|^2 / d over the signs. That is what lets a sum be bounded coordinate by coordinate (Suresh et al. 2017;
 * Kairouz, Liu and Steinke 2021, section 4.2). The seed is public and common to all clients of a sum, as the rotation
 * of the sum is undone once.
 *
 * In doubles, with + and - in a fixed order: the same bytes on every machine.
 */

const nonce: Uint8Array = utf8('veilsum rot.');

/**
 * The least power of two that isn't below `length` (0 to 2^28): values that a rotated vector has. Throws `UsageError`
 * (`usage.range`).
 */
export function rotatedLength(length: number): number {
  checkInteger('length', length, 0, maxVectorLength);
  let padded = 1;
  while (padded < length) padded *= 2;
  return padded;
}

/**
 * `values` padded with zeros and rotated, as a new array of `rotatedLength(values.length)` doubles.
 *
 * @param seed 32 bytes, public; fresh for each round
 * @throws UsageError `usage.floats`, `usage.bytes`
 */
export function rotate(values: Float32Array | Float64Array, seed: Uint8Array): Float64Array<ArrayBuffer> {
  if (!(values instanceof Float32Array) && !(values instanceof Float64Array))
    throw new UsageError('usage.floats', `values must be a Float32Array or Float64Array, got ${describe(values)}`);
  checkBytes('seed', seed, 32);
  const rotated = new Float64Array(rotatedLength(values.length));
  rotated.set(values);
  flipSigns(rotated, seed);
  transform(rotated);
  return rotated;
}

/**
 * The first `length` values of a vector whose rotation is `rotated`: the inverse of `rotate`, to within rounding.
 *
 * @throws UsageError `usage.floats`, `usage.vector` if `rotated` hasn't `rotatedLength(length)` values, `usage.bytes`
 */
export function unrotate(rotated: Float64Array, seed: Uint8Array, length: number): Float64Array<ArrayBuffer> {
  if (!(rotated instanceof Float64Array))
    throw new UsageError('usage.floats', `rotated must be a Float64Array, got ${describe(rotated)}`);
  checkBytes('seed', seed, 32);
  if (rotated.length !== rotatedLength(length))
    throw new UsageError(
      'usage.vector',
      `rotated must have ${rotatedLength(length)} values for a vector of ${length}, got ${rotated.length}`,
    );
  const values = Float64Array.from(rotated);
  transform(values);
  flipSigns(values, seed);
  return values.slice(0, length);
}

/** Coordinate i changes its sign where bit i % 8 of byte floor(i / 8) of the ChaCha20 key stream is set. */
function flipSigns(values: Float64Array, seed: Uint8Array): void {
  const signs = chacha20(seed, nonce, new Uint8Array(Math.ceil(values.length / 8)));
  for (let i = 0; i < values.length; i += 1)
    if ((((signs[i >> 3] as number) >> (i & 7)) & 1) === 1) values[i] = -(values[i] as number);
}

/** The orthonormal Walsh-Hadamard transform, in place; its own inverse. */
function transform(values: Float64Array): void {
  const { length } = values;
  for (let half = 1; half < length; half *= 2) {
    for (let start = 0; start < length; start += 2 * half) {
      for (let i = start; i < start + half; i += 1) {
        const a = values[i] as number;
        const b = values[i + half] as number;
        values[i] = a + b;
        values[i + half] = a - b;
      }
    }
  }
  const scale = 1 / Math.sqrt(length);
  for (let i = 0; i < length; i += 1) values[i] = (values[i] as number) * scale;
}
