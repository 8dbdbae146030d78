import { checkChoice, checkOptions } from '../../core/check.js';
import { squaredNorm } from '../distances.js';
import { at } from '../vectors.js';
import { type Attack, attack } from './attack.js';
import { checkPerturbation, type Perturbation, stageOf, strike } from './perturbation.js';

export interface MinSumOptions {
  readonly perturbation?: Perturbation;
  /**
   * The sum allowed: the largest of an honest vector's sums, as in the paper (default), or the least, as its code has
   * it.
   */
  readonly threshold?: 'largest' | 'least';
}

/**
 * Min-sum (Shejwalkar and Houmansadr, NDSS 2021): as far from the honest mean as keeps the sum of squared distances to
 * honest vectors within that of an honest vector. The factor is exact, not a search.
 */
export function minSum(options: MinSumOptions = {}): Attack {
  const perturbation = checkPerturbation(checkOptions('options', options).perturbation);
  const threshold = checkChoice('threshold', options.threshold ?? 'largest', ['largest', 'least']);
  return attack('min-sum', (view) => {
    const stage = stageOf(view, perturbation);
    const { count } = view.rows;
    const distances = view.rows.squaredDistances();
    const sums = Float64Array.from({ length: count }, (_, i) =>
      distances.subarray(i * count, (i + 1) * count).reduce((sum, value) => sum + value, 0),
    );
    const limit = sums.reduce((a, b) => (threshold === 'largest' ? Math.max(a, b) : Math.min(a, b)), at(sums, 0));
    const square = count * squaredNorm(stage.direction);
    if (square === 0) return strike(view, stage, 0);
    // The linear term is zero: deviations from the mean sum to nothing.
    const spread = stage.toMean.reduce((sum, value) => sum + value, 0);
    return strike(view, stage, Math.sqrt(Math.max(0, (limit - spread) / square)));
  });
}
