import type { PlanInput } from '../../../src/fl/index.js';

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
