/**
 * A discrete Fourier transform of real sequences of a power-of-two length: Stockham's self-sorting radix-4 form on a
 * complex sequence of half the length, and the usual untangling. Out of place, with one plan per length kept.
 *
 * Rounding: every output is a sum of the inputs through at most log2(n) + 1 levels of complex butterflies, each with a
 * relative error of at most `butterflyError`, so each output is off by at most `fftError(n)` times the sum of the
 * inputs' sizes.
 */
import { UsageError } from '../../core/errors.js';

/** A half spectrum: bins 0..n/2 of a real sequence of length n; the others are their conjugates. */
export interface Spectrum {
  readonly length: number;
  readonly re: Float64Array;
  readonly im: Float64Array;
}

/** The relative rounding of one complex butterfly with a rounded twiddle: under 6 units of 2^-53. */
const butterflyError = 6 * 2 ** -53;

/**
 * The largest error of one output of a transform of length n, as a multiple of the sum of the inputs' absolute values.
 */
export function fftError(length: number): number {
  return (Math.log2(length) + 2) * butterflyError;
}

interface Plan {
  readonly cosines: Float64Array;
  readonly sines: Float64Array;
  readonly scratchRe: Float64Array;
  readonly scratchIm: Float64Array;
}

const plans = new Map<number, Plan>();
const keptPlans = 24;

/** Twiddles e^(-2 pi i k / length), k < length, for a real transform of `length`. */
function planFor(length: number): Plan {
  const kept = plans.get(length);
  if (kept !== undefined) return kept;
  const cosines = new Float64Array(length);
  const sines = new Float64Array(length);
  for (let k = 0; k <= length / 8; k += 1) {
    const angle = (2 * Math.PI * k) / length;
    setOctants(cosines, sines, k, Math.cos(angle), -Math.sin(angle));
  }
  const plan = {
    cosines,
    sines,
    scratchRe: new Float64Array(length / 2),
    scratchIm: new Float64Array(length / 2),
  };
  if (plans.size >= keptPlans) plans.clear();
  plans.set(length, plan);
  return plan;
}

/** One octant gives all eight, by symmetry. */
function setOctants(cosines: Float64Array, sines: Float64Array, k: number, c: number, s: number): void {
  const n = cosines.length;
  const quarter = n / 4;
  for (const [at, cosine, sine] of [
    [k, c, s],
    [quarter - k, -s, -c],
    [quarter + k, s, -c],
    [n / 2 - k, -c, s],
    [n / 2 + k, -c, -s],
    [3 * quarter - k, s, c],
    [3 * quarter + k, -s, c],
    [n - k, c, -s],
  ] as const) {
    if (at >= n) continue;
    cosines[at] = cosine;
    sines[at] = sine;
  }
}

function checkLength(length: number): void {
  if (length < 8 || 2 ** Math.round(Math.log2(length)) !== length)
    throw new UsageError('usage.range', `length must be a power of two of at least 8, got ${length}`);
}

/**
 * The half spectrum of `values` (not changed).
 *
 * @throws UsageError unless the length is a power of two of at least 8.
 */
export function forwardReal(values: Float64Array): Spectrum {
  const length = values.length;
  checkLength(length);
  const half = length / 2;
  const plan = planFor(length);
  const re = new Float64Array(half + 1);
  const im = new Float64Array(half + 1);
  for (let i = 0; i < half; i += 1) {
    re[i] = values[2 * i] as number;
    im[i] = values[2 * i + 1] as number;
  }
  transform(re, im, half, plan);
  untangle(re, im, half, plan);
  return { length, re, im };
}

/** The real sequence whose half spectrum is `spectrum`; the inverse of `forwardReal`. */
export function inverseReal(spectrum: Spectrum): Float64Array {
  const { length } = spectrum;
  checkLength(length);
  const half = length / 2;
  const plan = planFor(length);
  const re = spectrum.re.slice(0, half);
  const im = spectrum.im.slice(0, half);
  tangle(re, im, spectrum, plan);
  transform(re, im, half, plan);
  const values = new Float64Array(length);
  const scale = 1 / half;
  for (let i = 0; i < half; i += 1) {
    values[2 * i] = (re[i] as number) * scale;
    values[2 * i + 1] = -(im[i] as number) * scale;
  }
  return values;
}

/** From the transform Z of even + i odd to bins 0..half of the real sequence. */
function untangle(re: Float64Array, im: Float64Array, half: number, { cosines, sines }: Plan): void {
  const first = re[0] as number;
  const second = im[0] as number;
  re[0] = first + second;
  im[0] = 0;
  re[half] = first - second;
  im[half] = 0;
  for (let k = 1; k <= half / 2; k += 1) {
    const j = half - k;
    const evenRe = 0.5 * ((re[k] as number) + (re[j] as number));
    const evenIm = 0.5 * ((im[k] as number) - (im[j] as number));
    const oddRe = 0.5 * ((im[k] as number) + (im[j] as number));
    const oddIm = 0.5 * ((re[j] as number) - (re[k] as number));
    const c = cosines[k] as number;
    const s = sines[k] as number;
    const turnedRe = oddRe * c - oddIm * s;
    const turnedIm = oddRe * s + oddIm * c;
    re[k] = evenRe + turnedRe;
    im[k] = evenIm + turnedIm;
    re[j] = evenRe - turnedRe;
    im[j] = turnedIm - evenIm;
  }
}

/** The inverse of `untangle`, conjugated, so that a forward transform inverts. */
function tangle(re: Float64Array, im: Float64Array, spectrum: Spectrum, { cosines, sines }: Plan): void {
  const half = spectrum.length / 2;
  for (let k = 0; k < half; k += 1) {
    const j = half - k;
    const aRe = spectrum.re[k] as number;
    const aIm = spectrum.im[k] as number;
    const bRe = spectrum.re[j] as number;
    const bIm = -(spectrum.im[j] as number);
    const differenceRe = aRe - bRe;
    const differenceIm = aIm - bIm;
    const c = cosines[k] as number;
    const s = -(sines[k] as number);
    const oddRe = differenceRe * c - differenceIm * s;
    const oddIm = differenceRe * s + differenceIm * c;
    re[k] = 0.5 * (aRe + bRe - oddIm);
    im[k] = -0.5 * (aIm + bIm + oddRe);
  }
}

/** In place, forward: x_k = sum_j x_j e^(-2 pi i j k / size). The plan is one of twice the size. */
function transform(re: Float64Array, im: Float64Array, size: number, plan: Plan): void {
  let fromRe = re;
  let fromIm = im;
  let toRe = plan.scratchRe;
  let toIm = plan.scratchIm;
  let n = size;
  let stride = 1;
  while (n > 1) {
    if (n % 4 === 0) {
      radix4(fromRe, fromIm, toRe, toIm, n, stride, plan);
      n /= 4;
      stride *= 4;
    } else {
      radix2(fromRe, fromIm, toRe, toIm, stride);
      n /= 2;
      stride *= 2;
    }
    [fromRe, toRe] = [toRe, fromRe];
    [fromIm, toIm] = [toIm, fromIm];
  }
  if (fromRe === re) return;
  re.set(fromRe);
  im.set(fromIm);
}

/** The last level where the size is an odd power of two: pairs half the array apart. */
function radix2(xr: Float64Array, xi: Float64Array, yr: Float64Array, yi: Float64Array, stride: number): void {
  for (let q = 0; q < stride; q += 1) {
    const ar = xr[q] as number;
    const ai = xi[q] as number;
    const br = xr[q + stride] as number;
    const bi = xi[q + stride] as number;
    yr[q] = ar + br;
    yi[q] = ai + bi;
    yr[q + stride] = ar - br;
    yi[q + stride] = ai - bi;
  }
}

function radix4(
  xr: Float64Array,
  xi: Float64Array,
  yr: Float64Array,
  yi: Float64Array,
  n: number,
  stride: number,
  { cosines, sines }: Plan,
): void {
  const m = n / 4;
  const step = 2 * stride;
  for (let p = 0; p < m; p += 1) {
    const c1 = cosines[p * step] as number;
    const s1 = sines[p * step] as number;
    const c2 = cosines[2 * p * step] as number;
    const s2 = sines[2 * p * step] as number;
    const c3 = cosines[3 * p * step] as number;
    const s3 = sines[3 * p * step] as number;
    const from = stride * p;
    const apart = stride * m;
    const to = 4 * stride * p;
    for (let q = 0; q < stride; q += 1) {
      const i = from + q;
      const o = to + q;
      const ar = xr[i] as number;
      const ai = xi[i] as number;
      const br = xr[i + apart] as number;
      const bi = xi[i + apart] as number;
      const cr = xr[i + 2 * apart] as number;
      const ci = xi[i + 2 * apart] as number;
      const dr = xr[i + 3 * apart] as number;
      const di = xi[i + 3 * apart] as number;
      const sumRe = ar + cr;
      const sumIm = ai + ci;
      const differenceRe = ar - cr;
      const differenceIm = ai - ci;
      const otherRe = br + dr;
      const otherIm = bi + di;
      const turnedRe = di - bi;
      const turnedIm = br - dr;
      yr[o] = sumRe + otherRe;
      yi[o] = sumIm + otherIm;
      const r1 = differenceRe - turnedRe;
      const i1 = differenceIm - turnedIm;
      yr[o + stride] = r1 * c1 - i1 * s1;
      yi[o + stride] = r1 * s1 + i1 * c1;
      const r2 = sumRe - otherRe;
      const i2 = sumIm - otherIm;
      yr[o + 2 * stride] = r2 * c2 - i2 * s2;
      yi[o + 2 * stride] = r2 * s2 + i2 * c2;
      const r3 = differenceRe + turnedRe;
      const i3 = differenceIm + turnedIm;
      yr[o + 3 * stride] = r3 * c3 - i3 * s3;
      yi[o + 3 * stride] = r3 * s3 + i3 * c3;
    }
  }
}
