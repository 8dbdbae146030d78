import { checkChoice, checkInteger, checkNumber } from '../../core/check.js';

/** Noise that clients can each add a part of. */
export type DistributedNoiseKind = 'discreteGaussian' | 'skellam';

export const distributedNoiseKinds: readonly DistributedNoiseKind[] = ['discreteGaussian', 'skellam'];

/** What an accountant needs to know of one sum with distributed noise. Everything is in units of the grid. */
export interface NoisySum {
  readonly noise: DistributedNoiseKind;
  /** Variance of the noise in a coordinate of the sum, from honest survivors alone. */
  readonly variance: number;
  /** Most that one record changes the sum by, in the Euclidean norm and the sum of sizes. */
  readonly l2Sensitivity: number;
  readonly l1Sensitivity: number;
  /** Coordinates, padding included. */
  readonly dimension: number;
  /** How far a coordinate's noise is from one discrete Gaussian of that variance, in log probability; 0 for Skellam. */
  readonly tau: number;
}

/**
 * tau: a sum of independent discrete Gaussians is within e^tau of one discrete Gaussian of the summed variance, at
 * every point. Each summand more costs 10 exp(-2 pi^2 / (1/a + 1/b)), a the variance summed so far and b its own
 * (Kairouz, Liu and Steinke 2021, theorem 1 and corollary 12; equal variances give its 10 sum exp(-2 pi^2 sigma^2
 * k/(k+1))). That is proved for variances from 1/4 up; see `seam` for others.
 *
 * @param variances of the summands, in units of the grid, each above 0
 */
export function sumTau(variances: readonly number[]): number {
  let tau = 0;
  let summed = 0;
  for (const [i, variance] of variances.entries()) {
    checkNumber(`variances[${i}]`, variance, Number.MIN_VALUE, Number.MAX_VALUE);
    if (summed > 0) tau += seam(summed, variance);
    summed += variance;
  }
  return tau;
}

/**
 * How far the sum of two discrete Gaussians of variances a and b is from one. With s^2 = 1/(1/a + 1/b), the sum's
 * weight at z is that of one times theta(c) = sum over x of exp(-(x - c)^2 / (2 s^2)) for a c between 0 and z, so it is
 * off by theta(0)/theta(1/2) at most. With e = exp(-2 pi^2 s^2) the logarithm of that is 2 atanh(2e + 2e^4 + ...),
 * below 10 e while e < 0.44. It is below 1/(8 s^2) always.
 */
function seam(a: number, b: number): number {
  const square = 1 / (1 / a + 1 / b);
  const e = Math.exp(-2 * Math.PI ** 2 * square);
  return Math.max(10 * e, e < 0.4 ? 0 : 1 / (8 * square));
}

/**
 * `sumTau` of `count` equal variances, or a little more: terms fall with k, so those behind the first 64 are taken for
 * that one. Throws `UsageError` (`usage.range`).
 */
export function equalTau(count: number, variance: number): number {
  return groupedTau(checkInteger('count', count, 1, 2 ** 32), [variance]);
}

/**
 * `sumTau`, or a little more, where each of `count` clients adds noise of each of the variances. Throws `UsageError`
 * (`usage.range`).
 */
export function groupedTau(count: number, variances: readonly number[]): number {
  let tau = 0;
  let summed = 0;
  // Any order is a bound; the widest first, since what is summed so far hides the seams of what is narrow.
  for (const variance of [...variances].sort((a, b) => b - a)) {
    checkNumber('variance', variance, Number.MIN_VALUE, Number.MAX_VALUE);
    let term = 0;
    for (let i = 0; i < Math.min(count, 64); i += 1) {
      if (summed > 0) {
        term = seam(summed, variance);
        tau += term;
      }
      summed += variance;
    }
    if (count > 64) {
      tau += (count - 64) * term;
      summed += (count - 64) * variance;
    }
  }
  return tau;
}

/**
 * An upper bound of the Renyi divergence of order `order` > 1 of one such sum.
 *
 * Discrete Gaussian: the least of a D2^2/(2V) + (2a-1)/(a-1) tau d; a/2 (D2^2/V + 2 tau D1/sqrt V + tau^2 d); a/2
 * (D2/sqrt V + tau sqrt d)^2 (Kairouz, Liu and Steinke 2021, proposition 14). Its first form is printed with tau d. A
 * density ratio that is off by e^tau at each of its ends allows 2 tau d in the loss, and tau d / (a-1) more for the
 * density that it is averaged over, so that is what is charged here. Skellam: a D2^2/(2V) + min(((2a-1) D2^2 + 6
 * D1)/(4V^2), 3 D1/(2V)) (Agarwal, Kairouz and Liu 2021, theorem 3.5).
 *
 * @throws UsageError `usage.range`, `usage.choice`
 */
export function noisySumRdp(sum: NoisySum, order: number): number {
  const a = checkNumber('order', order, 1 + 2 ** -40, Number.MAX_VALUE);
  const { noise, variance, l1Sensitivity: l1, l2Sensitivity: l2, dimension, tau } = checkNoisySum(sum);
  const base = (a * l2 ** 2) / (2 * variance);
  if (noise === 'skellam')
    return base + Math.min(((2 * a - 1) * l2 ** 2 + 6 * l1) / (4 * variance ** 2), (3 * l1) / (2 * variance));
  const deviation = Math.sqrt(variance);
  return Math.min(
    base + ((2 * a - 1) / (a - 1)) * tau * dimension,
    (a / 2) * (l2 ** 2 / variance + (2 * tau * l1) / deviation + tau ** 2 * dimension),
    (a / 2) * (l2 / deviation + tau * Math.sqrt(dimension)) ** 2,
  );
}

export interface WrapOptions {
  readonly noise: DistributedNoiseKind;
  /** b of the ring. */
  readonly ringBits: number;
  /** Coordinates, padding included. */
  readonly dimension: number;
  /** Most clients in the sum. */
  readonly clients: number;
  /** Norm of a client's vector before rounding, in units of the grid. */
  readonly norm: number;
  readonly beta: number;
  /** Variance of the noise of all clients together, in units of the grid: the most that there can be. */
  readonly variance: number;
}

/**
 * log2 of a bound of the probability, over rotation, rounding and noise, that any coordinate of the sum leaves
 * [-2^(b-1), 2^(b-1)). A Chernoff bound: a rotated coordinate of the true sum is sub-Gaussian of variance (n c)^2/d
 * (Hoeffding, over the signs), the rounding errors of variance n/4, a discrete Gaussian of its sigma^2 (Canonne, Kamath
 * and Steinke 2020), and Skellam noise has the moment generating function exp(V (cosh t - 1)). Conditioning the
 * rounding raises a client's probabilities by at most 1/(1-beta). It holds for clients that clip.
 */
export function wrapLog2(options: WrapOptions): number {
  const { dimension, clients, norm, beta, variance } = options;
  const limit = 2 ** (checkInteger('ringBits', options.ringBits, 1, 32) - 1);
  const bounded = (clients * norm) ** 2 / dimension + clients / 4;
  const gaussian = bounded + (options.noise === 'discreteGaussian' ? variance : 0);
  const skellam = options.noise === 'skellam' ? variance : 0;
  // Any t > 0 gives a bound; the best is where the derivative vanishes, and the exponent is convex.
  let [low, high] = [0, Math.min(limit / gaussian, 300)];
  for (let i = 0; i < 60; i += 1) {
    const t = (low + high) / 2;
    if (gaussian * t + skellam * Math.sinh(t) < limit) low = t;
    else high = t;
  }
  const t = low;
  const exponent = (gaussian * t * t) / 2 + skellam * (Math.cosh(t) - 1) - t * limit;
  return 1 + Math.log2(dimension) - clients * Math.log2(1 - beta) + exponent / Math.LN2;
}

function checkNoisySum(sum: NoisySum): NoisySum {
  checkChoice('noise', sum.noise, distributedNoiseKinds);
  checkNumber('variance', sum.variance, Number.MIN_VALUE, Number.MAX_VALUE);
  checkNumber('l1Sensitivity', sum.l1Sensitivity, 0, Number.MAX_VALUE);
  checkNumber('l2Sensitivity', sum.l2Sensitivity, 0, Number.MAX_VALUE);
  checkInteger('dimension', sum.dimension, 1, 2 ** 32);
  checkNumber('tau', sum.tau, 0, Number.MAX_VALUE);
  return sum;
}
