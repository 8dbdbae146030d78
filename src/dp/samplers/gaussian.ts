import type { BitSource } from './bits.js';
import { encloseExp } from './enclosure.js';
import { checkPositive, multiply, type Rational, toNumber } from './rational.js';
import { type NoiseKind, type NoiseSampler, samplerOf } from './sampler.js';
import {
  decide,
  drawStep,
  type EncloseDensity,
  maxExponent,
  positionDraw,
  type Staircase,
  slack,
  staircase,
  threshold,
} from './staircase.js';

/** The largest sigma and b: draws stay far inside the integers that doubles hold. */
export const maxScale: number = 2 ** 40;

/**
 * The discrete Gaussian N_Z(0, sigma^2): P(x) proportional to exp(-x^2 / (2 sigma^2)) (Canonne, Kamath and Steinke
 * 2020, definition 1).
 *
 * @param options.variance sigma^2, above 0 and at most 2^80; a number is taken as the exact value of the double
 * @throws UsageError `usage.rational`, `usage.range`
 */
export function discreteGaussian(options: { readonly variance: Rational | number }): NoiseSampler {
  const variance = checkPositive('variance', options.variance, maxScale ** 2);
  const sigma = Math.sqrt(toNumber(variance));
  const density: EncloseDensity = (x, precision) =>
    encloseExp({ numerator: x * x * variance.denominator, denominator: 2n * variance.numerator }, precision);
  // w = sigma * sqrt(2 ln 2 / 3): the first two steps touch the density at once, and 0.58 of all proposals are kept.
  const steps = staircase(sigma * Math.sqrt((2 * Math.LN2) / 3), [density]);
  return twoSided('discreteGaussian', {
    variance,
    sigma,
    density,
    steps,
    square: Math.LOG2E / (2 * toNumber(variance)),
    linear: 0,
  });
}

/**
 * The discrete Laplace distribution: P(x) proportional to exp(-|x| / b). The noise that makes an integer of sensitivity
 * 1 exactly 1/b-DP.
 *
 * @param options.scale b, above 0 and at most 2^40; a number is taken as the exact value of the double
 * @throws UsageError `usage.rational`, `usage.range`
 */
export function discreteLaplace(options: { readonly scale: Rational | number }): NoiseSampler {
  const b = checkPositive('scale', options.scale, maxScale);
  const size = toNumber(b);
  const density: EncloseDensity = (x, precision) =>
    encloseExp({ numerator: x * b.denominator, denominator: b.numerator }, precision);
  const steps = staircase(size * Math.LN2, [density]);
  return twoSided('discreteLaplace', {
    variance: multiply({ numerator: 2n, denominator: 1n }, multiply(b, b)),
    sigma: Math.SQRT2 * size,
    density,
    steps,
    square: 0,
    linear: Math.LOG2E / size,
  });
}

interface TwoSided {
  readonly variance: Rational;
  readonly sigma: number;
  readonly density: EncloseDensity;
  readonly steps: Staircase;
  /** -log2 f(x) = x (x square + linear). */
  readonly square: number;
  readonly linear: number;
}

/**
 * Draws from f(|x|) on the integers. In -log2 f(x) the doubles are off by at most 2^-50 of it, and it is at most 31 + g
 * where the fast path is taken (g beyond 60 has probability 2^-61), so the acceptance probability is off by less than
 * 2^-40 of itself.
 */
function twoSided(kind: NoiseKind, { variance, sigma, density, steps, square, linear }: TwoSided): NoiseSampler {
  const { width, ceiling } = steps;
  const scaled = 2 ** 53 / Number(ceiling);
  const position = positionDraw(steps);
  const draw = (source: BitSource): number => {
    for (;;) {
      const first = source.word();
      const step = drawStep(source, first);
      const x = width * step + position(source);
      const word = source.word();
      const t = x * (x * square + linear) - step;
      // A negative zero would count zero twice. x beyond 2^53 is not exact; neither it nor its neighbors are ever kept
      // (f < e^-8192).
      if (!(x > 0 || first < 2 ** 31)) continue;
      let kept = false;
      if (t < maxExponent && step <= 60) {
        const bound = threshold(scaled, t);
        if (word >= bound + slack) continue;
        kept = word + 1 <= bound - slack;
      } else if (word > 64 && t >= maxExponent) continue;
      if (kept || decide(source, word, { density, x: BigInt(x), step, ceiling })) return first < 2 ** 31 ? x : -x;
    }
  };
  return samplerOf({ kind, variance, draw, scale: sigma });
}
