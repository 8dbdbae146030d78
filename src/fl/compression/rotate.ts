import * as v from 'valibot';
import { rotatedLength, rotate as rotateVector, unrotate } from '../../ring/rotate.js';
import { flag, kindSchema } from '../spec.js';
import type { CompressionContext, CompressionKind } from './kind.js';
import { sharedBytes } from './shared.js';

/**
 * The randomized Hadamard rotation (Suresh et al. 2017): no compression by itself, but it spreads a vector evenly, so
 * that a quantizer needs a range of a few |x|/sqrt(d) instead of max |x|.
 *
 * The transform is for powers of two. Padding up to the next one costs up to twice the bytes, so unless `pad` is set no
 * value is added: with p the greatest power of two that isn't above d, the first p values are rotated, and then the
 * last p. That is orthonormal as well, and each rotation leaves its values a variance of at most |x|^2 / p over the
 * seeds, p > d/2.
 */
export interface RotateSpec {
  readonly kind: 'rotate';
  /** False if not given. True is the rotation that distributed differential privacy is analysed for. */
  readonly pad: boolean;
}

export const rotate: CompressionKind<RotateSpec> = {
  schema: kindSchema('rotate', { pad: v.optional(flag(), false) }),
  linear: true,
  additive: true,
  unbiased: () => true,
  length: ({ pad }, dimension) => (pad ? rotatedLength(dimension) : dimension),
  client: ({ pad }, values, context) => {
    const [first, last] = seedsOf(context);
    if (pad) return Float32Array.from(rotateVector(values, first));
    const rotated = Float64Array.from(values);
    const whole = powerWithin(values.length);
    const rest = values.length - whole;
    rotated.set(rotateVector(rotated.subarray(0, whole), first));
    if (rest > 0) rotated.set(rotateVector(rotated.subarray(rest), last), rest);
    return Float32Array.from(rotated);
  },
  server: ({ pad }, sum, context, dimension) => {
    const [first, last] = seedsOf(context);
    if (pad) return unrotate(sum, first, dimension);
    const values = Float64Array.from(sum);
    const whole = powerWithin(dimension);
    const rest = dimension - whole;
    if (rest > 0) values.set(unrotate(values.subarray(rest), last, whole), rest);
    values.set(unrotate(values.subarray(0, whole), first, whole));
    return values;
  },
};

/** The greatest power of two that isn't above `length`. */
function powerWithin(length: number): number {
  const padded = rotatedLength(length);
  return padded === length ? length : padded / 2;
}

function seedsOf(context: CompressionContext): readonly [Uint8Array, Uint8Array] {
  const bytes = sharedBytes(context, 'rotation', 64);
  return [bytes.subarray(0, 32), bytes.subarray(32)];
}
