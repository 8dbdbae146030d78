import { checkInteger, checkNumber } from '../../core/check.js';
import { InternalError, UsageError } from '../../core/errors.js';
import type { RandomSource } from '../../core/random.js';
import { BitSource } from '../samplers/bits.js';
import { l2Norm } from './clip.js';

/** Integer norms are summed in doubles, exactly: their squares must stay below this. */
export const maxSquare: number = 2 ** 52;

/** Tries before something is plainly wrong: each fails with probability beta or less. */
const maxTries = 1000;

/**
 * The norm that a vector of norm `norm` keeps when its coordinates are stochastically rounded to integers, but for
 * probability `beta`: min(norm + sqrt(d), sqrt(norm^2 + d/4 + sqrt(2 ln(1/beta)) (norm + sqrt(d)/2))) (Kairouz, Liu and
 * Steinke 2021, theorem 1).
 *
 * @param options.norm in units of the grid, >= 0
 * @param options.beta from 0 (the bound that always holds) to below 1
 * @param options.dimension d, at least 1
 * @throws UsageError `usage.range`
 */
export function roundedNormBound(options: {
  readonly norm: number;
  readonly beta: number;
  readonly dimension: number;
}): number {
  const norm = checkNumber('norm', options.norm, 0, Number.MAX_VALUE);
  const beta = checkNumber('beta', options.beta, 0, 1 - 2 ** -53);
  const dimension = checkInteger('dimension', options.dimension, 1, 2 ** 32);
  const always = norm + Math.sqrt(dimension);
  if (beta === 0) return always;
  const spread = Math.sqrt(2 * Math.log(1 / beta)) * (norm + Math.sqrt(dimension) / 2);
  return Math.min(always, Math.sqrt(norm ** 2 + dimension / 4 + spread));
}

/**
 * Conditional randomized rounding (Kairouz, Liu and Steinke 2021, algorithm 1): each coordinate goes up or down at
 * random with the right mean, and all are rounded again until the squared norm is at most `maxSquaredNorm`. What comes
 * out satisfies that bound always: it is checked in integers, so the sensitivity that the noise is sized for doesn't
 * hang on floating point or on chance.
 *
 * @param values in units of the grid
 * @throws UsageError `usage.floats`, `usage.finite`, `usage.range`, and `dp.norm` if the values are too long for the
 *   bound
 */
export function roundConditionally(
  values: Float64Array,
  options: { readonly maxSquaredNorm: number; readonly random: RandomSource },
): Int32Array<ArrayBuffer> {
  const most = checkInteger('maxSquaredNorm', options.maxSquaredNorm, 0, maxSquare);
  const norm = l2Norm(values);
  // The bound was rounded down to an integer; a norm a little above is rare rounding's to cope with.
  if (norm ** 2 > (most + 1) * (1 + 2 ** -20))
    throw new UsageError('dp.norm', `values have norm ${norm}, the bound is ${Math.sqrt(most)}: clip them first`);
  const source = new BitSource(options.random, values.length);
  const rounded = new Int32Array(values.length);
  for (let tries = 0; tries < maxTries; tries += 1) {
    let square = 0;
    for (let i = 0; i < values.length; i += 1) {
      const value = values[i] as number;
      const down = Math.floor(value);
      const integer = source.word() < (value - down) * 2 ** 32 ? down + 1 : down;
      rounded[i] = integer;
      square += integer * integer;
    }
    if (square <= most) {
      source.wipe();
      return rounded;
    }
  }
  throw new InternalError('dp.rounding', `no rounding of ${maxTries} kept the norm bound ${Math.sqrt(most)}`);
}

/** The least integer bound on |v|^2 that `roundedNormBound` allows: an integer vector's squared norm is an integer. */
export function squaredNormBound(options: {
  readonly norm: number;
  readonly beta: number;
  readonly dimension: number;
}): number {
  const bound = Math.floor(roundedNormBound(options) ** 2 * (1 + 2 ** -40));
  if (bound > maxSquare)
    throw new UsageError('usage.range', `a norm of ${options.norm} grid steps is too fine: raise the granularity`);
  return bound;
}
