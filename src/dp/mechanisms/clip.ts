import { checkNumber, describe } from '../../core/check.js';
import { UsageError } from '../../core/errors.js';

/** The Euclidean norm of finite values. Throws `UsageError`: `usage.floats`, `usage.finite`. */
export function l2Norm(values: Float32Array | Float64Array): number {
  if (!(values instanceof Float32Array) && !(values instanceof Float64Array))
    throw new UsageError('usage.floats', `values must be a Float32Array or Float64Array, got ${describe(values)}`);
  let largest = 0;
  for (let i = 0; i < values.length; i += 1) {
    const size = Math.abs(values[i] as number);
    if (!(size < Number.POSITIVE_INFINITY))
      throw new UsageError('usage.finite', `values[${i}] is ${values[i]}: every value must be a finite number`);
    if (size > largest) largest = size;
  }
  if (largest === 0) return 0;
  let squares = 0; // of ratios, which neither over- nor underflow
  for (let i = 0; i < values.length; i += 1) squares += ((values[i] as number) / largest) ** 2;
  return largest * Math.sqrt(squares);
}

/**
 * A copy of `values`, scaled down to norm `clip` if it is longer. For privacy don't rely on the norm of the copy, which
 * is off by rounding: the mechanisms check norms again in integers. Throws as `l2Norm`, and `usage.range` unless 0 <
 * clip <= 2^64.
 */
export function clipToNorm(values: Float32Array | Float64Array, clip: number): Float64Array<ArrayBuffer> {
  checkNumber('clip', clip, 2 ** -64, 2 ** 64);
  const norm = l2Norm(values);
  const factor = norm > clip ? clip / norm : 1;
  const clipped = new Float64Array(values.length);
  for (let i = 0; i < values.length; i += 1) clipped[i] = (values[i] as number) * factor;
  return clipped;
}
