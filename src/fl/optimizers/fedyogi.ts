import { type ForgettingFields, forgettingKind } from './adaptive.js';
import type { OptimizerKind } from './kind.js';

/** v = v - (1 - beta2) * mean^2 * sign(v - mean^2) (Reddi et al. 2021, FedYogi; Zaheer et al. 2018). */
export interface FedYogiSpec extends ForgettingFields {
  readonly kind: 'fedyogi';
}

export const fedyogi: OptimizerKind<FedYogiSpec> = forgettingKind(
  'fedyogi',
  // Never below zero: v > square in the only branch that lowers it.
  (beta2) => (v, square) => v - (1 - beta2) * square * Math.sign(v - square),
);
