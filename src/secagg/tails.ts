/**
 * Tails of the hypergeometric distribution, in log space and rounded up: what is returned is never below the true
 * probability, so a bound built on it never claims more security than there is.
 */
import { checkInteger, checkNumber } from '../core/check.js';

/** The largest population for which `ROUND_UP` is known to cover the rounding errors. */
export const MAX_POPULATION: number = 2 ** 20;

/** Draws without replacement: `drawn` of `population` items, `marked` of them marked; X counts the marked drawn. */
export interface Hypergeometric {
  /** Items in all, 0 to `MAX_POPULATION`. */
  readonly population: number;
  /** Marked items, 0 to `population`. */
  readonly marked: number;
  /** Items drawn, 0 to `population`. */
  readonly drawn: number;
}

/**
 * Bits added to every result that isn't exactly 0 or 1. The nine log factorials of one probability are each below
 * 2^24 and off by at most two units in the last place (2^-28 nats), so their sum is off by less than 2^-24; summing
 * the tail and cutting it off add less than 2^-40.
 */
const ROUND_UP = 2 ** -20;

/** Terms below this part of the sum are dropped: at most 2^20 of them, so at most 2^-60 of the sum. */
const NEGLIGIBLE = 2 ** -80;

const HALF_LOG_TWO_PI = Math.log(2 * Math.PI) / 2;

/**
 * log2 Pr[X > above], at least the true value and at most 2^-19 above it; -Infinity where X can't exceed `above`, 0
 * where it must.
 *
 * @throws UsageError where a count is out of range or `above` isn't a safe integer
 */
export function log2UpperTail(distribution: Hypergeometric, above: number): number {
  const { lowest, highest, population, marked, drawn } = checkDistribution(distribution);
  const first = checkInteger('above', above, Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER - 1) + 1;
  if (first > highest) return -Infinity;
  if (first <= lowest) return 0;
  // Sums from the largest term outwards, relative to it, so that nothing underflows and every dropped term is small.
  const mode = Math.floor(((drawn + 1) * (marked + 1)) / (population + 2));
  const start = Math.min(Math.max(first, mode), highest);
  const unmarkedLeft = population - marked - drawn;
  let sum = 1;
  for (let x = start, term = 1; x < highest && term > sum * NEGLIGIBLE; x++) {
    term *= ((marked - x) / (x + 1)) * ((drawn - x) / (unmarkedLeft + x + 1));
    sum += term;
  }
  for (let x = start, term = 1; x > first && term > sum * NEGLIGIBLE; x--) {
    term *= (x / (marked - x + 1)) * ((unmarkedLeft + x) / (drawn - x + 1));
    sum += term;
  }
  const nats = logProbability({ population, marked, drawn }, start) + Math.log(sum);
  return Math.min(0, nats / Math.LN2 + ROUND_UP);
}

/**
 * The least integer c with Pr[X > c] <= 2^log2Limit, or one more where the two are within 2^-19 bits of each other. In
 * particular the true Pr[X > c] is strictly below the limit.
 *
 * @param log2Limit negative, at least -10^6
 * @throws UsageError where a count or the limit is out of range
 */
export function leastTailBound(distribution: Hypergeometric, log2Limit: number): number {
  const { lowest, highest, population, marked, drawn } = checkDistribution(distribution);
  checkNumber('log2Limit', log2Limit, -1e6, -Number.MIN_VALUE);
  // Hoeffding 1963, sections 2 and 6: X is s above its mean, or s below, with probability at most exp(-2 s^2 / draws).
  // That narrows the search to where sums are short; one more on either side is for rounding.
  const mean = (marked / Math.max(1, population)) * drawn;
  const spread = (bits: number): number => 1 + Math.sqrt((Math.min(marked, drawn) * bits * Math.LN2) / 2);
  let high = Math.min(highest, Math.ceil(mean + spread(-log2Limit)));
  let low = log2Limit < -1 ? Math.max(lowest, Math.floor(mean - spread(1))) : lowest;
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    if (log2UpperTail(distribution, middle) <= log2Limit) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** The checked counts, with the least and the greatest value that X can take. */
function checkDistribution(
  distribution: Hypergeometric,
): Hypergeometric & { readonly lowest: number; readonly highest: number } {
  const population = checkInteger('population', distribution?.population, 0, MAX_POPULATION);
  const marked = checkInteger('marked', distribution.marked, 0, population);
  const drawn = checkInteger('drawn', distribution.drawn, 0, population);
  return {
    population,
    marked,
    drawn,
    lowest: Math.max(0, marked + drawn - population),
    highest: Math.min(marked, drawn),
  };
}

/** ln Pr[X = x] for an x that X can take. */
function logProbability({ population, marked, drawn }: Hypergeometric, x: number): number {
  return logBinomial(marked, x) + logBinomial(population - marked, drawn - x) - logBinomial(population, drawn);
}

function logBinomial(n: number, k: number): number {
  return logFactorial(n) - logFactorial(k) - logFactorial(n - k);
}

/** ln n! for an integer n >= 0: the product where a double holds it, Stirling's series beyond (error below 1e-14). */
function logFactorial(n: number): number {
  if (n <= 18) {
    let product = 1;
    for (let factor = 2; factor <= n; factor++) product *= factor;
    return Math.log(product);
  }
  const inverseSquare = 1 / (n * n);
  const series = (1 / 12 - inverseSquare * (1 / 360 - inverseSquare * (1 / 1260 - inverseSquare / 1680))) / n;
  return (n + 0.5) * Math.log(n) - n + HALF_LOG_TWO_PI + series;
}
