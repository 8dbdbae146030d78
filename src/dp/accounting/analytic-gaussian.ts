/**
 * The Gaussian mechanism, exactly: Balle, Wang, "Improving the Gaussian mechanism for differential privacy" (2018),
 * Theorem 8. `mu` is the sensitivity over the standard deviation; n releases compose to mu sqrt(n).
 */
import { checkNumber } from '../../core/check.js';
import { erfcx, logNormalTail, normalTail } from '../numeric/erfc.js';
import { log1mExp } from '../numeric/log-space.js';
import { rootBetween } from '../numeric/root.js';

/**
 * The hockey-stick divergence of N(mu, 1) from N(0, 1) at any real epsilon:
 * Phi(mu/2 - epsilon/mu) - e^epsilon Phi(-mu/2 - epsilon/mu).
 */
export function gaussianDelta(mu: number, epsilon: number): number {
  if (mu === 0) return epsilon >= 0 ? 0 : -Math.expm1(epsilon);
  // For negative epsilon, by symmetry, from what is small.
  if (epsilon < 0) return -Math.expm1(epsilon) + Math.exp(epsilon) * gaussianDelta(mu, -epsilon);
  const a = epsilon / mu - mu / 2;
  const b = epsilon / mu + mu / 2;
  if (a <= 0) return normalTail(a) - Math.exp(epsilon + logNormalTail(b));
  return 0.5 * Math.exp((-a * a) / 2) * scaledDifference(a, b);
}

/** ln of the above for epsilon >= 0, which does not underflow. */
export function logGaussianDelta(mu: number, epsilon: number): number {
  if (mu === 0) return Number.NEGATIVE_INFINITY;
  const a = epsilon / mu - mu / 2;
  if (a <= 0) return Math.log(gaussianDelta(mu, epsilon));
  const b = epsilon / mu + mu / 2;
  if (mu > 1e-3 * a)
    return logNormalTail(a) + log1mExp(Math.min(-1e-300, epsilon + logNormalTail(b) - logNormalTail(a)));
  return (-a * a) / 2 + Math.log(0.5 * scaledDifference(a, b));
}

/** erfcx(a/sqrt 2) - erfcx(b/sqrt 2), by Simpson's rule on the derivative where the ends are too close to subtract. */
function scaledDifference(a: number, b: number): number {
  const low = a * Math.SQRT1_2;
  const high = b * Math.SQRT1_2;
  if (high - low > 0.02 * (1 + low)) return erfcx(low) - erfcx(high);
  const middle = (low + high) / 2;
  return ((high - low) / 6) * (fall(low) + 4 * fall(middle) + fall(high));
}

/** -d/dx erfcx(x) = 2/sqrt(pi) - 2 x erfcx(x); for large x its asymptotic series, for there the difference cancels. */
function fall(x: number): number {
  if (x < 12) return 1.1283791670955126 - 2 * x * erfcx(x);
  const inverse = 1 / (2 * x * x);
  let term = inverse;
  let sum = term;
  for (let k = 2; k < 12; k += 1) {
    term *= -(2 * k - 1) * inverse;
    sum += term;
  }
  return 1.1283791670955126 * sum;
}

/**
 * The least delta of a Gaussian release.
 *
 * @param options.noiseMultiplier standard deviation over sensitivity
 * @throws UsageError for values out of range
 */
export function analyticGaussianDelta(options: { readonly noiseMultiplier: number; readonly epsilon: number }): number {
  const noise = checkNumber('noiseMultiplier', options.noiseMultiplier, 1e-3, 1e150);
  const epsilon = checkNumber('epsilon', options.epsilon, 0, Number.MAX_VALUE);
  return Math.exp(logGaussianDelta(1 / noise, epsilon));
}

/**
 * The least epsilon of a Gaussian release.
 *
 * @throws UsageError for values out of range
 */
export function analyticGaussianEpsilon(options: { readonly noiseMultiplier: number; readonly delta: number }): number {
  const noise = checkNumber('noiseMultiplier', options.noiseMultiplier, 1e-3, 1e150);
  return gaussianEpsilon(1 / noise, checkNumber('delta', options.delta, 0, 1));
}

/** The least epsilon >= 0 with `gaussianDelta(mu, epsilon) <= delta`. */
export function gaussianEpsilon(mu: number, delta: number): number {
  if (mu === 0 || delta >= gaussianDelta(mu, 0)) return 0;
  if (delta === 0) return Number.POSITIVE_INFINITY;
  const logDelta = Math.log(delta);
  // ln Phi(-a) <= -a^2/2 - ln 2 bounds epsilon = mu (a + mu/2).
  const most = mu * (mu / 2 + Math.sqrt(Math.max(0, -2 * logDelta)));
  return rootBetween((epsilon) => logGaussianDelta(mu, epsilon) - logDelta, 0, most, { relative: 1e-14 });
}

/**
 * The least standard deviation that makes a release of the given l2 sensitivity (epsilon, delta)-private.
 *
 * @throws UsageError for values out of range; delta must be above 0
 */
export function analyticGaussianSigma(options: {
  readonly epsilon: number;
  readonly delta: number;
  /** Default 1. */
  readonly sensitivity?: number;
}): number {
  const epsilon = checkNumber('epsilon', options.epsilon, 0, 700);
  const delta = checkNumber('delta', options.delta, 1e-300, 1 - 2 ** -53);
  const sensitivity = checkNumber('sensitivity', options.sensitivity ?? 1, Number.MIN_VALUE, 1e150);
  const logDelta = Math.log(delta);
  const f = (logMu: number): number => logGaussianDelta(Math.exp(logMu), epsilon) - logDelta;
  let high = 0;
  while (f(high) < 0) high += 1;
  let low = high - 1;
  while (f(low) > 0) low -= 1;
  return sensitivity / Math.exp(rootBetween(f, low, high, { absolute: 1e-14, relative: 0 }));
}
