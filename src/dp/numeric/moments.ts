/** Exact moments of the integer noises, to test samplers with and to size sums. */
import { checkNumber } from '../../core/check.js';

/**
 * The variance of the discrete Gaussian of parameter sigma^2 (below it, and equal to rounding from about sigma^2 = 4
 * on).
 *
 * @throws UsageError unless sigma^2 is from 1e-6 to 1e12.
 */
export function discreteGaussianVariance(sigmaSquared: number): number {
  checkNumber('sigmaSquared', sigmaSquared, 1e-6, 1e12);
  // By Poisson summation the two differ by less than 8 pi^2 sigma^4 e^(-2 pi^2 sigma^2).
  if (sigmaSquared > 4) return sigmaSquared;
  let sum = 1;
  let squares = 0;
  for (let k = 1; k < 100; k += 1) {
    const mass = Math.exp((-k * k) / (2 * sigmaSquared));
    sum += 2 * mass;
    squares += 2 * k * k * mass;
  }
  return squares / sum;
}

/**
 * The variance of discrete Laplace noise of the given scale: 2 e^(-1/b) / (1 - e^(-1/b))^2.
 *
 * @throws UsageError unless the scale is from 1e-3 to 1e150.
 */
export function discreteLaplaceVariance(scale: number): number {
  checkNumber('scale', scale, 1e-3, 1e150);
  return 0.5 / Math.sinh(0.5 / scale) ** 2;
}
