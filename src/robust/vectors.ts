import { describe } from '../core/check.js';
import { UsageError } from '../core/errors.js';
import { allFinite } from '../kernels/finite.js';

/**
 * One client's plain update: d values. Masked vectors (`ring`) are another type, so handing them here does not compile.
 */
export type FloatVector = Float32Array | Float64Array;

/** n vectors of d values in one array, row after row: `values.length = n * d`. */
export interface RowMajor<T extends FloatVector> {
  readonly values: T;
  /** n, the number of vectors. */
  readonly count: number;
}

/** Why a client's vector or weight was set aside before the rule ran. */
export type Fault = 'not-finite' | 'wrong-size' | 'weight';

/**
 * The largest magnitude taken, 1e140: squares of differences of such values, summed over any vector that fits in
 * memory, stay finite. No Float32 value reaches it.
 */
export const largestMagnitude = 1e140;

/** Returns `value` if it is a Float32Array or Float64Array; throws `UsageError` (`robust.vectors`) otherwise. */
export function checkFloatVector(name: string, value: unknown): FloatVector {
  if (value instanceof Float32Array || value instanceof Float64Array) return value;
  throw new UsageError('robust.vectors', `${name} must be a Float32Array or Float64Array, got ${describe(value)}`);
}

/** Whether every value is finite and at most `largestMagnitude` in size. */
export function isUsable(vector: FloatVector): boolean {
  if (vector instanceof Float32Array) return allFinite(vector);
  for (let k = 0; k < vector.length; k++) {
    // The comparison is false for NaN as well.
    if (!(Math.abs(at(vector, k)) <= largestMagnitude)) return false;
  }
  return true;
}

/** Whether all are float32, which is what kernels take. */
export function allFloat32(vectors: readonly FloatVector[]): vectors is readonly Float32Array[] {
  return vectors.every((vector) => vector instanceof Float32Array);
}

/** `values[index]`, for an index that the caller keeps in range. */
export function at(values: ArrayLike<number>, index: number): number {
  return values[index] as number; // in range by the caller's loop; a check here would be paid per value
}

/** A zero vector of `length` values, of the same type as `model`. */
export function zerosLike(model: FloatVector, length: number): FloatVector {
  return model instanceof Float32Array ? new Float32Array(length) : new Float64Array(length);
}

/** The largest float32 value. */
export const largestFloat32: number = 2 ** 128 - 2 ** 104;

/** Brings what left the range of float32 back to its ends, in place. */
export function saturate(vector: Float32Array): void {
  for (const [k, value] of vector.entries())
    if (Math.abs(value) > largestFloat32) vector[k] = Math.sign(value) * largestFloat32;
}
