import { AbortError } from '../../../core/errors.js';
import type { Aggregate, ServerStage } from './stage.js';

/** Server: several cohorts as one, sums added up. There is at least one, and all were decoded under one plan. */
export function pool(cohorts: readonly [Aggregate, ...Aggregate[]]): Aggregate {
  const [first, ...others] = cohorts;
  const pooled = { ...first, values: first.values.slice(), metrics: [...first.metrics] };
  for (const cohort of others) {
    for (let i = 0; i < pooled.values.length; i += 1)
      pooled.values[i] = (pooled.values[i] as number) + (cohort.values[i] as number);
    for (const [i, sum] of cohort.metrics.entries()) pooled.metrics[i] = (pooled.metrics[i] as number) + sum;
    pooled.weight += cohort.weight;
    pooled.survivors += cohort.survivors;
  }
  return pooled;
}

/** Server: the weighted mean, sum / weight. Throws `AbortError` (`sum.empty`) if the weights add up to 0. */
export function combine(): ServerStage {
  return (aggregate) => {
    const { values, weight, survivors } = aggregate;
    if (weight === 0)
      throw new AbortError(
        'sum.empty',
        `${survivors} clients with a total weight of 0 have no mean: keep the model as it is, and let clients without examples sit out`,
      );
    const means = new Float64Array(values.length);
    for (let i = 0; i < values.length; i += 1) means[i] = (values[i] as number) / weight;
    return { ...aggregate, values: means };
  };
}
