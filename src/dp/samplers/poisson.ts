import { type Enclosure, LazyUniform } from './bits.js';
import { encloseExp, rescale } from './enclosure.js';
import { bitLength, ceilDivide, checkPositive, multiply, type Rational, toNumber } from './rational.js';
import { type Draw, type NoiseSampler, samplerOf } from './sampler.js';
import {
  decide,
  drawStep,
  type EncloseDensity,
  maxExponent,
  positionDraw,
  slack,
  staircase,
  threshold,
} from './staircase.js';

/** The largest Poisson mean. */
export const maxMean: number = 2 ** 32;

/** Below this mean the whole distribution is scanned; from it on the staircase is faster. */
const scanned = 64;

/**
 * The Poisson distribution: P(k) = e^-mean mean^k / k!, exactly.
 *
 * @param options.mean above 0 and at most 2^32; a number is taken as the exact value of the double
 * @throws UsageError `usage.rational`, `usage.range`
 */
export function poisson(options: { readonly mean: Rational | number }): NoiseSampler {
  const mean = checkPositive('mean', options.mean, maxMean);
  // A target must hold the mean itself, not only the spread.
  return samplerOf({ kind: 'poisson', variance: mean, draw: poissonDraw(mean), scale: toNumber(mean) / 64 });
}

/**
 * The Skellam distribution: the difference of two exact Poisson draws of mean variance/2. Sums of independent Skellam
 * draws are Skellam, which makes it the noise of choice where clients drop out (Agarwal, Kairouz and Liu 2021).
 *
 * @param options.variance above 0 and at most 2^33; a number is taken as the exact value of the double
 * @throws UsageError `usage.rational`, `usage.range`
 */
export function skellam(options: { readonly variance: Rational | number }): NoiseSampler {
  const variance = checkPositive('variance', options.variance, 2 * maxMean);
  const half = poissonDraw(multiply(variance, { numerator: 1n, denominator: 2n }));
  const draw: Draw = (source) => half(source) - half(source);
  return samplerOf({ kind: 'skellam', variance, draw, scale: Math.sqrt(toNumber(variance)) });
}

function poissonDraw(mean: Rational): Draw {
  return toNumber(mean) < scanned ? scan(mean) : climb(mean);
}

/**
 * Inversion: k is the number of cumulative probabilities that a uniform number isn't below. All of them are compared,
 * so the time is the same for every k; each is known to 53 bits by integer arithmetic, and a tie in those is decided by
 * further bits.
 */
function scan(mean: Rational): Draw {
  const cells = cumulative53(mean);
  return (source) => {
    const word = source.word53();
    let k = 0;
    let tie = 0;
    for (let i = 0; i < cells.length; i += 1) {
      const cell = cells[i] as number;
      k += word > cell ? 1 : 0;
      tie |= word === cell ? 1 : 0;
    }
    if (tie === 0) return k;
    const exact = new LazyUniform(source, BigInt(word), 53);
    while (!exact.isBelow((precision) => encloseCumulative(mean, k, precision))) k += 1;
    return k;
  };
}

/** floor(2^53 P(X <= k)) for k = 0, 1, ... up to the first that is 2^53 - 1. */
function cumulative53(mean: Rational): Float64Array {
  const cells: number[] = [];
  for (let k = 0; ; k += 1) {
    for (let precision = 128; ; precision *= 2) {
      const { lower, upper } = encloseCumulative(mean, k, precision);
      const [low, high] = [lower >> BigInt(precision - 53), upper >> BigInt(precision - 53)];
      if (low !== high) continue;
      cells.push(Number(low));
      if (low === (1n << 53n) - 1n) return Float64Array.from(cells);
      break;
    }
  }
}

/** Bounds of P(X <= k). */
function encloseCumulative(mean: Rational, k: number, precision: number): Enclosure {
  const working = precision + 128; // e^mean is below 2^93
  const one = 1n << BigInt(working);
  let [lower, upper] = [one, one];
  let [termLow, termHigh] = [one, one];
  for (let i = 1n; i <= BigInt(k); i += 1n) {
    termLow = (termLow * mean.numerator) / (mean.denominator * i);
    termHigh = ceilDivide(termHigh * mean.numerator, mean.denominator * i);
    lower += termLow;
    upper += termHigh;
  }
  const start = encloseExp(mean, working);
  const product = { lower: (start.lower * lower) >> BigInt(working), upper: ceilDivide(start.upper * upper, one) };
  const { lower: from, upper: to } = rescale(product, working, precision);
  const whole = 1n << BigInt(precision);
  return { lower: from, upper: to < whole ? to : whole };
}

/**
 * Staircases on both sides of the mode m: the right one over k = m + x, the left one over k = m - 1 - x, each kept with
 * p(k) / p(m). That ratio is a product of |k - m| fractions, by which the integer bounds are computed; in doubles it
 * comes from Loader's saddle point expansion (2000), whose terms keep their relative accuracy however large the mean
 * is.
 */
function climb(mean: Rational): Draw {
  const mode = mean.numerator / mean.denominator;
  const right: EncloseDensity = (x, precision) => encloseRatio(mean, mode, x, precision);
  const left: EncloseDensity = (x, precision) => encloseRatio(mean, mode, -1n - x, precision);
  const steps = staircase(Math.sqrt(toNumber(mean)) * Math.sqrt((2 * Math.LN2) / 3), [right, left]);
  const { width, ceiling } = steps;
  const position = positionDraw(steps);
  const scaled = 2 ** 53 / Number(ceiling);
  const deviance = saddlePoint(mean);
  const middle = Number(mode);
  const base = deviance.at(middle);
  return (source) => {
    for (;;) {
      const first = source.word();
      const step = drawStep(source, first);
      const x = width * step + position(source);
      const word = source.word();
      const k = first < 2 ** 31 ? middle + x : middle - 1 - x;
      if (k < 0) continue;
      let kept = false;
      if (deviance.covers(k) && step <= 60) {
        const t = (deviance.at(k) - base) * Math.LOG2E - step;
        if (t < maxExponent) {
          const bound = threshold(scaled, t) * Math.sqrt(middle / k);
          if (word >= bound + slack) continue;
          kept = word + 1 <= bound - slack;
        } else if (word > 64) continue;
      }
      const density = first < 2 ** 31 ? right : left;
      if (kept || decide(source, word, { density, x: BigInt(x), step, ceiling })) return k;
    }
  };
}

/** Bounds of p(mode + distance) / p(mode), which is at most 1. */
export function encloseRatio(mean: Rational, mode: bigint, distance: bigint, precision: number): Enclosure {
  const k = mode + distance;
  if (k < 0n) return { lower: 0n, upper: 0n };
  const working = precision + 8 + bitLength(distance);
  let lower = 1n << BigInt(working);
  let upper = lower;
  const { numerator, denominator } = mean;
  for (let i = mode + 1n; i <= k; i += 1n) {
    lower = (lower * numerator) / (denominator * i);
    upper = ceilDivide(upper * numerator, denominator * i);
    if (upper === 1n && lower === 0n) break; // as small as it can be told
  }
  for (let i = mode; i > k; i -= 1n) {
    lower = (lower * denominator * i) / numerator;
    upper = ceilDivide(upper * denominator * i, numerator);
    if (upper === 1n && lower === 0n) break;
  }
  return rescale({ lower, upper }, working, precision);
}

interface SaddlePoint {
  /** -ln(p(k) sqrt(2 pi k)), to within 2^-43 where `covers(k)`. */
  readonly at: (k: number) => number;
  readonly covers: (k: number) => boolean;
}

/** p(k) = exp(-D(k) - s(k)) / sqrt(2 pi k), D the deviance k ln(k/mean) + mean - k, s Stirling's error. */
function saddlePoint(mean: Rational): SaddlePoint {
  const whole = mean.numerator / mean.denominator;
  const rest = toNumber({ numerator: mean.numerator - whole * mean.denominator, denominator: mean.denominator });
  const integer = Number(whole);
  const size = integer + rest;
  // The series of atanh v ends at v^31/31: 2 k v^33/33 must be below 2^-44, k < 3 mean.
  const limit = Math.min(0.4, ((33 * 2 ** -44) / (12 * size)) ** (1 / 33));
  const ratio = (k: number): number => (k - integer - rest) / (k + size);
  return {
    covers: (k) => Math.abs(ratio(k)) <= limit,
    at: (k) => {
      const off = k - integer - rest;
      const v = off / (k + size);
      const square = v * v;
      let series = 1 / 31;
      for (let j = 29; j >= 3; j -= 2) series = series * square + 1 / j;
      const inverse = 1 / k;
      const inverseSquare = inverse * inverse;
      const stirling =
        inverse * (1 / 12 - inverseSquare * (1 / 360 - inverseSquare * (1 / 1260 - inverseSquare * (1 / 1680))));
      return off * v + 2 * k * v * square * series + stirling;
    },
  };
}
