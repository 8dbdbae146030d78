import { type FloatVector, vectorLike } from '../vectors.js';

/**
 * The indices, ascending, of the `count` values of greatest magnitude; of equal ones those with the lowest index. All
 * must be finite.
 */
export function largest(values: FloatVector, count: number): Uint32Array {
  if (count >= values.length) return Uint32Array.from(values, (_, i) => i);
  const magnitudes = Float64Array.from(values, Math.abs);
  const threshold = magnitudes.slice().sort()[values.length - count] as number;
  let above = 0;
  for (const magnitude of magnitudes) if (magnitude > threshold) above += 1;
  let ties = count - above;
  const chosen = new Uint32Array(count);
  let filled = 0;
  for (let i = 0; i < magnitudes.length; i += 1) {
    const magnitude = magnitudes[i] as number;
    if (magnitude < threshold || (magnitude === threshold && ties === 0)) continue;
    if (magnitude === threshold) ties -= 1;
    chosen[filled] = i;
    filled += 1;
  }
  return chosen;
}

/** The values at `indices`. */
export function gather<V extends FloatVector>(values: V, indices: Uint32Array): V {
  return vectorLike(values, indices.length, (i) => values[indices[i] as number] as number);
}

/** `length` zeros, but `values` times `factor` at `indices`. */
export function scatter(values: FloatVector, indices: Uint32Array, length: number, factor = 1): Float64Array {
  const scattered = new Float64Array(length);
  for (let i = 0; i < indices.length; i += 1) scattered[indices[i] as number] = factor * (values[i] as number);
  return scattered;
}
