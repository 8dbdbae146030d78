import { describe } from '../core/check.js';
import { PeerError, UsageError } from '../core/errors.js';

/** Real vectors: single precision on clients, double in sums and on the server. */
export type FloatVector = Float32Array | Float64Array;

/**
 * Returns `values` if it is a float array of `length`; throws `UsageError` (`usage.floats`, `usage.vector`) otherwise.
 */
export function checkFloatVector<V extends FloatVector>(name: string, values: V, length?: number): V {
  if (!(values instanceof Float32Array) && !(values instanceof Float64Array))
    throw new UsageError('usage.floats', `${name} must be a Float32Array or Float64Array, got ${describe(values)}`);
  return checkLength(name, values, length);
}

/**
 * Returns `values` if it is a Float64Array of `length`; throws `UsageError` (`usage.floats`, `usage.vector`) otherwise.
 */
export function checkDoubles(name: string, values: unknown, length?: number): Float64Array {
  if (!(values instanceof Float64Array))
    throw new UsageError('usage.floats', `${name} must be a Float64Array, got ${describe(values)}`);
  return checkLength(name, values, length);
}

/** Returns `values` if it has `length` values; throws `UsageError` (`usage.vector`) otherwise. */
export function checkLength<V extends { readonly length: number }>(name: string, values: V, length?: number): V {
  if (length !== undefined && values.length !== length)
    throw new UsageError('usage.vector', `${name} must have ${length} values, got ${values.length}`);
  return values;
}

/** Returns `values` if all are finite; throws `UsageError` (`code`) at the first that isn't, with `remedy`. */
export function checkFinite<V extends FloatVector>(name: string, values: V, code: string, remedy: string): V {
  for (let i = 0; i < values.length; i += 1)
    if (!Number.isFinite(values[i]))
      throw new UsageError(code, `${name}[${i}] is ${values[i]}: every value must be a finite number; ${remedy}`);
  return values;
}

/** IEEE 754 doubles, little-endian, whatever the machine. */
export function doubleBytes(values: Float64Array): Uint8Array {
  const bytes = new Uint8Array(8 * values.length);
  const view = new DataView(bytes.buffer);
  values.forEach((value, i) => {
    view.setFloat64(8 * i, value, true);
  });
  return bytes;
}

/**
 * What `doubleBytes` wrote; throws `PeerError` (`codec.malformed`) unless all are finite. `what` names them in the
 * message.
 */
export function doublesOf(bytes: Uint8Array, what: string): Float64Array<ArrayBuffer> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const values = new Float64Array(bytes.length / 8);
  for (let i = 0; i < values.length; i += 1) values[i] = view.getFloat64(8 * i, true);
  if (!values.every(Number.isFinite)) throw new PeerError('codec.malformed', `${what} must be finite`);
  return values;
}

/** A vector of zeros in the precision of `like`. */
export function zerosLike<V extends FloatVector>(like: V, length: number): V {
  // The constructor of a V makes a V; the type of `constructor` doesn't say so.
  return (like instanceof Float32Array ? new Float32Array(length) : new Float64Array(length)) as FloatVector as V;
}

/** `make(i)` for each i below `length`, in the precision of `like`. */
export function vectorLike<V extends FloatVector>(like: V, length: number, make: (i: number) => number): V {
  const vector = zerosLike(like, length);
  for (let i = 0; i < length; i += 1) vector[i] = make(i);
  return vector;
}
