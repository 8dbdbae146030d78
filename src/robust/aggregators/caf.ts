import { checkChoice, checkInteger, checkOptions } from '../../core/check.js';
import { centeredProducts } from '../combination.js';
import { largestEigenPair } from '../eigen.js';
import { Aggregator, type RuleSettings, type Work } from '../rule.js';
import { checkF, majority, normalized } from '../shares.js';
import { at } from '../vectors.js';
import { keepPositive } from '../verdicts.js';

export interface CafOptions {
  readonly f: number;
  /**
   * What scales each step: the largest deviation among vectors that still count (`support`, default), so that each step
   * drops one and n steps end it; or among all, as first published, which can take very long.
   */
  readonly scale?: 'support' | 'all';
  /** Cap on steps; default 1000. */
  readonly maxIterations?: number;
}

export interface CafSpec extends CafOptions {
  readonly kind: 'caf';
}

interface Filtered {
  readonly weights: Float64Array;
  readonly work: Work;
}

/**
 * CAF, the covariance-bound agnostic filter, n >= 2f + 1 (Allouah et al. 2025): weighs vectors down along the direction
 * of largest variance, step by step, until n - 2f weight is left, and returns the mean of the step whose largest
 * variance was least. Eigenvectors are exact, from the n x n inner products: no random start. The score is one less the
 * weight in that mean's step; clients of weight zero count as rejected.
 */
export function caf(options: CafOptions, settings?: RuleSettings): Aggregator<CafSpec> {
  const f = checkF(checkOptions('options', options).f);
  const scale = checkChoice('scale', options.scale ?? 'support', ['support', 'all']);
  const maxIterations = checkInteger('maxIterations', options.maxIterations ?? 1000, 1, 1_000_000);
  return new Aggregator(
    {
      spec: {
        kind: 'caf',
        f,
        ...(options.scale === undefined ? {} : { scale }),
        ...(options.maxIterations === undefined ? {} : { maxIterations }),
      },
      f,
      ...majority,
      weighted: false,
      run: (rows, context) => {
        const limit = rows.count - 2 * context.f;
        const { weights, work } = filter(rows.squaredDistances(), rows.count, limit, scale === 'all', maxIterations);
        return {
          vector: rows.combine(normalized(weights)),
          judgement: keepPositive(weights),
          work,
        };
      },
    },
    settings,
  );
}

function filter(distances: Float64Array, count: number, limit: number, all: boolean, maxIterations: number): Filtered {
  let weights = new Float64Array(count).fill(1);
  let best = weights;
  let least = Number.POSITIVE_INFINITY;
  let iterations = 0;
  for (; total(weights) > limit; iterations++) {
    if (iterations === maxIterations) return { weights: best, work: { iterations, converged: false } };
    const { value, squares } = deviationsAlongTop(distances, count, normalized(weights));
    if (value < least) {
      least = value;
      best = weights;
    }
    const largest = squares.reduce((most, square, i) => (all || at(weights, i) > 0 ? Math.max(most, square) : most), 0);
    if (!(largest > 0)) break; // all that count are equal
    weights = weights.map((weight, i) => (weight === 0 ? 0 : weight * Math.max(0, 1 - at(squares, i) / largest)));
  }
  return { weights: best, work: { iterations, converged: true } };
}

function total(weights: Float64Array): number {
  return weights.reduce((sum, weight) => sum + weight, 0);
}

/** The weighted covariance's largest eigenvalue, and each vector's squared deviation along its eigenvector. */
function deviationsAlongTop(
  distances: Float64Array,
  count: number,
  shares: Float64Array,
): { readonly value: number; readonly squares: Float64Array } {
  const products = centeredProducts(distances, count, shares);
  const roots = shares.map(Math.sqrt);
  const matrix = products.map((product, k) => product * at(roots, Math.floor(k / count)) * at(roots, k % count));
  const { value, vector } = largestEigenPair(matrix, count);
  if (!(value > 0)) return { value: 0, squares: new Float64Array(count) };
  const squares = Float64Array.from({ length: count }, (_, i) => {
    let along = 0;
    for (let j = 0; j < count; j++) along += at(roots, j) * at(vector, j) * at(products, i * count + j);
    return (along / Math.sqrt(value)) ** 2; // the square of `along` may overflow
  });
  return { value, squares };
}
