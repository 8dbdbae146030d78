import { checkBytes, checkInteger, describe } from '../core/check.js';
import { PeerError, UsageError } from '../core/errors.js';
import { packing } from '../kernels/packing.js';
import { checkVector, maxVectorLength, type RingVector, zeroVector } from './vector.js';

/**
 * Vectors on the wire: b bits a value, whatever b is. Value i takes bits i*b to i*b + b - 1 of the stream, least
 * significant first; bit j of the stream is bit j % 8 of byte floor(j / 8); the bits after the last value are zero.
 *
 * Every string of b bits is a ring element, so packed values can't be out of range; what can be wrong is the length
 * and the padding, and both are refused, so that a vector has exactly one packed form.
 */

/** ceil(length * bits / 8): bytes of a packed vector. Throws `UsageError` (`usage.range`). */
export function packedLength(bits: number, length: number): number {
  checkInteger('bits', bits, 1, 32);
  checkInteger('length', length, 0, maxVectorLength);
  return Math.ceil((bits * length) / 8);
}

/** The packed form of a vector, reduced mod 2^b. */
export function pack(vector: RingVector): Uint8Array<ArrayBuffer> {
  const { bits, lanes } = checkVector('vector', vector);
  const packed = new Uint8Array(packedLength(bits, lanes.length));
  packing().pack(bits, lanes, packed);
  return packed;
}

/** The vector of `length` values that `packed` holds. Throws `PeerError` as `addPacked` does. */
export function unpack(bits: number, length: number, packed: Uint8Array): RingVector {
  checkPacked(bits, length, packed);
  const vector = zeroVector(bits, length);
  packing().addPacked(bits, vector.lanes, packed);
  return vector;
}

/**
 * accumulator += the vector in `packed`, in one pass. Throws `PeerError` with the accumulator untouched: `input.length`
 * if there aren't exactly ceil(length * b / 8) bytes, `input.padding` if a bit after the last value is set.
 */
export function addPacked(accumulator: RingVector, packed: Uint8Array): void {
  const { bits, lanes } = checkVector('accumulator', accumulator);
  checkPacked(bits, lanes.length, packed);
  if (packed.buffer === lanes.buffer)
    throw new UsageError('usage.bytes', 'packed must not share memory with the accumulator: pass a copy');
  packing().addPacked(bits, lanes, packed);
}

/** Throws what `addPacked` would, so that an upload can be judged before it is queued. */
export function checkPacked(bits: number, length: number, packed: Uint8Array): void {
  checkBytes('packed', packed);
  const expected = packedLength(bits, length);
  if (packed.length !== expected)
    throw new PeerError(
      'input.length',
      `packed input must have ${expected} bytes (${length} values of ${bits} bits), got ${describe(packed)}`,
    );
  const used = (bits * length) % 8;
  if (used !== 0 && (packed[expected - 1] as number) >>> used !== 0)
    throw new PeerError('input.padding', `packed input must end with ${8 - used} zero bits after its last value`);
}
