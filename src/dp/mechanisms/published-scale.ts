import { checkInteger, checkNumber } from '../../core/check.js';
import { AbortError } from '../../core/errors.js';

/**
 * 1/gamma by the rule that Kairouz, Liu and Steinke 2021 (section 4.4) choose it by: the ring holds k standard
 * deviations of a coordinate of the sum, 2^b = 2k sqrt(rho/d (c n)^2 + (gamma^2/4 + sigma^2) n) / gamma. For comparison
 * with other work: it promises no probability of wrapping (k = 4 would be about 2^-14 a coordinate).
 * `searchDistributed` does.
 *
 * @param options.localDeviation sigma of one client, in the update's unit
 * @throws UsageError `usage.range`; AbortError `dp.infeasible` if the ring can't even hold the rounding errors
 */
export function publishedScale(options: {
  readonly localDeviation: number;
  readonly clip: number;
  readonly ringBits: number;
  readonly clients: number;
  readonly dimension: number;
  readonly deviations: number;
  readonly flatness?: number;
}): number {
  const sigma = checkNumber('localDeviation', options.localDeviation, 0, Number.MAX_VALUE);
  const clip = checkNumber('clip', options.clip, Number.MIN_VALUE, Number.MAX_VALUE);
  const bits = checkInteger('ringBits', options.ringBits, 1, 64);
  const clients = checkInteger('clients', options.clients, 1, 2 ** 32);
  const dimension = checkInteger('dimension', options.dimension, 1, 2 ** 32);
  const k = checkNumber('deviations', options.deviations, Number.MIN_VALUE, 1e6);
  const flatness = checkNumber('flatness', options.flatness ?? 1, Number.MIN_VALUE, 1e6);
  const room = 2 ** (2 * bits) - clients * k ** 2;
  if (room <= 0)
    throw new AbortError(
      'dp.infeasible',
      `${bits} bits don't hold ${k} deviations of the rounding of ${clients} clients`,
    );
  const signal = (flatness / dimension) * clip ** 2 * clients ** 2;
  return Math.sqrt(room) / (2 * k * Math.sqrt(signal + clients * sigma ** 2));
}
