import { type ForgettingFields, forgettingKind } from './adaptive.js';
import type { OptimizerKind } from './kind.js';

/** v = beta2 * v + (1 - beta2) * mean^2 (Reddi et al. 2021, FedAdam). */
export interface FedAdamSpec extends ForgettingFields {
  readonly kind: 'fedadam';
}

export const fedadam: OptimizerKind<FedAdamSpec> = forgettingKind(
  'fedadam',
  (beta2) => (v, square) => beta2 * v + (1 - beta2) * square,
);
