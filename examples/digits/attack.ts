/** Byzantine clients: what they send, and the rule that is to stand it. */

import { seededNumbers } from 'veilsum/fl';
import {
  type AggregatorSpec,
  type Attack,
  alie,
  checkAggregatorSpec,
  gaussian,
  ipm,
  mimic,
  minMax,
  minSum,
  signFlip,
} from 'veilsum/robust';
import type { Scenario, Settings } from './settings.js';

const attacks: Readonly<Record<string, () => Attack>> = {
  alie: () => alie(),
  gaussian: () => gaussian({ sigma: 1 }),
  ipm: () => ipm({ tau: 10 }),
  mimic: () => mimic(),
  'min-max': () => minMax(),
  'min-sum': () => minSum(),
  'sign-flip': () => signFlip(),
};

export const attackNames: readonly string[] = ['none', ...Object.keys(attacks)];

/**
 * The rule of a text such as `nnm+trimmed-mean`: pre-aggregators first, each rule standing `f` Byzantine vectors.
 * Throws `UsageError` where there is no such rule; `undefined` for `mean`, which stands none.
 */
export function ruleOf(text: string, f: number): AggregatorSpec | undefined {
  if (text === 'mean') return undefined;
  let spec: object | undefined;
  for (const kind of text.split('+').reverse()) {
    const inner = spec === undefined ? {} : { inner: spec };
    spec = withF({ kind, ...inner }, f);
  }
  return checkAggregatorSpec(spec);
}

/** With `f` where the rule takes one. */
function withF(spec: object, f: number): object {
  try {
    return checkAggregatorSpec({ ...spec, f });
  } catch {
    return spec;
  }
}

/**
 * What the Byzantine clients send, who know all that the honest ones do. Under masked cohorts it is the mean of a
 * cohort that the rule sees: so they look at means of as many honest clients, and one of them makes up for the others
 * in its cohort. Nobody can see, or check, that it didn't clip.
 */
export function craft(
  { attack, byzantine, seed }: Settings,
  { cohorts, clients }: Scenario,
  { honest, round }: { readonly honest: readonly Float32Array[]; readonly round: number },
): readonly Float32Array[] {
  const size = cohorts === 1 ? 1 : Math.round(clients / cohorts);
  const seen = Array.from({ length: Math.floor(honest.length / size) }, (_, group) =>
    meanOf(honest.slice(group * size, (group + 1) * size)),
  );
  const random = seededNumbers(seed, `attack, round ${round}`);
  const options = { count: byzantine, seed: Uint8Array.from({ length: 32 }, () => Math.floor(256 * random())) };
  const { vectors } = attacks[attack]?.().craft(seen, options) ?? { vectors: [] };
  const center = meanOf(seen);
  return vectors.map((vector) => vector.map((value, i) => (center[i] ?? 0) + size * (value - (center[i] ?? 0))));
}

function meanOf(vectors: readonly Float32Array[]): Float32Array {
  const sum = new Float64Array(vectors[0]?.length ?? 0);
  for (const vector of vectors)
    vector.forEach((value, i) => {
      sum[i] = (sum[i] ?? 0) + value;
    });
  return Float32Array.from(sum, (value) => value / vectors.length);
}
