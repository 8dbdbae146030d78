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

/** More would tighten the bound on sets that lose, and cost more on each. */
const powerSteps = 4;

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
    const products = centeredProducts(part, size, uniform);
    // Most sets can be told to lose at a hundredth of the cost. The slack is far more than rounding.
    if (best.length > 0 && boundOfLargest(products, size) > least * (1 + 1e-6)) return;
    const { value } = largestEigenPair(products, size);
    if (value < least || best.length === 0) {
      least = value;
      best = subset.slice();
    }
  });
  return best;
}

/**
 * At most the largest eigenvalue, as any Rayleigh quotient is: that of the longest column after some power iterations.
 */
function boundOfLargest(matrix: Float64Array, size: number): number {
  let longest = 0;
  for (let i = 1; i < size; i++) if (at(matrix, i * size + i) > at(matrix, longest * size + longest)) longest = i;
  let vector = matrix.slice(longest * size, (longest + 1) * size);
  let quotient = 0;
  for (let step = 0; step < powerSteps; step++) {
    const scale = vector.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    if (scale === 0) return quotient;
    const unit = vector.map((value) => value / scale);
    vector = vector.map((_, i) => unit.reduce((sum, value, j) => sum + at(matrix, i * size + j) * value, 0));
    let [inner, square] = [0, 0];
    for (let i = 0; i < size; i++) {
      inner += at(unit, i) * at(vector, i);
      square += at(unit, i) ** 2;
    }
    quotient = inner / square;
  }
  return quotient;
}
