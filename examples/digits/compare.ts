/** Federated averaging in the clear: what a round gives without masking, and how far apart two models are. */
import type { Update } from './messages.js';

/** `model` plus the mean of the updates, weighted, in double precision and without quantization. */
export function plainRound(model: Float32Array, updates: readonly Update[]): Float32Array {
  const weight = totalWeight(updates);
  const sum = new Float64Array(model.length);
  for (const update of updates) {
    update.values.forEach((value, index) => {
      sum[index] = (sum[index] ?? 0) + update.weight * value;
    });
  }
  return model.map((value, index) => value + (sum[index] ?? 0) / weight);
}

export function totalWeight(updates: readonly Update[]): number {
  return updates.reduce((sum, update) => sum + update.weight, 0);
}

/** The largest difference in any weight. */
export function maxAbsDifference(a: Float32Array, b: Float32Array): number {
  return a.reduce((most, value, index) => Math.max(most, Math.abs(value - (b[index] ?? Number.NaN))), 0);
}
