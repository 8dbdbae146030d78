import { checkInteger, checkNumber } from '../../core/check.js';
import { AbortError } from '../../core/errors.js';

/**
 * Adaptive clipping (Andrew, Thakkar, McMahan and Ramaswamy 2021): the clip norm follows a quantile of the clients'
 * norms, learned from one more coordinate of the masked sum. Each client adds +1 to it if its norm was within the clip
 * norm, else -1 (twice the paper's b - 1/2, to stay in the integers), so nobody sees a single one.
 */

/** A client's coordinate. Throws `UsageError` (`usage.range`). */
export function clipIndicator(options: { readonly norm: number; readonly clip: number }): 1 | -1 {
  const norm = checkNumber('norm', options.norm, 0, Number.MAX_VALUE);
  return norm <= checkNumber('clip', options.clip, Number.MIN_VALUE, Number.MAX_VALUE) ? 1 : -1;
}

/** What `nextClip` takes. */
export interface ClipUpdate {
  /** C of the round that ended. */
  readonly clip: number;
  /** Sum of the indicators with noise, decoded. */
  readonly indicatorSum: number;
  readonly survivors: number;
  /** Fraction of clients whose norm is to be within the clip norm: 0.5 is the paper's advice. */
  readonly quantile: number;
  /** Speed of the geometric update: 0.2 is the paper's advice. */
  readonly rate: number;
  readonly least: number;
  readonly most: number;
}

/**
 * C exp(-rate (fraction - quantile)), kept in [least, most]; the fraction is kept in [0, 1], which costs no privacy.
 * Throws `UsageError` (`usage.range`).
 */
export function nextClip(update: ClipUpdate): number {
  const least = checkNumber('least', update.least, Number.MIN_VALUE, Number.MAX_VALUE);
  const most = checkNumber('most', update.most, least, Number.MAX_VALUE);
  const clip = checkNumber('clip', update.clip, least, most);
  const sum = checkNumber('indicatorSum', update.indicatorSum, -Number.MAX_VALUE, Number.MAX_VALUE);
  const survivors = checkInteger('survivors', update.survivors, 1, 2 ** 32);
  const quantile = checkNumber('quantile', update.quantile, 0, 1);
  const rate = checkNumber('rate', update.rate, 0, 10);
  const fraction = Math.max(0, Math.min(1, (1 + sum / survivors) / 2));
  return Math.max(least, Math.min(most, clip * Math.exp(-rate * (fraction - quantile))));
}

/**
 * The noise multiplier of the update that, beside an indicator sum with noise of deviation `indicatorDeviation` (of a
 * sum of +-1), costs as much as `noiseMultiplier` alone: (z^-2 - s^-2)^(-1/2). In the paper's b - 1/2, of sensitivity
 * 1/2, s is 2 sigma_b.
 *
 * @throws UsageError `usage.range`; AbortError `dp.infeasible` if the indicators alone cost more
 */
export function updateNoiseMultiplier(options: {
  readonly noiseMultiplier: number;
  readonly indicatorDeviation: number;
}): number {
  const z = checkNumber('noiseMultiplier', options.noiseMultiplier, Number.MIN_VALUE, 1e150);
  const s = checkNumber('indicatorDeviation', options.indicatorDeviation, Number.MIN_VALUE, 1e150);
  if (s <= z)
    throw new AbortError(
      'dp.infeasible',
      `indicator noise of ${s} leaves nothing of a noise multiplier of ${z}: raise it`,
    );
  return z / Math.sqrt((1 - z / s) * (1 + z / s));
}
