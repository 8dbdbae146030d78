import { checkInteger, checkNumber, describe } from '../core/check.js';
import { UsageError } from '../core/errors.js';
import { quantizer } from '../kernels/quantize.js';
import { asPlain, checkVector, type PlainVector, zeroVector } from './vector.js';

/**
 * Real values as ring elements: clamped to [-range, range], scaled so that range becomes 2^(bits-1) - 1, stochastically
 * rounded to an integer, multiplied with an integer weight and taken mod 2^b. Sums are exact integers as long
 * as they can't wrap, which `ringBitsFor` sees to.
 */

/**
 * The least and greatest range: well inside float32's normal numbers, so that nothing over- or underflows on the way.
 */
export const minRange: number = 2 ** -64;
export const maxRange: number = 2 ** 64;

export interface QuantizeOptions {
  /** Bits of a rounded value, sign included: 2 to 32. */
  readonly bits: number;
  /** Values beyond [-range, range] are clamped. In the values' own unit, from 2^-64 to 2^64. */
  readonly range: number;
  /** Integer from 0 up; each rounded value is multiplied with it. (2^(bits-1) - 1) * weight must be below 2^(b-1). */
  readonly weight: number;
  /** One uniform 32-bit number a value, fresh and secret; they decide which way fractions are rounded. */
  readonly rounding: Uint32Array;
}

/** 2^(bits-1) - 1, the largest integer of `bits` bits (2 to 32); its negative is the smallest that quantizer gives. */
export function quantizationLimit(bits: number): number {
  return 2 ** (checkInteger('bits', bits, 2, 32) - 1) - 1;
}

/** range / (2^(bits-1) - 1): the distance of two neighboring quantized values, in the unit of `range`. */
export function quantizationStep(options: { readonly bits: number; readonly range: number }): number {
  return checkNumber('range', options.range, minRange, maxRange) / quantizationLimit(options.bits);
}

/**
 * b, the least ring in which `maxClients` quantized values of `bits` bits, each times a weight of at most `maxWeight`,
 * can never wrap: bits + ceil(log2(maxClients * maxWeight)). The largest sum is (2^(bits-1) - 1) * maxClients *
 * maxWeight < 2^(b-1), its negative the smallest; both are inside the centered range [-2^(b-1), 2^(b-1)). Throws
 * `UsageError`: `usage.range`, or `ring.wraps` if b would be above 32.
 */
export function ringBitsFor(options: {
  readonly bits: number;
  readonly maxClients: number;
  readonly maxWeight: number;
}): number {
  const bits = checkInteger('bits', options.bits, 2, 32);
  const maxClients = checkInteger('maxClients', options.maxClients, 1, 2 ** 32);
  const maxWeight = checkInteger('maxWeight', options.maxWeight, 1, 2 ** 32);
  const ringBits = sumBits(bits, maxClients, maxWeight);
  if (ringBits > 32)
    throw new UsageError(
      'ring.wraps',
      `a sum of ${maxClients} clients with weights up to ${maxWeight} and ${bits}-bit values needs ${ringBits} bits, at most ` +
        `32 are possible: lower bits to ${Math.max(0, bits - (ringBits - 32))}, or the product of clients and weight to ${2 ** (32 - bits)}`,
    );
  return ringBits;
}

/** What `ringBitsFor` computes, without its limit. Products above 2^53 are rounded, far above what any ring holds. */
export function sumBits(bits: number, maxClients: number, maxWeight: number): number {
  let bitsMore = 0;
  while (2 ** bitsMore < maxClients * maxWeight) bitsMore += 1;
  return bits + bitsMore;
}

/**
 * Writes `values` quantized into the first values.length places of `target`. E[decoded] is the clamped value times the
 * weight, to within 2^-32 of a step: the fraction f is rounded up for ceil(f * 2^32) of the 2^32 draws. Throws
 * `UsageError`: `usage.floats` on a wrong type, `usage.vector` where the arrays' lengths don't fit, `usage.range`,
 * `ring.wraps` if a single weighted value could wrap, and `usage.finite` at the first NaN or infinity; `target` is
 * meaningless after that.
 */
export function quantizeInto(target: PlainVector, values: Float32Array, options: QuantizeOptions): void {
  const { bits: ringBits, lanes } = checkVector('target', target);
  checkFloats('values', values);
  const { rounding, weight } = options;
  if (!(rounding instanceof Uint32Array) || rounding.length !== values.length)
    throw new UsageError(
      'usage.vector',
      `rounding must be a Uint32Array of ${values.length}, got ${describe(rounding)}`,
    );
  if (lanes.length < values.length)
    throw new UsageError('usage.vector', `target must have ${values.length} places or more, got ${lanes.length}`);
  const limit = quantizationLimit(options.bits);
  const scale = limit / checkNumber('range', options.range, minRange, maxRange);
  checkInteger('weight', weight, 0, 2 ** 32);
  if (limit * weight >= 2 ** (ringBits - 1))
    throw new UsageError(
      'ring.wraps',
      `${options.bits}-bit values times weight ${weight} don't fit a ring of ${ringBits} bits: lower either`,
    );
  const finite = quantizer()(values, rounding, { scale, limit, weight }, lanes.subarray(0, values.length));
  if (!finite) throw notFinite('values', values);
}

/** `values` quantized as a new vector over Z_2^`ringBits`; see `quantizeInto`. */
export function quantize(values: Float32Array, options: QuantizeOptions & { readonly ringBits: number }): PlainVector {
  const vector = asPlain(zeroVector(options.ringBits, checkFloats('values', values).length));
  quantizeInto(vector, values, options);
  return vector;
}

/** The integers that a plain sum stands for, centered: each in [-2^(b-1), 2^(b-1)). */
export function decodeSum(sum: PlainVector): Int32Array<ArrayBuffer> {
  const { bits, lanes } = checkVector('sum', sum);
  const unused = 32 - bits;
  const integers = new Int32Array(lanes.length);
  for (let i = 0; i < lanes.length; i += 1) integers[i] = ((lanes[i] as number) << unused) >> unused;
  return integers;
}

/** The integers that a plain sum of counters stands for, unsigned: each in [0, 2^b). */
export function decodeCounters(sum: PlainVector): Uint32Array<ArrayBuffer> {
  const { bits, lanes } = checkVector('sum', sum);
  const unused = 32 - bits;
  const integers = new Uint32Array(lanes.length);
  for (let i = 0; i < lanes.length; i += 1) integers[i] = ((lanes[i] as number) << unused) >>> unused;
  return integers;
}

/**
 * The real sum that the integers of `decodeSum` stand for: integer * step, in the unit of `range`. Doubles, because a
 * sum has up to 32 significant bits. Throws `UsageError` (`usage.range`).
 */
export function dequantize(
  integers: Int32Array,
  options: { readonly bits: number; readonly range: number },
): Float64Array<ArrayBuffer> {
  const step = quantizationStep(options);
  const values = new Float64Array(integers.length);
  for (let i = 0; i < integers.length; i += 1) values[i] = (integers[i] as number) * step;
  return values;
}

/** Returns `values` if it is a Float32Array; throws `UsageError` (`usage.floats`) otherwise. */
export function checkFloats(name: string, values: unknown): Float32Array {
  if (!(values instanceof Float32Array))
    throw new UsageError('usage.floats', `${name} must be a Float32Array, got ${describe(values)}`);
  return values;
}

/** The error for the first value that isn't finite. */
export function notFinite(name: string, values: Float32Array): UsageError {
  const index = values.findIndex((value) => !Number.isFinite(value));
  return new UsageError(
    'usage.finite',
    `${name}[${index}] is ${values[index]}: every value must be a finite number; check the training step for divergence`,
  );
}
