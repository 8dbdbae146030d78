/** The range of a quantizer, from values that it would have met. */
import { quantizationStep } from '#veilsum/ring/quantize.js';

/** Parts of the values that a range may leave unclamped. */
const quantiles = [0.98, 0.99, 0.995, 0.998, 0.999, 0.9995, 0.9999, 1];

/**
 * Of some ranges the one with the least squared error of the sums: a greater one clamps less and rounds more coarsely.
 * `rounds` has each round's vectors, one a client.
 */
export function bestRange(rounds: readonly (readonly Float32Array[])[], bits: number): number {
  const vectors = rounds.flat();
  const sorted = new Float32Array(vectors.reduce((sum, { length }) => sum + length, 0));
  let filled = 0;
  for (const vector of vectors) {
    sorted.set(vector.map(Math.abs), filled);
    filled += vector.length;
  }
  sorted.sort();
  let best = { range: 0, error: Number.POSITIVE_INFINITY };
  for (const quantile of quantiles) {
    const range = sorted[Math.min(sorted.length - 1, Math.floor(quantile * sorted.length))] ?? 0;
    if (!(range > 0)) continue;
    const error = rounds.reduce(
      (sum, vectors) => sum + errorOfSum(vectors, range, quantizationStep({ bits, range })),
      0,
    );
    if (error < best.error) best = { range, error };
  }
  if (best.range === 0) throw new Error('there was nothing but zeros to quantize');
  return best.range;
}

/** Expected: what clamping takes adds up over clients, what rounding does is independent. */
function errorOfSum(vectors: readonly Float32Array[], range: number, step: number): number {
  const length = vectors[0]?.length ?? 0;
  let error = 0;
  for (let i = 0; i < length; i += 1) {
    let clamped = 0;
    for (const vector of vectors) {
      const value = vector[i] ?? 0;
      const within = Math.max(-range, Math.min(range, value));
      clamped += value - within;
      const fraction = within / step - Math.floor(within / step);
      error += step * step * fraction * (1 - fraction);
    }
    error += clamped * clamped;
  }
  return error;
}
