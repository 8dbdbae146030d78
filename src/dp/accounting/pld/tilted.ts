/**
 * Composition of grid losses by Fourier transform, under an exponential tilt.
 *
 * The tail that delta is made of may be far smaller than a transform's rounding error. So masses are first multiplied
 * by e^(theta x) and normalized, with theta such that the composed loss is centered near the epsilon of interest; there
 * the transform is as accurate as anywhere, and dividing by the tilt restores the tail with a small relative error. The
 * window then need only hold the tilted distribution; what lies outside is bounded by Chernoff, what the transform
 * rounds by its error bound, and both are charged to delta.
 */
import { UsageError } from '../../../core/errors.js';
import { erfcx } from '../../numeric/erfc.js';
import { fftError, forwardReal, inverseReal } from '../../numeric/fft.js';
import type { GridLoss } from './grid.js';

/** `count` releases with one loss. */
export interface GridPart {
  readonly grid: GridLoss;
  readonly count: number;
}

/** The logarithm of a moment, and its first two derivatives in theta. */
export interface Cumulant {
  readonly value: number;
  readonly mean: number;
  readonly variance: number;
}

/** Mass outside of the window is below e^-outside of the tilted distribution. */
const outside = 42;
const unit = 2 ** -53;
const largestWindow = 2 ** 21;

/** ln E[e^(theta L)] of the composed finite loss; K of the other files. */
export function cumulant(parts: readonly GridPart[], h: number, theta: number): Cumulant {
  let value = 0;
  let mean = 0;
  let variance = 0;
  for (const { grid, count } of parts) {
    const one = partCumulant(grid, h, theta);
    value += count * one.value;
    mean += count * one.mean;
    variance += count * one.variance;
  }
  return { value, mean, variance };
}

function partCumulant({ first, masses }: GridLoss, h: number, theta: number): Cumulant {
  const n = masses.length;
  const shift = theta > 0 ? topExponent(masses, theta * h) : 0;
  let sum = 0;
  let one = 0;
  let two = 0;
  const grow = Math.exp(theta * h);
  let weight = 0;
  for (let i = 0; i < n; i += 1) {
    weight = i % 64 === 0 ? Math.exp(theta * h * i - shift) : weight * grow;
    const w =
      weight > 0 && weight < 1e300
        ? (masses[i] as number) * weight
        : masses[i] === 0
          ? 0
          : Math.exp(Math.log(masses[i] as number) + theta * h * i - shift);
    sum += w;
    one += w * i;
    two += w * i * i;
  }
  const mean = one / sum;
  return {
    value: Math.log(sum) + shift + theta * h * first,
    mean: (first + mean) * h,
    variance: Math.max(0, two / sum - mean * mean) * h * h,
  };
}

/** The largest exponent of a tilted mass, near enough to keep sums within a double. */
function topExponent(masses: Float64Array, slope: number): number {
  let top = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < masses.length; i += 1 + (masses.length >> 9)) {
    const mass = masses[i] as number;
    if (mass > 0) top = Math.max(top, Math.log(mass) + slope * i);
  }
  const last = masses[masses.length - 1] as number;
  return last > 0 ? Math.max(top, Math.log(last) + slope * (masses.length - 1)) : top;
}

/** ln delta at epsilon = mean, by the saddle point: the tilted loss taken for a normal one. */
export function saddleLogDelta({ value, mean, variance }: Cumulant, theta: number): number {
  const s = Math.sqrt(variance / 2);
  const gap =
    theta * s > 1e6 ? 1 / (Math.sqrt(Math.PI) * theta * (theta + 1) * s) : erfcx(theta * s) - erfcx((theta + 1) * s);
  return value - theta * mean + Math.log(0.5 * gap);
}

/** The composed loss near the center of its tilt: delta at every grid point of a window, with everything charged. */
export class TiltedComposition {
  readonly #h: number;
  readonly #theta: number;
  readonly #log: number;
  readonly #first: number;
  readonly #center: number;
  /** ln delta at first + i is #log - theta x + ln #scaled[i]. */
  readonly #scaled: Float64Array;
  /** Delta from infinite losses. */
  readonly infinite: number;

  /**
   * @param side whether charges are added (`above`) or taken away (`below`)
   * @throws UsageError (`dp.precision`) where the window would need more than 2^21 points
   */
  constructor(parts: readonly GridPart[], h: number, theta: number, side: 'above' | 'below') {
    this.#h = h;
    this.#theta = theta;
    const center = cumulant(parts, h, theta);
    this.#log = center.value;
    this.infinite = -Math.expm1(parts.reduce((sum, { grid, count }) => sum + count * Math.log1p(-grid.infinite), 0));
    const window = chooseWindow(parts, h, theta, center);
    this.#first = window.first;
    this.#center = Math.min(window.length - 2, Math.max(1, Math.round(center.mean / h) - window.first));
    const { values, error } = convolve(parts, h, theta, window);
    const releases = parts.reduce((sum, { count }) => sum + count, 0);
    this.#scaled = suffixes(values, h, theta);
    charge(this.#scaled, { h, theta, error, relative: 128 * unit * releases, side });
  }

  /** The range of epsilon that the window answers for. */
  get range(): { readonly low: number; readonly high: number } {
    return { low: this.#first * this.#h, high: (this.#first + this.#scaled.length - 1) * this.#h };
  }

  #deltaAt(i: number): number {
    return (
      this.infinite + Math.exp(this.#log - this.#theta * (this.#first + i) * this.#h) * (this.#scaled[i] as number)
    );
  }

  /** Delta at an epsilon in `range`: linear in e^epsilon between grid points. */
  delta(epsilon: number): number {
    const i = Math.min(this.#scaled.length - 2, Math.max(0, Math.floor(epsilon / this.#h) - this.#first));
    const share = Math.min(1, Math.max(0, Math.expm1(epsilon - (this.#first + i) * this.#h) / Math.expm1(this.#h)));
    const left = this.#deltaAt(i);
    return left + share * (this.#deltaAt(i + 1) - left);
  }

  /**
   * The least epsilon in `range` at which delta is at most `delta`; -Infinity or Infinity where that is to its left or
   * right.
   */
  epsilon(delta: number): number {
    // From the center out: far to its left, a lower bound is no longer worth anything.
    let low = this.#center;
    let high = this.#scaled.length - 2;
    if (this.#deltaAt(low) > delta) {
      if (this.#deltaAt(high) > delta) return Number.POSITIVE_INFINITY;
    } else {
      for (let step = 1; this.#deltaAt(low) <= delta; step *= 2) {
        if (low === 0) return Number.NEGATIVE_INFINITY;
        high = low;
        low = Math.max(0, low - step);
      }
    }
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (this.#deltaAt(middle) <= delta) high = middle;
      else low = middle;
    }
    const left = this.#deltaAt(low);
    const share = (left - delta) / (left - this.#deltaAt(high));
    return (this.#first + low) * this.#h + Math.log1p(share * Math.expm1(this.#h));
  }
}

/** How wide the window around a tilt is, in units of the loss. */
export function windowWidth(parts: readonly GridPart[], h: number, theta: number): number {
  const { first, last } = windowEnds(parts, h, theta, cumulant(parts, h, theta));
  return (last - first + 1) * h;
}

/** Grid indices from `first`, a power of two of them, that hold all of the tilted loss but e^-outside at each end. */
function chooseWindow(
  parts: readonly GridPart[],
  h: number,
  theta: number,
  center: Cumulant,
): { readonly first: number; readonly length: number } {
  const { first, last } = windowEnds(parts, h, theta, center);
  const length = 2 ** Math.max(4, Math.ceil(Math.log2(last - first + 1)));
  if (!(length <= largestWindow))
    throw new UsageError(
      'dp.precision',
      'the composition needs more than two million grid points: ask for less precision',
    );
  return { first, length };
}

/** By Chernoff's bound at several slopes, from those that suit heavy tails to those that suit a bounded loss. */
function windowEnds(
  parts: readonly GridPart[],
  h: number,
  theta: number,
  center: Cumulant,
): { readonly first: number; readonly last: number } {
  let least = 0;
  let most = 0;
  for (const { grid, count } of parts) {
    least += count * grid.first;
    most += count * (grid.first + grid.masses.length - 1);
  }
  const base = Math.sqrt((2 * outside) / Math.max(center.variance, h * h));
  const high = leastOverSlopes(
    base,
    (step) => (cumulant(parts, h, theta + step).value - center.value + outside) / step,
  );
  const low = leastOverSlopes(base, (step) => (cumulant(parts, h, theta - step).value - center.value + outside) / step);
  return { first: Math.max(least, Math.floor(-low / h)) - 1, last: Math.min(most, Math.ceil(high / h)) + 1 };
}

/**
 * About the least of a function that falls and then rises in the slope, looked for around `base` in ever smaller
 * factors.
 */
function leastOverSlopes(base: number, end: (slope: number) => number): number {
  let best = end(base);
  let at = base;
  for (const step of [8, 2, 1.4])
    for (const factor of [1 / step, step])
      for (let slope = at * factor; ; slope *= factor) {
        const next = end(slope);
        if (!(next < best)) break;
        best = next;
        at = slope;
      }
  return best;
}

/** The tilted, normalized masses of the composition in the window, and a bound on the rounding error of each. */
function convolve(
  parts: readonly GridPart[],
  h: number,
  theta: number,
  { first, length }: { readonly first: number; readonly length: number },
): { readonly values: Float64Array; readonly error: number } {
  const bins = length / 2 + 1;
  const logs = new Float64Array(bins);
  const angles = new Float64Array(bins);
  const doubts = new Float64Array(bins);
  const entry = fftError(length);
  let rounding = 0;
  for (const { grid, count } of parts) {
    const { re, im } = forwardReal(wrapped(grid, h, theta, length));
    rounding += count * 32 * unit;
    for (let k = 0; k < bins; k += 1) {
      if ((logs[k] as number) < -60) continue;
      const r = re[k] as number;
      const i = im[k] as number;
      const square = r * r + i * i;
      const size = Math.max(square, entry * entry);
      logs[k] = (logs[k] as number) + 0.5 * count * Math.log(size);
      if ((logs[k] as number) < -60) continue;
      doubts[k] = (doubts[k] as number) + (1.01 * count * entry) / Math.sqrt(size);
      angles[k] = (angles[k] as number) + count * Math.atan2(i, r);
    }
  }
  const re = new Float64Array(bins);
  const im = new Float64Array(bins);
  let spectrumError = 0;
  let total = 0;
  for (let k = 0; k < bins; k += 1) {
    const twice = k === 0 || k === bins - 1 ? 1 : 2;
    if ((logs[k] as number) < -60) {
      spectrumError += twice * 1e-26;
      continue;
    }
    const size = Math.exp(logs[k] as number);
    // The angle's own rounding grows with its size.
    spectrumError +=
      twice * size * (Math.expm1(doubts[k] as number) + rounding + 4 * unit * Math.abs(angles[k] as number));
    total += twice * size;
    re[k] = size * Math.cos(angles[k] as number);
    im[k] = size * Math.sin(angles[k] as number);
  }
  const circular = inverseReal({ length, re, im });
  return { values: rotated(circular, first), error: (spectrumError + entry * total) / length };
}

/** The circular sequence from index `first` (mod its length) on. */
function rotated(circular: Float64Array, first: number): Float64Array {
  const n = circular.length;
  const start = ((first % n) + n) % n;
  const values = new Float64Array(n);
  values.set(circular.subarray(start), 0);
  values.set(circular.subarray(0, start), n - start);
  return values;
}

/** Tilted and normalized masses, at their grid indices modulo `length`. */
function wrapped({ first, masses }: GridLoss, h: number, theta: number, length: number): Float64Array {
  const { value } = partCumulant({ first, masses, infinite: 0 }, h, theta);
  const out = new Float64Array(length);
  const grow = Math.exp(theta * h);
  let weight = 0;
  let at = ((first % length) + length) % length;
  for (let i = 0; i < masses.length; i += 1) {
    const mass = masses[i] as number;
    const exponent = theta * h * (first + i) - value;
    weight = i % 32 === 0 || !(weight > 1e-290 && weight < 1e290) ? Math.exp(exponent) : weight * grow;
    out[at] =
      (out[at] as number) + (weight < 1e290 ? mass * weight : mass === 0 ? 0 : Math.exp(Math.log(mass) + exponent));
    at = at + 1 === length ? 0 : at + 1;
  }
  return out;
}

/**
 * D_j = sum_{i>j} v_i e^(-theta h (i-j)) (1 - e^(-h (i-j))): delta at j, but for a factor. From the right, by adding
 * positive numbers only.
 */
function suffixes(values: Float64Array, h: number, theta: number): Float64Array {
  const out = new Float64Array(values.length);
  const fade = Math.exp(-theta * h);
  const step = Math.exp(-h);
  const share = -Math.expm1(-h);
  let mass = 0;
  let delta = 0;
  for (let j = values.length - 1; j > 0; j -= 1) {
    mass += Math.max(0, values[j] as number);
    delta = fade * (step * delta + share * mass);
    mass *= fade;
    out[j - 1] = delta;
  }
  return out;
}

/** Adds to (or takes from) the sums what rounding and the window may have done to them. */
function charge(
  scaled: Float64Array,
  options: {
    readonly h: number;
    readonly theta: number;
    readonly error: number;
    readonly relative: number;
    readonly side: 'above' | 'below';
  },
): void {
  const { h, theta, error, relative, side } = options;
  const n = scaled.length;
  const fade = Math.exp(-theta * h);
  // If every value of the window were off by `error`: the sum of fade^m (1 - e^(-h m)).
  const both = fade * Math.exp(-h);
  const weight = Math.min(n, theta === 0 ? n : fade / -Math.expm1(-theta * h) - both / -Math.expm1(-(theta + 1) * h));
  const lost = Math.exp(-outside);
  // Outside of the window: to the right for a bound from above, either side, wrapped in, for one from below.
  for (let j = 0; j < n; j += 1) {
    const value = scaled[j] as number;
    const right = Math.exp(-theta * h * (n - 2 - j)) * lost;
    scaled[j] =
      side === 'above'
        ? value * (1 + relative) + weight * error + right
        : Math.max(0, value * (1 - relative) - weight * error - 2 * lost);
  }
}
