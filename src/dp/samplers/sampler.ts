import { describe } from '../../core/check.js';
import { UsageError } from '../../core/errors.js';
import type { RandomSource } from '../../core/random.js';
import { BitSource } from './bits.js';
import type { Rational } from './rational.js';

/** The distributions that can be drawn. */
export type NoiseKind = 'discreteGaussian' | 'discreteLaplace' | 'skellam' | 'poisson' | 'binomial';

/** A function that draws one value from a source of bits. */
export type Draw = (source: BitSource) => number;

/** Where draws go. Doubles hold larger ones; both hold integers only. */
export type IntegerArray = Int32Array | Float64Array;

/**
 * Independent draws of one distribution on the integers, with exactly its probabilities if the random source's bytes
 * are uniform: no rounded density, no modulo bias, no cut tail. The result depends on the source's bytes alone, not on
 * the platform's arithmetic, so the same seed gives the same noise everywhere.
 *
 * No table is indexed by a draw and no loop runs as long as a draw is large: what a draw costs is decided by its
 * rejected proposals, which are independent of it. JavaScript can promise no more than that.
 */
export interface NoiseSampler {
  readonly kind: NoiseKind;
  /**
   * The variance. Of a discrete Gaussian it is the parameter sigma^2, of a discrete Laplace 2 b^2: the true variance is
   * that or, at small scales, less.
   */
  readonly variance: Rational;
  /** One draw. The bits that it takes don't depend on what comes out. */
  readonly draw: Draw;
  /**
   * Overwrites each element of `target`. Throws `UsageError`: `usage.integers`, `usage.range` if its type is too small,
   * `usage.random`.
   */
  readonly fill: (target: IntegerArray, random: RandomSource) => void;
}

/**
 * Largest scale (sigma, b, square root of a Poisson mean) whose draws fit 32 bits: beyond 128 of it lies less than
 * e^-88.
 */
export const maxScale32: number = 2 ** 23;

/** Checks a target; `scale` is a bound of the distribution's standard deviation. */
function checkTarget(target: unknown, scale: number): IntegerArray {
  if (!(target instanceof Int32Array) && !(target instanceof Float64Array))
    throw new UsageError('usage.integers', `target must be an Int32Array or Float64Array, got ${describe(target)}`);
  if (target instanceof Int32Array && scale > maxScale32)
    throw new UsageError(
      'usage.range',
      `a scale of ${scale} needs a Float64Array: an Int32Array holds noise of a scale up to ${maxScale32}`,
    );
  return target;
}

/** A sampler of draws whose standard deviation (or greatest usual size) is about `scale`. */
export function samplerOf(
  options: Pick<NoiseSampler, 'kind' | 'variance' | 'draw'> & { readonly scale: number },
): NoiseSampler {
  const { kind, variance, draw, scale } = options;
  return {
    kind,
    variance,
    draw,
    fill: (target, random) => {
      checkTarget(target, scale);
      const source = new BitSource(random, 6 * target.length);
      for (let i = 0; i < target.length; i += 1) target[i] = draw(source);
      source.wipe();
    },
  };
}
