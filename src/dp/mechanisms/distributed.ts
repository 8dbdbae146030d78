import { checkInteger, checkNumber } from '../../core/check.js';
import { UsageError } from '../../core/errors.js';
import type { RandomSource } from '../../core/random.js';
import { decodeSum } from '../../ring/quantize.js';
import { rotate, rotatedLength, unrotate } from '../../ring/rotate.js';
import { asPlain, checkVector, maxVectorLength, type PlainVector, zeroVector } from '../../ring/vector.js';
import { BitSource } from '../samplers/bits.js';
import type { NoiseSampler } from '../samplers/sampler.js';
import { clipToNorm } from './clip.js';
import { roundConditionally, squaredNormBound } from './rounding.js';

/** How an update becomes integers. All clients of a sum use the same. */
export interface DistributedEncoding {
  /** Length of an update before padding. */
  readonly dimension: number;
  /** C: the clip norm, in the update's unit, from 2^-64 to 2^64. */
  readonly clip: number;
  /** gamma: the size of a grid step, in the update's unit. */
  readonly granularity: number;
  /** Probability that a rounding is refused, at most; see `roundedNormBound`. */
  readonly beta: number;
  /** b of the ring. */
  readonly ringBits: number;
}

/** The most that one client's integers can be, checked in integers before they are masked. */
export interface IntegerSensitivity {
  /** Bound of the squared Euclidean norm: an integer. */
  readonly maxSquaredNorm: number;
  readonly l2: number;
  /** min(sqrt(d) l2, l2^2): an integer's size is at most its square. */
  readonly l1: number;
}

/** Throws `UsageError` (`usage.range`). */
export function integerSensitivity(encoding: Omit<DistributedEncoding, 'ringBits'>): IntegerSensitivity {
  const { clip, granularity, beta } = encoding;
  checkInteger('dimension', encoding.dimension, 1, maxVectorLength);
  checkNumber('clip', clip, 2 ** -64, 2 ** 64);
  checkNumber('granularity', granularity, Number.MIN_VALUE, Number.MAX_VALUE);
  const dimension = rotatedLength(encoding.dimension);
  const maxSquaredNorm = squaredNormBound({ norm: clip / granularity, beta, dimension });
  const l2 = Math.sqrt(maxSquaredNorm);
  return { maxSquaredNorm, l2, l1: Math.min(Math.sqrt(dimension) * l2, maxSquaredNorm) };
}

export interface EncodeOptions extends DistributedEncoding {
  /** 32 bytes, public, common to the clients of the sum. */
  readonly rotation: Uint8Array;
  /** This client's noise: one sampler, or one for each component. Each comes with its randomness. */
  readonly noise: readonly { readonly sampler: NoiseSampler; readonly random: RandomSource }[];
  /** For the rounding; secret. */
  readonly random: RandomSource;
}

/**
 * A client's input: clipped, rotated, rounded to the grid within the norm bound, noise added in the ring (Kairouz, Liu
 * and Steinke 2021, algorithm 1). The vector has `rotatedLength(dimension)` values mod 2^b.
 *
 * @throws UsageError `usage.vector` on another length, `usage.floats`, `usage.finite`, `usage.range`, `usage.bytes`
 */
export function encodeDistributed(update: Float32Array | Float64Array, options: EncodeOptions): PlainVector {
  const { dimension, clip, granularity, ringBits, random } = options;
  const { maxSquaredNorm } = integerSensitivity(options);
  const clipped = clipToNorm(update, clip);
  if (clipped.length !== dimension)
    throw new UsageError('usage.vector', `update must have ${dimension} values, got ${clipped.length}`);
  const rotated = rotate(clipped, options.rotation);
  for (let i = 0; i < rotated.length; i += 1) rotated[i] = (rotated[i] as number) / granularity;
  const rounded = roundConditionally(rotated, { maxSquaredNorm, random });
  const vector = asPlain(zeroVector(ringBits, rounded.length));
  for (let i = 0; i < rounded.length; i += 1) vector.lanes[i] = rounded[i] as number; // typed arrays wrap
  for (const each of options.noise) addNoise(vector, each.sampler, each.random);
  rounded.fill(0);
  rotated.fill(0);
  clipped.fill(0);
  return vector;
}

/**
 * The sum of the clients' updates, with noise, in their unit. Exact (but for the rotation's rounding) unless the sum
 * wrapped.
 *
 * @throws UsageError `usage.vector`, `usage.bytes`
 */
export function decodeDistributed(
  sum: PlainVector,
  options: Pick<DistributedEncoding, 'dimension' | 'granularity'> & { readonly rotation: Uint8Array },
): Float64Array<ArrayBuffer> {
  const values = Float64Array.from(decodeSum(sum));
  for (let i = 0; i < values.length; i += 1) values[i] = (values[i] as number) * options.granularity;
  return unrotate(values, options.rotation, options.dimension);
}

/** vector += noise mod 2^b, one draw a value. */
export function addNoise(vector: PlainVector, sampler: NoiseSampler, random: RandomSource): void {
  combineNoise(vector, sampler, random, 1);
}

/**
 * vector -= noise mod 2^b, where sampler and random source are those of an `addNoise`: takes back exactly what that
 * added.
 */
export function subtractNoise(vector: PlainVector, sampler: NoiseSampler, random: RandomSource): void {
  combineNoise(vector, sampler, random, -1);
}

function combineNoise(vector: PlainVector, sampler: NoiseSampler, random: RandomSource, sign: 1 | -1): void {
  const { lanes } = checkVector('vector', vector);
  const source = new BitSource(random, 6 * lanes.length);
  // |draw| + 2^32 is below 2^53: the sum is exact, then it wraps at the lane.
  for (let i = 0; i < lanes.length; i += 1) lanes[i] = (lanes[i] as number) + sign * sampler.draw(source);
  source.wipe();
}
