import { InternalError } from '../../core/errors.js';
import { type BitSource, type Enclose, type Enclosure, LazyUniform } from './bits.js';
import { rescale, scale } from './enclosure.js';
import { ceilDivide, type Rational } from './rational.js';

/**
 * Exact rejection under a staircase. A proposal is a magnitude x = w * g + j: the step g is geometric, P(g) = 2^-(g+1),
 * read off the leading zeros of a random word, and j is uniform in [0, w). So P(x) is proportional to 2^-g, a staircase
 * over the density f, which falls with x and has f(0) <= 1. The proposal is kept with probability f(x) 2^g / M, where M
 * >= f(w g) 2^g for every g is certified in integer arithmetic.
 *
 * That comparison is the only place where a real number occurs. A double with a proved error bound decides it for all
 * but one in about 2^32 proposals; those are decided by integer bounds and as many more random bits as it takes. So the
 * draws are exact (Canonne, Kamath and Steinke 2020 get there by Bernoulli coins; this is some 25 times as fast).
 */
export interface Staircase {
  /** w = units * 2^shift, units at most 2^21. */
  readonly units: number;
  readonly shift: number;
  readonly width: number;
  /** M = ceiling / 2^20. */
  readonly ceiling: bigint;
}

/** Bounds of f(x) at 2^-precision. */
export type EncloseDensity = (x: bigint, precision: number) => Enclosure;

/** Doubles may be off by this much of 2^-32 in an acceptance probability: at least four times what they can be. */
export const slack: number = 1 / 64;

const maxUnits = 2 ** 21;
const maxSteps = 64n;

/** w as units * 2^shift, `width` or a little more. */
export function stepWidth(width: number): Omit<Staircase, 'ceiling'> {
  let shift = 0;
  while (Math.ceil(width / 2 ** shift) > maxUnits) shift += 1;
  const units = Math.max(1, Math.ceil(width / 2 ** shift));
  return { units, shift, width: units * 2 ** shift };
}

/**
 * The least M (to 2^-20) over every density given, or `undefined` if f(w g) 2^g has no maximum within 64 steps. Each
 * density must be log-concave and falling: then f(w g) 2^g rises and falls once, and nothing behind its first fall
 * needs to be looked at.
 */
export function certify(width: number, densities: readonly EncloseDensity[]): bigint | undefined {
  const precision = 96;
  let ceiling = 0n;
  for (const density of densities) {
    let before: Enclosure = { lower: 0n, upper: 0n };
    for (let g = 0n; ; g += 1n) {
      if (g === maxSteps) return undefined;
      const { lower, upper } = density(BigInt(width) * g, precision);
      const here = { lower: lower << g, upper: upper << g };
      const rounded = ceilDivide(here.upper, 1n << BigInt(precision - 20));
      if (rounded > ceiling) ceiling = rounded;
      if (g > 0n && here.upper <= before.lower) break;
      before = here;
    }
  }
  return ceiling;
}

/** The step of a proposal whose 31 low bits `word` are still unused, and as many more words as are all zero. */
export function drawStep(source: BitSource, word: number): number {
  const zeros = Math.clz32(word << 1);
  if (zeros < 31) return zeros;
  let step = 31;
  for (;;) {
    const more = Math.clz32(source.word());
    step += more;
    if (more < 32) return step;
  }
}

/**
 * A function that draws j, uniform in [0, w). Lemire's multiplication (2019): exact, since the surplus is drawn again.
 */
export function positionDraw({ units, shift }: Staircase): (source: BitSource) => number {
  const surplus = 2 ** 32 % units;
  const unit = (source: BitSource): number => {
    for (;;) {
      const product = source.word() * units; // below 2^53
      const high = Math.floor(product / 2 ** 32);
      if (product - high * 2 ** 32 >= surplus) return high;
    }
  };
  if (shift === 0) return unit;
  const size = 2 ** shift;
  // shift <= 32: widths are below 2^53.
  return (source) => unit(source) * size + Math.floor(source.word() / 2 ** (32 - shift));
}

/**
 * 2^32 times 2^-t / M, where `scaled` = 2^33 / M, for -1 <= t < 30.5; relative error below 2^-45 besides that of t.
 * Only +, * and floor, which IEEE 754 defines to the bit: Math.exp is every engine's own.
 */
export function threshold(scaled: number, t: number): number {
  const above = t + 1;
  const whole = Math.floor(above + 0.5);
  const y = (whole - above) * Math.LN2; // |y| <= 0.35: the first term left out is below 2^-47
  let power = 1 / 479001600;
  power = power * y + 1 / 39916800;
  power = power * y + 1 / 3628800;
  power = power * y + 1 / 362880;
  power = power * y + 1 / 40320;
  power = power * y + 1 / 5040;
  power = power * y + 1 / 720;
  power = power * y + 1 / 120;
  power = power * y + 1 / 24;
  power = power * y + 1 / 6;
  power = power * y + 1 / 2;
  power = power * y + 1;
  power = power * y + 1;
  return (scaled * power) / ((1 << whole) >>> 0);
}

/** Largest t that `threshold` takes; beyond it an acceptance probability is below 2^-29. */
export const maxExponent = 30;

/** Decides one comparison exactly: is the uniform number that begins with `word` below f(x) 2^g / M? */
export function decide(
  source: BitSource,
  word: number,
  options: { readonly density: EncloseDensity; readonly x: bigint; readonly step: number; readonly ceiling: bigint },
): boolean {
  const { density, x, step, ceiling } = options;
  const factor: Rational = { numerator: 1n << BigInt(step + 20), denominator: ceiling };
  const enclose: Enclose = (precision) => {
    const working = precision + step + 24;
    return rescale(scale(density(x, working), factor), working, precision);
  };
  return new LazyUniform(source, BigInt(word), 32).isBelow(enclose);
}

/** A certified staircase about `width` wide; widens until one is found. */
export function staircase(width: number, densities: readonly EncloseDensity[]): Staircase {
  let wanted = width;
  for (let tries = 0; tries < 64; tries += 1) {
    const steps = stepWidth(wanted);
    const ceiling = certify(steps.width, densities);
    if (ceiling !== undefined && ceiling <= 1n << 21n) return { ...steps, ceiling };
    wanted = Math.max(steps.width + 2 ** steps.shift, steps.width * 1.001);
  }
  throw new InternalError('sampler.staircase', 'no staircase of any width lies over the density');
}
