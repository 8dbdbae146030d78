import type { Brand } from '../core/brand.js';
import { checkInteger, describe } from '../core/check.js';
import { UsageError } from '../core/errors.js';
import { addLanes, type Lanes, laneBitsFor, subtractLanes } from '../kernels/lanes.js';

/**
 * A vector over Z_2^b, each value in the least lane of 8, 16 or 32 bits that holds b.
 *
 * Values are canonical only mod 2^b: lanes wrap at 2^lane, which 2^b divides, so sums and differences stay right in
 * their low b bits whatever is above them. Packing and decoding reduce; compare vectors through those, or with
 * `equalVectors`.
 */
export interface RingVector {
  /** b, from 1 to 32. */
  readonly bits: number;
  readonly lanes: Lanes;
}

/** Values that anyone who holds them can read: an encoded update, or a sum whose masks are gone. */
export type PlainVector = Brand<RingVector, 'PlainVector'>;

/** Values under masks, uniformly random to whoever lacks the seeds. Robust rules and decoding don't accept them. */
export type MaskedVector = Brand<RingVector, 'MaskedVector'>;

/** 2^28: the longest vector, 1 GiB in 32-bit lanes. */
export const maxVectorLength: number = 2 ** 28;

/** A zero vector of `length` values (0 to 2^28) over Z_2^`bits`; throws `UsageError` (`usage.range`). */
export function zeroVector(bits: number, length: number): RingVector {
  checkInteger('bits', bits, 1, 32);
  checkInteger('length', length, 0, maxVectorLength);
  const lane = laneBitsFor(bits);
  const lanes = lane === 8 ? new Uint8Array(length) : lane === 16 ? new Uint16Array(length) : new Uint32Array(length);
  return { bits, lanes };
}

/**
 * Takes `lanes` (kept, not copied) as a vector over Z_2^`bits`. Throws `UsageError`: `usage.range` if bits isn't an
 * integer from 1 to 32, `usage.lanes` if lanes aren't the least of Uint8Array, Uint16Array and Uint32Array that hold b
 * bits.
 */
export function ringVector(bits: number, lanes: Lanes): RingVector {
  return checkVector('lanes', { bits, lanes });
}

/**
 * A plain vector of these values mod 2^b, in the order given. Throws `UsageError` (`usage.range`) for a value that
 * isn't an integer from -2^(b-1) to 2^b - 1.
 */
export function plainVector(bits: number, values: Iterable<number>): PlainVector {
  if (typeof values?.[Symbol.iterator] !== 'function')
    throw new UsageError('usage.vector', `values must be a list of numbers, got ${describe(values)}`);
  const list = [...values];
  const vector = zeroVector(bits, list.length);
  list.forEach((value, i) => {
    vector.lanes[i] = checkInteger(`value ${i}`, value, -(2 ** (bits - 1)), 2 ** bits - 1);
  });
  return asPlain(vector);
}

/** Brings each lane into [0, 2^b), in place. */
function reduce({ bits, lanes }: RingVector): void {
  if (bits === laneBitsFor(bits)) return;
  const mask = 2 ** bits - 1;
  for (let i = 0; i < lanes.length; i += 1) lanes[i] = (lanes[i] ?? 0) & mask;
}

/**
 * Returns `value` if it is a well-formed vector; throws `UsageError` (`usage.vector`, `usage.range`, `usage.lanes`)
 * otherwise.
 */
export function checkVector<V extends RingVector>(name: string, value: V): V {
  if (typeof value !== 'object' || value === null)
    throw new UsageError('usage.vector', `${name} must be a ring vector, got ${describe(value)}`);
  const bits = checkInteger(`${name}: bits`, value.bits, 1, 32);
  const { lanes } = value;
  const lane = laneBitsFor(bits);
  const right =
    (lane === 8 && lanes instanceof Uint8Array) ||
    (lane === 16 && lanes instanceof Uint16Array) ||
    (lane === 32 && lanes instanceof Uint32Array);
  if (!right)
    throw new UsageError(
      'usage.lanes',
      `${name} must be a Uint${lane}Array to hold ${bits} bits, got ${describe(lanes)}`,
    );
  checkInteger(`${name}: length`, lanes.length, 0, maxVectorLength);
  return value;
}

/**
 * Says that a vector's values are in the clear. The caller vouches for it: an encoder, or whoever removed the last
 * mask.
 */
export function asPlain<V extends RingVector>(vector: V extends MaskedVector ? never : V): PlainVector {
  return checkVector<RingVector>('vector', vector) as PlainVector;
}

/**
 * A sum of masked inputs and the negative of all masks in it, which it keeps: the sum in the clear, each value in [0,
 * 2^b). The one way from a masked vector to a plain one.
 */
export function unmask({ bits, lanes }: MaskedVector, negative: Lanes): PlainVector {
  const vector = ringVector(bits, negative);
  checkAlike(vector, { bits, lanes });
  addLanes(negative, lanes);
  reduce(vector);
  return asPlain(vector);
}

/** Says that a vector is masked. The caller vouches for it: whoever added the masks, or received a masked input. */
export function asMasked(vector: RingVector): MaskedVector {
  return checkVector('vector', vector) as MaskedVector;
}

/**
 * accumulator += other, in place. Throws `UsageError` (`usage.vector`) if the two differ in bits or length. Both are of
 * one kind: masks are added by the protocol alone, so that no other code turns a plain vector into one that looks
 * masked.
 */
export function addInto<V extends PlainVector | MaskedVector>(accumulator: V, other: NoInfer<V>): void {
  checkAlike(accumulator, other);
  addLanes(accumulator.lanes, other.lanes);
}

/** accumulator -= other, in place. Throws as `addInto`. */
export function subtractFrom<V extends PlainVector | MaskedVector>(accumulator: V, other: NoInfer<V>): void {
  checkAlike(accumulator, other);
  subtractLanes(accumulator.lanes, other.lanes);
}

/**
 * Whether two vectors have one shape and equal values mod 2^b. Not constant time: for sums and tests, not for secrets.
 */
export function equalVectors(a: RingVector, b: RingVector): boolean {
  checkVector('a', a);
  checkVector('b', b);
  if (a.bits !== b.bits || a.lanes.length !== b.lanes.length) return false;
  const mask = 0xffffffff >>> (32 - a.bits);
  for (let i = 0; i < a.lanes.length; i += 1) {
    if ((((a.lanes[i] as number) ^ (b.lanes[i] as number)) & mask) !== 0) return false;
  }
  return true;
}

/** Values `start` to `end` of a vector, sharing its lanes. Throws `UsageError` (`usage.range`). */
export function part<V extends PlainVector | MaskedVector>(vector: V, start: number, end: number): V {
  const { bits, lanes } = checkVector('vector', vector);
  checkInteger('end', end, 0, lanes.length);
  checkInteger('start', start, 0, end);
  return { bits, lanes: lanes.subarray(start, end) } as RingVector as V;
}

function checkAlike(a: RingVector, b: RingVector): void {
  checkVector('accumulator', a);
  checkVector('other', b);
  if (a.bits !== b.bits || a.lanes.length !== b.lanes.length)
    throw new UsageError(
      'usage.vector',
      `vectors must have one shape, got ${a.lanes.length} values of ${a.bits} bits and ${b.lanes.length} of ${b.bits}`,
    );
}
