import type { BitSource } from './bits.js';
import { checkPositive, type Rational } from './rational.js';

/**
 * The samplers of Canonne, Kamath and Steinke 2020 as they are printed (algorithms 1 to 3): integers and fair coins
 * only, nothing to be proved about doubles. Some 25 times slower than `discreteGaussian` and `discreteLaplace`, which
 * the tests compare with them; their running time grows with the draw.
 */

/** True with probability exp(-gamma), for gamma >= 0 (algorithm 1). */
export function bernoulliExp(source: BitSource, gamma: Rational): boolean {
  const whole = gamma.numerator / gamma.denominator;
  for (let i = 0n; i < whole; i += 1n) if (!bernoulliExpBelowOne(source, 1n, 1n)) return false;
  return bernoulliExpBelowOne(source, gamma.numerator % gamma.denominator, gamma.denominator);
}

function bernoulliExpBelowOne(source: BitSource, numerator: bigint, denominator: bigint): boolean {
  let k = 1n;
  while (source.below(denominator * k) < numerator) k += 1n;
  return k % 2n === 1n;
}

/** A discrete Laplace draw of rational scale (algorithm 2). Throws `UsageError`: `usage.rational`, `usage.range`. */
export function coinLaplace(source: BitSource, scale: Rational): bigint {
  const { numerator: t, denominator: s } = checkPositive('scale', scale, 2 ** 40);
  for (;;) {
    const u = source.below(t);
    if (!bernoulliExp(source, { numerator: u, denominator: t })) continue;
    let v = 0n;
    while (bernoulliExpBelowOne(source, 1n, 1n)) v += 1n;
    const magnitude = (u + t * v) / s;
    const negative = source.bit();
    if (negative && magnitude === 0n) continue;
    return negative ? -magnitude : magnitude;
  }
}

/**
 * A discrete Gaussian draw of rational variance (algorithm 3). Throws `UsageError`: `usage.rational`, `usage.range`.
 */
export function coinGaussian(source: BitSource, variance: Rational): bigint {
  const { numerator, denominator } = checkPositive('variance', variance, 2 ** 80);
  const t = squareRoot(numerator / denominator) + 1n;
  for (;;) {
    const y = coinLaplace(source, { numerator: t, denominator: 1n });
    // exp(-(|y| - sigma^2/t)^2 / (2 sigma^2))
    const off = (y < 0n ? -y : y) * t * denominator - numerator;
    const gamma = { numerator: off * off, denominator: 2n * numerator * denominator * t * t };
    if (bernoulliExp(source, gamma)) return y;
  }
}

function squareRoot(value: bigint): bigint {
  let root = BigInt(Math.floor(Math.sqrt(Number(value))));
  while (root * root > value) root -= 1n;
  while ((root + 1n) * (root + 1n) <= value) root += 1n;
  return root;
}
