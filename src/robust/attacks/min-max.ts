import { checkOptions } from '../../core/check.js';
import { squaredNorm } from '../distances.js';
import { at } from '../vectors.js';
import { type Attack, attack } from './attack.js';
import { checkPerturbation, type Perturbation, slopes, stageOf, strike } from './perturbation.js';

/**
 * Min-max (Shejwalkar and Houmansadr, NDSS 2021): as far from the honest mean as keeps the largest distance to an
 * honest vector within the largest between honest ones. The factor is exact, a root of a quadratic, not a search.
 */
export function minMax(options: { readonly perturbation?: Perturbation } = {}): Attack {
  const perturbation = checkPerturbation(checkOptions('options', options).perturbation);
  return attack('min-max', (view) => {
    const stage = stageOf(view, perturbation);
    const limit = view.rows.squaredDistances().reduce((most, value) => Math.max(most, value), 0);
    const square = squaredNorm(stage.direction);
    if (square === 0) return strike(view, stage, 0);
    const slope = slopes(view, stage);
    const gamma = stage.toMean.reduce((least, distance, i) => {
      const half = at(slope, i);
      return Math.min(least, (-half + Math.sqrt(Math.max(0, half * half - square * (distance - limit)))) / square);
    }, Number.POSITIVE_INFINITY);
    return strike(view, stage, Math.max(0, gamma));
  });
}
