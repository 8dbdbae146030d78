import { checkInteger, checkNumber } from '../../core/check.js';
import { rootOf, squaredDistancesFrom } from '../combination.js';
import type { RowSet } from '../rows.js';
import { Aggregator, type RuleSettings, type Work } from '../rule.js';
import { averagingWeights, checkF, majority, normalized } from '../shares.js';
import { at } from '../vectors.js';
import { ascending, rejectLargest } from '../verdicts.js';

export interface GeometricMedianOptions {
  /** How many clients may be Byzantine: checked against n, and as many are named in the verdicts. Default 0. */
  readonly f?: number;
  /** Ends when no vector's share in the iterate changes by more than this in a step; default 1e-11. */
  readonly tolerance?: number;
  /** Default 1000. */
  readonly maxIterations?: number;
}

export interface GeometricMedianSpec extends GeometricMedianOptions {
  readonly kind: 'geometric-median';
}

/**
 * The geometric median, the point of least weighted sum of distances, n >= 2f + 1 (Weiszfeld's iteration as corrected
 * by Vardi and Zhang, PNAS 2000). It starts from the vector of least sum, which is the answer if any vector is, so it
 * moves and scales with the vectors. The score is the distance to it; the f largest count as rejected, though all have
 * a share in the result.
 */
export function geometricMedian(
  options: GeometricMedianOptions = {},
  settings?: RuleSettings,
): Aggregator<GeometricMedianSpec> {
  const f = checkF(options.f ?? 0);
  const { tolerance, maxIterations } = options;
  if (tolerance !== undefined) checkNumber('tolerance', tolerance, 1e-15, 1e-3);
  if (maxIterations !== undefined) checkInteger('maxIterations', maxIterations, 1, 1_000_000);
  return new Aggregator(
    {
      spec: {
        kind: 'geometric-median',
        ...(f === 0 ? {} : { f }),
        ...(tolerance === undefined ? {} : { tolerance }),
        ...(maxIterations === undefined ? {} : { maxIterations }),
      },
      f: f === 0 ? undefined : f,
      ...majority,
      weighted: true,
      run: (rows, context) => {
        const alpha = averagingWeights(rows.count, context.weights);
        const { weights, work } = converge(rows, alpha, tolerance ?? 1e-11, maxIterations ?? 1000);
        const scores = squaredDistancesFrom(rows, { weights, ofReference: 0 }).map(rootOf);
        return { vector: rows.combine(weights), judgement: rejectLargest(scores, context.f), work };
      },
    },
    settings,
  );
}

function converge(
  rows: RowSet,
  alpha: Float64Array,
  tolerance: number,
  maxIterations: number,
): { readonly weights: Float64Array; readonly work: Work } {
  let { weights, optimal } = leaveBestRow(rows, alpha);
  if (optimal) return { weights, work: { iterations: 0, converged: true } };
  for (let iteration = 1; iteration <= maxIterations; iteration++) {
    const distances = squaredDistancesFrom(rows, { weights, ofReference: 0 });
    const next = normalized(alpha.map((share, i) => (share === 0 ? 0 : share / rootOf(at(distances, i)))));
    // A distance of zero off the best row is lost in rounding: there is nowhere closer to go.
    if (!next.every(Number.isFinite)) return { weights, work: { iterations: iteration, converged: true } };
    const change = next.reduce((most, weight, i) => Math.max(most, Math.abs(weight - at(weights, i))), 0);
    weights = next;
    if (change <= tolerance) return { weights, work: { iterations: iteration, converged: true } };
  }
  return { weights, work: { iterations: maxIterations, converged: false } };
}

/**
 * The row of least weighted sum of distances, if it is the median; else the first step away from it, after which every
 * iterate is better than any row and no distance is zero again.
 */
function leaveBestRow(
  rows: RowSet,
  alpha: Float64Array,
): { readonly weights: Float64Array; readonly optimal: boolean } {
  const { count } = rows;
  const squared = rows.squaredDistances();
  const distance = (i: number, j: number): number => Math.sqrt(at(squared, i * count + j));
  const sums = alpha.map((_, j) =>
    alpha.reduce((sum, share, i) => sum + (share === 0 ? 0 : share * distance(i, j)), 0),
  );
  const best = at(ascending(sums), 0);
  const here = new Float64Array(count);
  here[best] = 1;
  const pulls = alpha.map((share, i) => (distance(i, best) === 0 ? 0 : share / distance(i, best)));
  const pull = pulls.reduce((sum, value) => sum + value, 0);
  if (pull === 0) return { weights: here, optimal: true };
  const held = alpha.reduce((sum, share, i) => sum + (distance(i, best) === 0 ? share : 0), 0);
  const target = pulls.map((value) => value / pull);
  const reach = pull * rootOf(at(squaredDistancesFrom(rows, { weights: target, ofReference: 0 }), best));
  if (reach <= held) return { weights: here, optimal: true };
  const step = 1 - held / reach;
  return { weights: target.map((weight, i) => step * weight + (1 - step) * at(here, i)), optimal: false };
}
