import type { PlanInput, RoundingSource } from '../../../src/fl/index.js';

/** Seeded draws (Weyl sequence through the murmur3 finalizer). */
export function draws(seed: number): RoundingSource {
  let state = seed;
  return (words) =>
    Uint32Array.from({ length: words }, () => {
      state = (state + 0x9e3779b9) | 0;
      let h = state;
      h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
      h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
      return h ^ (h >>> 16);
    });
}

export const l2 = (values: Iterable<number>): number => Math.hypot(...values);

/** Weights and metrics, one of them of a name that objects have. */
export const input = {
  vector: { dimension: 3 },
  cohort: { maxClients: 8 },
  weight: { kind: 'examples', max: 100 },
  quantize: { bits: 16, range: 2 },
  metrics: [
    { name: 'correct', max: 100 },
    { name: 'constructor', max: 7 },
  ],
} satisfies PlanInput;
