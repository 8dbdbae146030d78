import {
  centralPrivacy,
  distributedPrivacy,
  type Plan,
  type PlanFields,
  type PlanInput,
  planBytes,
} from '../../../src/fl/index.js';

/** Plans of each kind, to be changed. */

export const smallest = {
  vector: { dimension: 10 },
  cohort: { maxClients: 10 },
  quantize: { bits: 16, range: 0.5 },
} as const satisfies PlanInput;

export const full = {
  version: 1,
  masking: { kind: 'pairwise' },
  vector: { dimension: 50_890 },
  cohort: { maxClients: 100 },
  weight: { kind: 'examples', max: 500 },
  errorFeedback: { kind: 'none' },
  clip: { kind: 'l2', norm: 5 },
  compress: { kind: 'none' },
  rotate: { kind: 'none' },
  quantize: { kind: 'stochastic', bits: 12, range: 0.5 },
  privacy: { kind: 'none' },
  metrics: [
    { name: 'correct', max: 500 },
    { name: 'loss_hundredths', max: 200_000 },
  ],
  combine: { kind: 'mean' },
  optimizer: { kind: 'fedavg', learningRate: 1 },
  schedule: { kind: 'rounds' },
} as const satisfies PlanFields & PlanInput;

export const budget = { epsilon: 8, delta: 1e-5, rounds: 10 };
export const distributed = {
  vector: { dimension: 10 },
  cohort: { maxClients: 10 },
  ...distributedPrivacy({ vector: { dimension: 10 }, cohort: { maxClients: 10 }, clip: 1, minSurvivors: 6, budget }),
} satisfies PlanInput;
export const central = {
  vector: { dimension: 10 },
  cohort: { maxClients: 10 },
  ...centralPrivacy({
    vector: { dimension: 10 },
    cohort: { maxClients: 10 },
    clip: 1,
    quantize: { bits: 16 },
    budget,
  }),
} satisfies PlanInput;
export const overCohorts = {
  kind: 'robust',
  over: 'cohorts',
  cohorts: 7,
  aggregator: { kind: 'nnm', f: 2, inner: { kind: 'trimmed-mean', f: 2 } },
} as const;
export const overClients = { kind: 'robust', over: 'clients', clients: 7, aggregator: { kind: 'krum', f: 2 } } as const;
export const buffered = { kind: 'buffered', bufferSize: 8 } as const;
export const unmasked = { kind: 'none' } as const;

/** What the types have no room for. */
export const unlawful = (fields: object): PlanInput => fields as PlanInput;

export const ascii = (text: string): Uint8Array => Uint8Array.from(text, (character) => character.charCodeAt(0));
export const text = (plan: Plan): string => String.fromCharCode(...planBytes(plan));
