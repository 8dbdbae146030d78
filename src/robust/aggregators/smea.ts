import { checkOptions } from '../../core/check.js';
import { centeredProducts, squaredDistancesFrom } from '../combination.js';
import { largestEigenPair } from '../eigen.js';
import { Aggregator, type RuleSettings } from '../rule.js';
import { checkF, chosenWeights, majority } from '../shares.js';
import { checkMaxSubsets, forEachSubset, refuseTooMany, type SubsetOptions } from '../subsets.js';
import { at } from '../vectors.js';
import { judgeChosen } from '../verdicts.js';

export interface SmeaSpec extends SubsetOptions {
  readonly kind: 'smea';
}

const defaultSubsets = 20_000;

/**
 * Smallest maximum eigenvalue averaging, n >= 2f + 1 (Allouah et al., ICML 2023): the mean of the n - f vectors whose
 * covariance has the least largest eigenvalue, the first such set among equals. Eigenvalues are exact, from the n x n
 * inner products. Every set is tried; n and f with more than `maxSubsets` (20,000 by default) are refused. The score is
 * the squared distance to the result.
 */
export function smea(options: SubsetOptions, settings?: RuleSettings): Aggregator<SmeaSpec> {
  const f = checkF(checkOptions('options', options).f);
  const maxSubsets = checkMaxSubsets(options.maxSubsets);
  return new Aggregator(
    {
      spec: { kind: 'smea', f, ...(maxSubsets === undefined ? {} : { maxSubsets }) },
      f,
      ...majority,
      weighted: false,
      run: (rows, context) => {
        const { count } = rows;
        refuseTooMany('smea', count, context.f, maxSubsets ?? defaultSubsets);
        const chosen = leastSpread(rows.squaredDistances(), count, count - context.f);
        const weights = chosenWeights(count, chosen);
        return {
          vector: rows.combine(weights),
          judgement: judgeChosen(squaredDistancesFrom(rows, { weights, ofReference: 0 }), chosen),
        };
      },
    },
    settings,
  );
}

function leastSpread(distances: Float64Array, count: number, size: number): readonly number[] {
  const uniform = new Float64Array(size).fill(1 / size);
  const part = new Float64Array(size * size);
  let least = Number.POSITIVE_INFINITY;
  let best: readonly number[] = [];
  forEachSubset(count, size, (subset) => {
    for (const [a, i] of subset.entries())
      for (const [b, j] of subset.entries()) part[a * size + b] = at(distances, i * count + j);
    const { value } = largestEigenPair(centeredProducts(part, size, uniform), size);
    if (value < least || best.length === 0) {
      least = value;
      best = subset.slice();
    }
  });
  return best;
}
