import type { RandomSource } from '../../../src/core/random.js';
import type { NoiseSampler } from '../../../src/dp/samplers/sampler.js';

/** P(X = k), up to a common factor, computed in another way than the samplers do. */
export type Weight = (k: number) => number;

export const gaussianWeight =
  (variance: number): Weight =>
  (k) =>
    Math.exp((-k * k) / (2 * variance));

export const laplaceWeight =
  (scale: number): Weight =>
  (k) =>
    Math.exp(-Math.abs(k) / scale);

/** Poisson by its recurrence from the mode. */
export function poissonWeights(mean: number, least: number, most: number): Weight {
  const mode = Math.floor(mean);
  const weights = new Map([[mode, 1]]);
  for (let k = mode + 1; k <= most; k += 1) weights.set(k, (weights.get(k - 1) ?? 0) * (mean / k));
  for (let k = mode - 1; k >= Math.max(0, least); k -= 1) weights.set(k, (weights.get(k + 1) ?? 0) * ((k + 1) / mean));
  return (k) => weights.get(k) ?? 0;
}

/** Skellam of a variance by convolution of its two Poissons. */
export function skellamWeights(variance: number): Weight {
  const reach = Math.ceil(12 * Math.sqrt(variance) + 40);
  const mean = variance / 2;
  const poisson = poissonWeights(mean, 0, Math.ceil(mean) + 2 * reach);
  return (k) => {
    let sum = 0;
    for (let i = 0; i <= Math.ceil(mean) + reach; i += 1) sum += poisson(i) * poisson(i + Math.abs(k));
    return sum;
  };
}

export function binomialWeights(trials: number, probability: number): Weight {
  const weights: number[] = [(1 - probability) ** trials];
  for (let k = 1; k <= trials; k += 1)
    weights.push(((weights[k - 1] ?? 0) * (trials - k + 1) * probability) / (k * (1 - probability)));
  return (k) => weights[k] ?? 0;
}

export interface Histogram {
  readonly least: number;
  readonly counts: Float64Array;
}

/**
 * Counts draws in [least, most]; those beyond fall into the outermost cells. Fills in parts, so that 10^8 draws need no
 * more memory.
 */
export function histogram(
  sampler: Pick<NoiseSampler, 'fill'>,
  options: { readonly draws: number; readonly least: number; readonly most: number; readonly random: RandomSource },
): Histogram {
  const { draws, least, most, random } = options;
  const counts = new Float64Array(most - least + 1);
  const part = new Int32Array(Math.min(draws, 1_000_000));
  for (let done = 0; done < draws; done += part.length) {
    sampler.fill(part, random);
    for (const value of part) {
      const cell = Math.max(least, Math.min(most, value)) - least;
      counts[cell] = (counts[cell] ?? 0) + 1;
    }
  }
  return { least, counts };
}

/**
 * P-value of Pearson's chi-square test of the counts against the weights; neighboring cells are joined until each
 * expects 20. Below 1e-9 the counts don't come from the weights; with fixed seeds a right sampler gives the same
 * unremarkable value each time.
 */
export function chiSquarePValue({ least, counts }: Histogram, weight: Weight): number {
  const draws = counts.reduce((sum, count) => sum + count, 0);
  const weights = Float64Array.from(counts, (_, i) => weight(least + i));
  const total = weights.reduce((sum, each) => sum + each, 0);
  const cells: { expected: number; count: number }[] = [];
  let open = { expected: 0, count: 0 };
  counts.forEach((count, i) => {
    open = { expected: open.expected + (draws * (weights[i] ?? 0)) / total, count: open.count + count };
    if (open.expected < 20) return;
    cells.push(open);
    open = { expected: 0, count: 0 };
  });
  const last = cells.pop() ?? { expected: 0, count: 0 };
  cells.push({ expected: last.expected + open.expected, count: last.count + open.count });
  const statistic = cells.reduce((sum, { expected, count }) => sum + (count - expected) ** 2 / expected, 0);
  return upperGamma((cells.length - 1) / 2, statistic / 2);
}

/** Regularized upper incomplete gamma function Q(a, x): series below a + 1, Lentz's continued fraction above. */
function upperGamma(a: number, x: number): number {
  const front = Math.exp(a * Math.log(x) - x - logGamma(a));
  if (x < a + 1) {
    let term = 1 / a;
    let sum = term;
    for (let n = 1; term > sum * 1e-16; n += 1) {
      term *= x / (a + n);
      sum += term;
    }
    return Math.max(0, 1 - front * sum);
  }
  let b = x + 1 - a;
  let c = 1e300;
  let d = 1 / b;
  let fraction = d;
  for (let n = 1; n < 100_000; n += 1) {
    const numerator = -n * (n - a);
    b += 2;
    d = 1 / (numerator * d + b);
    c = b + numerator / c;
    fraction *= d * c;
    if (Math.abs(d * c - 1) < 1e-15) break;
  }
  return front * fraction;
}

function logGamma(x: number): number {
  if (x < 10) return logGamma(x + 1) - Math.log(x);
  const inverse = 1 / x;
  const square = inverse * inverse;
  const series = inverse * (1 / 12 - square * (1 / 360 - square * (1 / 1260 - square / 1680)));
  return (x - 0.5) * Math.log(x) - x + 0.5 * Math.log(2 * Math.PI) + series;
}

/** Welch's t between two lists. */
export function welch(a: readonly number[], b: readonly number[]): number {
  const [first, second] = [moments(a), moments(b)];
  return (first.mean - second.mean) / Math.sqrt(first.variance / a.length + second.variance / b.length);
}

export function moments(values: ArrayLike<number>): { readonly mean: number; readonly variance: number } {
  let mean = 0;
  for (let i = 0; i < values.length; i += 1) mean += (values[i] ?? 0) / values.length;
  let variance = 0;
  for (let i = 0; i < values.length; i += 1) variance += ((values[i] ?? 0) - mean) ** 2 / (values.length - 1);
  return { mean, variance };
}

/** Two independent standard normal numbers the usual way, in floating point: what this library must never do. */
export function boxMuller(random: RandomSource): readonly [number, number] {
  const bytes = random(16);
  const view = new DataView(bytes.buffer, bytes.byteOffset, 16);
  const radius = Math.sqrt(-2 * Math.log((view.getUint32(0, true) + 1) / 2 ** 32));
  const angle = 2 * Math.PI * (view.getUint32(8, true) / 2 ** 32);
  return [radius * Math.cos(angle), radius * Math.sin(angle)];
}

/** The wrong sampler that everyone writes first: a continuous Gaussian, rounded. */
export function roundedGaussian(sigma: number): Pick<NoiseSampler, 'fill'> {
  return {
    fill: (target, random) => {
      const source = inBlocks(random);
      for (let i = 0; i < target.length; i += 1) target[i] = Math.round(sigma * boxMuller(source)[0]);
    },
  };
}

/** The same bytes, asked for in blocks: a call to the platform's generator costs more than its bytes. */
function inBlocks(random: (length: number) => Uint8Array): (length: number) => Uint8Array {
  let block = new Uint8Array(0);
  let at = 0;
  return (length) => {
    if (at + length > block.length) [block, at] = [Uint8Array.from(random(2 ** 14)), 0];
    at += length;
    return block.subarray(at - length, at);
  };
}
