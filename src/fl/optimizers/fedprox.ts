import { checkNumber } from '../../core/check.js';
import { checkFloatVector, type FloatVector, vectorLike } from '../vectors.js';

/**
 * Client: the gradient of F(w) + mu/2 * |w - x|^2, given that of F at w, where x is the global model (Li et al. 2020,
 * FedProx). The server's side is that of any optimizer. Throws `UsageError` (`usage.floats`, `usage.vector`,
 * `usage.range` unless mu is 0 to 2^64).
 */
export function proximalGradient<V extends FloatVector>(gradient: V, weights: V, model: V, mu: number): V {
  checkFloatVector('gradient', gradient);
  checkFloatVector('weights', weights, gradient.length);
  checkFloatVector('model', model, gradient.length);
  checkNumber('mu', mu, 0, 2 ** 64);
  return vectorLike(
    gradient,
    gradient.length,
    (i) => (gradient[i] as number) + mu * ((weights[i] as number) - (model[i] as number)),
  );
}
