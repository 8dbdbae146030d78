import { describe } from '../../core/check.js';
import { InternalError, UsageError } from '../../core/errors.js';

/**
 * An exact number: numerator / denominator, the denominator positive. Parameters of exact samplers are of this kind.
 */
export interface Rational {
  readonly numerator: bigint;
  readonly denominator: bigint;
}

/** Bits of the largest numerator and denominator: what any double is made of, and room to spare. */
const maxBits = 2200;

/**
 * The exact value of a fraction in lowest terms. A number stands for the dyadic fraction that the double is, so 0.1
 * isn't 1/10: where it matters write `rational(1, 10)`.
 *
 * @throws UsageError `usage.rational` unless both are finite numbers or bigints and the denominator isn't zero
 */
export function rational(numerator: number | bigint, denominator: number | bigint = 1n): Rational {
  const above = fraction('numerator', numerator);
  const below = fraction('denominator', denominator);
  if (below.numerator === 0n) throw new UsageError('usage.rational', 'denominator must not be zero');
  return lowest(above.numerator * below.denominator, above.denominator * below.numerator);
}

/** Returns `value` as a fraction if it is one or a finite number; throws `UsageError` (`usage.rational`) otherwise. */
export function checkRational(name: string, value: unknown): Rational {
  if (typeof value === 'number' || typeof value === 'bigint') return fraction(name, value);
  if (typeof value === 'object' && value !== null && 'numerator' in value && 'denominator' in value) {
    const { numerator, denominator } = value;
    if (typeof numerator === 'bigint' && typeof denominator === 'bigint' && denominator > 0n) {
      const reduced = lowest(numerator, denominator);
      if (bitLength(reduced.numerator) <= maxBits && bitLength(reduced.denominator) <= maxBits) return reduced;
    }
  }
  throw new UsageError('usage.rational', `${name} must be a finite number or a rational, got ${describe(value)}`);
}

/** Like `checkRational`, and above zero and at most `max`; throws `UsageError` (`usage.range`) where it isn't. */
export function checkPositive(name: string, value: unknown, max: number): Rational {
  const checked = checkRational(name, value);
  if (checked.numerator <= 0n || compareRationals(checked, fraction('max', max)) > 0)
    throw new UsageError('usage.range', `${name} must be above 0 and at most ${max}, got ${toNumber(checked)}`);
  return checked;
}

export function multiply(a: Rational, b: Rational): Rational {
  return lowest(a.numerator * b.numerator, a.denominator * b.denominator);
}

export function add(a: Rational, b: Rational): Rational {
  return lowest(a.numerator * b.denominator + b.numerator * a.denominator, a.denominator * b.denominator);
}

export function subtract(a: Rational, b: Rational): Rational {
  return add(a, { numerator: -b.numerator, denominator: b.denominator });
}

/** Negative, zero or positive as a < b, a = b or a > b. */
export function compareRationals(a: Rational, b: Rational): number {
  const difference = a.numerator * b.denominator - b.numerator * a.denominator;
  return difference < 0n ? -1 : difference > 0n ? 1 : 0;
}

/** The double next to a fraction, to within 2^-52 of its size. */
export function toNumber({ numerator, denominator }: Rational): number {
  if (numerator < 0n) return -toNumber({ numerator: -numerator, denominator });
  if (numerator === 0n) return 0;
  // 64 bits of quotient: more than a double keeps, so only the last rounding counts.
  const shift = 64 - (bitLength(numerator) - bitLength(denominator));
  const quotient =
    shift >= 0 ? (numerator << BigInt(shift)) / denominator : numerator / (denominator << BigInt(-shift));
  const half = Math.trunc(shift / 2);
  return Number(quotient) * 2 ** -half * 2 ** (half - shift); // 2^-shift alone may be no double
}

/** ceil(a / b) for a >= 0 and b > 0. */
export function ceilDivide(a: bigint, b: bigint): bigint {
  return (a + b - 1n) / b;
}

/** Bits of |value|; 0 for 0. */
export function bitLength(value: bigint): number {
  return value === 0n ? 0 : (value < 0n ? -value : value).toString(2).length;
}

function fraction(name: string, value: unknown): Rational {
  if (typeof value === 'bigint' && bitLength(value) <= maxBits) return { numerator: value, denominator: 1n };
  if (typeof value !== 'number' || !Number.isFinite(value))
    throw new UsageError('usage.rational', `${name} must be a finite number or a bigint, got ${describe(value)}`);
  let denominator = 1n;
  let scaled = value;
  while (!Number.isInteger(scaled)) {
    scaled *= 2; // exact: no bit is lost, and it ends since each double is dyadic
    denominator *= 2n;
  }
  return lowest(BigInt(scaled), denominator);
}

function lowest(numerator: bigint, denominator: bigint): Rational {
  if (denominator === 0n) throw new InternalError('rational.zero', 'a denominator became zero');
  const sign = denominator < 0n ? -1n : 1n;
  const divisor = greatestCommonDivisor(numerator < 0n ? -numerator : numerator, sign * denominator);
  return { numerator: (sign * numerator) / divisor, denominator: (sign * denominator) / divisor };
}

function greatestCommonDivisor(a: bigint, b: bigint): bigint {
  let [larger, smaller] = [a, b];
  while (smaller !== 0n) [larger, smaller] = [smaller, larger % smaller];
  return larger;
}
