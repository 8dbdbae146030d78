import { checkOptions } from '../../core/check.js';
import { Aggregator, type RuleSettings } from '../rule.js';
import { checkF, chosenWeights, majority } from '../shares.js';
import { checkMaxSubsets, refuseTooMany, type SubsetOptions } from '../subsets.js';
import { at } from '../vectors.js';
import { ascending, judgeChosen } from '../verdicts.js';

export interface MdaSpec extends SubsetOptions {
  readonly kind: 'mda';
}

const defaultSubsets = 10_000_000;

/**
 * Minimum diameter averaging, n >= 2f + 1 (Rousseeuw 1985; El Mhamdi et al., 2020): the mean of the n - f vectors whose
 * two farthest are closest, the first such set in lexicographic order among equals. The exact search is exponential in
 * f; n and f with more than `maxSubsets` sets (10^7 by default) are refused. The score is the squared distance to the
 * farthest vector of the set.
 */
export function mda(options: SubsetOptions, settings?: RuleSettings): Aggregator<MdaSpec> {
  const f = checkF(checkOptions('options', options).f);
  const maxSubsets = checkMaxSubsets(options.maxSubsets);
  return new Aggregator(
    {
      spec: { kind: 'mda', f, ...(maxSubsets === undefined ? {} : { maxSubsets }) },
      f,
      ...majority,
      weighted: true,
      run: (rows, context) => {
        const { count } = rows;
        refuseTooMany('mda', count, context.f, maxSubsets ?? defaultSubsets);
        const distances = rows.squaredDistances();
        const chosen = smallestDiameter(distances, count, count - context.f);
        const scores = Float64Array.from({ length: count }, (_, i) =>
          Math.max(...chosen.map((j) => at(distances, i * count + j))),
        );
        return {
          vector: rows.combine(chosenWeights(count, chosen, context.weights)),
          judgement: judgeChosen(scores, chosen),
        };
      },
    },
    settings,
  );
}

/**
 * Depth first in lexicographic order; a branch ends when its diameter can't win. The first bound is the best of n
 * balls (a vector and its closest), whose diameter some set has.
 */
function smallestDiameter(distances: Float64Array, count: number, size: number): readonly number[] {
  let bound = Number.POSITIVE_INFINITY;
  for (let i = 0; i < count; i++) {
    const near = ascending(distances.subarray(i * count, (i + 1) * count)).slice(0, size);
    bound = Math.min(bound, Math.max(...near.map((a) => Math.max(...near.map((b) => at(distances, a * count + b))))));
  }
  let best: readonly number[] = [];
  const chosen: number[] = [];
  const extend = (next: number, diameter: number): void => {
    if (chosen.length === size) {
      bound = diameter;
      best = chosen.slice();
      return;
    }
    for (let i = next; i <= count - (size - chosen.length); i++) {
      let wider = diameter;
      for (const j of chosen) wider = Math.max(wider, at(distances, i * count + j));
      if (best.length === 0 ? wider > bound : wider >= bound) continue;
      chosen.push(i);
      extend(i + 1, wider);
      chosen.pop();
    }
  };
  extend(0, 0);
  return best;
}
