import { checkInteger, checkNumber, checkOptions } from '../../core/check.js';
import { UsageError } from '../../core/errors.js';
import { normalQuantile } from '../normal.js';
import { type Attack, along, attack, deviationOf, meanOf } from './attack.js';

export interface AlieOptions {
  /** Deviations from the mean; default the paper's z for the honest vectors and attackers at hand. */
  readonly tau?: number;
}

/**
 * A little is enough: sends the honest mean plus tau standard deviations (over n - 1) in each coordinate (Baruch,
 * Baruch and Goldberg, NeurIPS 2019).
 */
export function alie(options: AlieOptions = {}): Attack {
  const given = checkOptions('options', options).tau;
  if (given !== undefined) checkNumber('tau', given, -1e100, 1e100);
  return attack('alie', (view) => {
    const tau = given ?? alieZ({ n: view.honest.length + view.count, f: view.count });
    const mean = meanOf(view);
    return { vectors: along(view, mean, tau, deviationOf(view, mean)), strength: tau };
  });
}

/**
 * The largest z that hides among honest ones, by the paper: with s = floor(n / 2) + 1 - f honest supporters needed, the
 * normal quantile of (n - f - s) / (n - f). Throws `UsageError` (`robust.condition`) where the attackers need no
 * supporter or have no honest client: there is no such z.
 */
export function alieZ(options: { readonly n: number; readonly f: number }): number {
  const n = checkInteger('n', checkOptions('options', options).n, 2, 1_000_000_000);
  const f = checkInteger('f', options.f, 1, n - 1);
  const supporters = Math.floor(n / 2) + 1 - f;
  if (supporters <= 0 || supporters >= n - f)
    throw new UsageError(
      'robust.condition',
      `alie needs 0 < floor(n / 2) + 1 - f < n - f; with n = ${n}, f = ${f} give tau yourself`,
    );
  return normalQuantile((n - f - supporters) / (n - f));
}
