import { checkInteger } from '../../core/check.js';
import { UsageError } from '../../core/errors.js';
import type { BitSource } from './bits.js';
import { checkRational, multiply, type Rational, rational, subtract, toNumber } from './rational.js';
import { type NoiseSampler, samplerOf } from './sampler.js';

/** The most trials. */
export const maxTrials: number = 2 ** 24;

/**
 * The binomial distribution: how many of `trials` independent coins of bias `probability` come up, exactly. The coins'
 * uniform numbers are compared with the bias bit by bit, all at once: after each bit only those still tied with it go
 * on, about half. That is about two random bits a trial.
 *
 * @param options.trials from 0 to 2^24
 * @param options.probability from 0 to 1; a number is taken as the exact value of the double
 * @throws UsageError `usage.range`, `usage.rational`
 */
export function binomial(options: { readonly trials: number; readonly probability: Rational | number }): NoiseSampler {
  const trials = checkInteger('trials', options.trials, 0, maxTrials);
  const probability = checkRational('probability', options.probability);
  if (probability.numerator < 0n || probability.numerator > probability.denominator)
    throw new UsageError('usage.range', `probability must be from 0 to 1, got ${toNumber(probability)}`);
  const draw = (source: BitSource): number => successes(source, trials, probability);
  const variance = multiply(rational(trials), multiply(probability, subtract(rational(1), probability)));
  return samplerOf({ kind: 'binomial', variance, draw, scale: 0 });
}

function successes(source: BitSource, trials: number, { numerator, denominator }: Rational): number {
  if (numerator === denominator) return trials;
  let count = 0;
  let tied = trials;
  // Long division: the binary digits of the bias. Once the remainder is zero, whoever is tied isn't below it.
  for (let remainder = numerator; tied > 0 && remainder > 0n; ) {
    remainder *= 2n;
    const ones = countOnes(source, tied);
    if (remainder >= denominator) {
      remainder -= denominator;
      count += tied - ones; // the bias has a one, they a zero: below
      tied = ones;
    } else tied -= ones; // above
  }
  return count;
}

/** How many of `coins` fair coins come up. */
function countOnes(source: BitSource, coins: number): number {
  let ones = 0;
  for (let left = coins; left > 0; left -= 32) {
    const word = source.word();
    ones += popcount(left >= 32 ? word : word >>> (32 - left));
  }
  return ones;
}

function popcount(word: number): number {
  let bits = word - ((word >>> 1) & 0x55555555);
  bits = (bits & 0x33333333) + ((bits >>> 2) & 0x33333333);
  return Math.imul((bits + (bits >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
}
