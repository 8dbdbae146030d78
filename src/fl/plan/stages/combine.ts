import { AbortError, UsageError } from '../../../core/errors.js';
import type { Verdict } from '../../../robust/rule.js';
import { aggregatorFrom } from '../../../robust/spec.js';
import type { Plan } from '../fields.js';
import type { Aggregate } from './stage.js';

/** What goes with the decoded sums of a round. */
export interface CombineOptions {
  /** Sums that decoding refused because a client must have broken the plan: a robust rule counts them among its f. */
  readonly broken?: number;
  /** 16 bytes or more, unpredictable to clients and fresh each round: for rules that draw. */
  readonly seed?: Uint8Array;
}

/** What becomes of several sums. */
export interface Combined extends Aggregate {
  /** Under a robust rule what it found about each sum, in the order given; broken ones come last. */
  readonly verdicts?: readonly Verdict[];
}

/** Server: one vector from the cohorts' sums. There is at least one, and all were decoded under one plan. */
export type Combine = (cohorts: readonly [Aggregate, ...Aggregate[]], options: CombineOptions) => Combined;

/** Server: the weighted mean of all, or a robust rule over the means. */
export function combine({ combine: how }: Plan): Combine {
  if (how.kind === 'mean') return mean;
  const rule = aggregatorFrom(how.aggregator);
  return (cohorts, { broken = 0, seed }) => {
    const dimension = cohorts[0].values.length;
    // A sum without weight has no mean, and what is not finite the rule sets aside, counting it among its f.
    const means = cohorts.map(({ values, weight }) => values.map((value) => value / weight));
    const nothing = Array.from({ length: broken }, () => new Float64Array(dimension).fill(Number.NaN));
    try {
      const { vector, verdicts } = rule.aggregate([...means, ...nothing], {
        dimension,
        ...(seed === undefined ? {} : { seed }),
      });
      return { ...totals(cohorts), values: vector, verdicts };
    } catch (error) {
      if (error instanceof UsageError && error.code === 'robust.condition')
        throw new AbortError('robust.condition', `too few sums are left for the rule: ${error.message}`, {
          cause: error,
        });
      throw error;
    }
  };
}

/** All sums added up, over all weights. Throws `AbortError` (`sum.empty`) if the weights add up to 0. */
function mean(cohorts: readonly [Aggregate, ...Aggregate[]]): Aggregate {
  const { weight, survivors, metrics } = totals(cohorts);
  if (weight === 0)
    throw new AbortError(
      'sum.empty',
      `${survivors} clients with a total weight of 0 have no mean: keep the model as it is, and let clients without examples sit out`,
    );
  const [first, ...others] = cohorts;
  const sum = first.values.slice();
  for (const { values } of others)
    for (let i = 0; i < sum.length; i += 1) sum[i] = (sum[i] as number) + (values[i] as number);
  return { values: sum.map((value) => value / weight), weight, metrics, survivors };
}

/** What is counted of several sums, added up. */
function totals([first, ...others]: readonly [Aggregate, ...Aggregate[]]): Omit<Aggregate, 'values'> {
  return others.reduce<Omit<Aggregate, 'values'>>(
    (total, { weight, metrics, survivors }) => ({
      weight: total.weight + weight,
      metrics: total.metrics.map((sum, i) => sum + (metrics[i] as number)), // in the plan's order, all of one plan
      survivors: total.survivors + survivors,
    }),
    first,
  );
}
