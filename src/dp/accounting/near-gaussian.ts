/**
 * Discrete Gaussian noise in many dimensions as continuous noise, so that what is known of Gaussians holds for it too.
 */
import type { DiscreteGaussianEvent, GaussianEvent } from '../events/event.js';

/** A Gaussian release that a discrete one is nearly a function of. */
export interface NearGaussian {
  readonly event: GaussianEvent;
  /** The release's probabilities are within e^slack of those of a function of `event`'s outcome, for every data set. */
  readonly slack: number;
}

/**
 * The discrete Gaussian of sigma^2 around an integer vector x as a function of the continuous y ~ N(x, sigma^2 - s^2):
 * round y at random to an integer vector with weights exp(-|z - y|^2 / (2 s^2)). The weights of a coordinate add up to
 * s sqrt(2 pi) (1 + e), where by Poisson summation |e| <= r = 2 sum_k exp(-2 pi^2 s^2 k^2), whatever y is. Left out, z
 * would have exactly the weights exp(-|z - x|^2 / (2 sigma^2)), whose own sum is as near. So each coordinate is within
 * a factor (1 + r)/(1 - r). With s^2 around 3 that is below 2^-53 even in 2^32 dimensions, and a noise of some hundred
 * steps gives up 10^-4 of its variance for it.
 *
 * `undefined` if the noise is too small for that: a few steps, or a thousandth of what a record adds.
 */
export function nearGaussian(event: DiscreteGaussianEvent): NearGaussian | undefined {
  const { sigmaSquared, dimension, tau, contribution, relation } = event;
  const frequency = 2 * Math.PI ** 2;
  const kept = Math.min((Math.log(4 * dimension) + 36) / frequency, sigmaSquared / 2);
  // k^2 >= 3k - 2: the sum is at most a geometric one.
  const ripple = (2 * Math.exp(-frequency * kept)) / -Math.expm1(-3 * frequency * kept);
  const noiseMultiplier = Math.sqrt(sigmaSquared - kept) / contribution;
  if (ripple > 0.5 || noiseMultiplier < 1e-3) return undefined;
  return {
    event: { kind: 'gaussian', relation, noiseMultiplier },
    slack: dimension * (tau + 2 * Math.atanh(ripple)),
  };
}
