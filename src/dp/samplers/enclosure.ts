import type { Enclosure } from './bits.js';
import { bitLength, ceilDivide, type Rational } from './rational.js';

/**
 * Rigorous fixed-point bounds in integers: every operation rounds the lower end down and the upper end up. They decide
 * the rare comparisons that doubles are too coarse for, and certify the constants of the fast paths.
 */

/** Bounds of e^-value at 2^-precision, for a value >= 0. Their distance is at most 2^-precision. */
export function encloseExp(value: Rational, precision: number): Enclosure {
  if (value.numerator === 0n) return { lower: 1n << BigInt(precision), upper: 1n << BigInt(precision) };
  const halvings = Math.max(0, bitLength(value.numerator) - bitLength(value.denominator) + 2);
  if (halvings > precision + 64) return { lower: 0n, upper: 1n }; // e^-value is far below the last place
  const working = precision + 2 * halvings + 16;
  const one = 1n << BigInt(working);
  const scaled = value.numerator << BigInt(working);
  const divisor = value.denominator << BigInt(halvings);
  let { lower, upper } = reciprocal(growth(scaled / divisor, ceilDivide(scaled, divisor), working), working);
  for (let i = 0; i < halvings; i += 1) {
    lower = (lower * lower) >> BigInt(working);
    upper = ceilDivide(upper * upper, one);
  }
  return rescale({ lower, upper }, working, precision);
}

/**
 * Bounds of e^y for y in [low, high] / 2^working, y at most 1/2: the Taylor series, whose rest is below its last term.
 */
function growth(low: bigint, high: bigint, working: number): Enclosure {
  const one = 1n << BigInt(working);
  let [lower, upper] = [one, one];
  let [termLow, termHigh] = [one, one];
  for (let k = 1n; termHigh > 1n; k += 1n) {
    termLow = (termLow * low) / (one * k);
    termHigh = ceilDivide(termHigh * high, one * k);
    lower += termLow;
    upper += termHigh;
  }
  return { lower, upper: upper + termHigh };
}

function reciprocal({ lower, upper }: Enclosure, working: number): Enclosure {
  const square = 1n << BigInt(2 * working);
  return { lower: square / upper, upper: ceilDivide(square, lower) };
}

/** The same bounds in units of 2^-to instead of 2^-from, rounded outward. */
export function rescale({ lower, upper }: Enclosure, from: number, to: number): Enclosure {
  if (to >= from) return { lower: lower << BigInt(to - from), upper: upper << BigInt(to - from) };
  return { lower: lower >> BigInt(from - to), upper: ceilDivide(upper, 1n << BigInt(from - to)) };
}

/** Bounds of x * factor for an enclosed x and an exact factor > 0. */
export function scale({ lower, upper }: Enclosure, factor: Rational): Enclosure {
  return {
    lower: (lower * factor.numerator) / factor.denominator,
    upper: ceilDivide(upper * factor.numerator, factor.denominator),
  };
}
