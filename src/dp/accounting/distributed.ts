/**
 * Noise that many clients add in integers before a modular sum: how rounding moves norms, and what the sum of their
 * noises is worth. Each gives an event for the accountants.
 *
 * Kairouz, Liu, Steinke, "The distributed discrete Gaussian mechanism for federated learning with secure aggregation"
 * (2021), and Agarwal, Kairouz, Liu, "The Skellam mechanism for differentially private federated learning" (2021).
 */
import { checkInteger, checkNumber } from '../../core/check.js';
import type { DiscreteGaussianEvent, SkellamEvent, ZcdpEvent } from '../events/event.js';
import { discreteGaussian, skellam, zcdp } from '../events/mechanisms.js';
import { equalTau, sumTau } from '../mechanisms/noisy-sum.js';
import { roundedNormBound } from '../mechanisms/rounding.js';
import type { DefaultRelation } from '../neighboring.js';

const huge = 1e150;

/** The largest l1 norm of an integer vector of the given l2 norm: its entries are 0 or at least 1. */
export function integerL1Norm(l2: number, dimension: number): number {
  return l2 * Math.min(Math.sqrt(dimension), l2);
}

/**
 * The event of a sum of clipped, scaled and rounded vectors with Skellam noise of total standard deviation
 * `centralStddev`.
 *
 * @param options.scale grid steps to one unit of the input
 * @param options.clip l2 clip norm, in units of the input, as is `centralStddev`
 * @throws UsageError for values out of range
 */
export function distributedSkellam(options: {
  readonly scale: number;
  readonly centralStddev: number;
  readonly clip: number;
  readonly beta: number;
  readonly dimension: number;
}): SkellamEvent<DefaultRelation> {
  const scale = checkNumber('scale', options.scale, Number.MIN_VALUE, huge);
  const clip = checkNumber('clip', options.clip, Number.MIN_VALUE, huge);
  const stddev = checkNumber('centralStddev', options.centralStddev, Number.MIN_VALUE, huge);
  const { beta, dimension } = options;
  const l2 = roundedNormBound({ norm: clip * scale, beta, dimension });
  return skellam({ variance: (stddev * scale) ** 2, l1: integerL1Norm(l2, dimension), l2, dimension });
}

/**
 * The event of a sum of clipped, scaled and rounded vectors where each of `clients` adds discrete Gaussian noise. The
 * sum of the noises is not quite a discrete Gaussian, which the event's `tau` charges for.
 *
 * @param options.gamma grid step; `localStddev` and `clip` are in the same unit
 * @throws UsageError for values out of range
 */
export function distributedDiscreteGaussian(
  options: DistributedGaussianOptions,
): DiscreteGaussianEvent<DefaultRelation> {
  const { variance, clients, l2, l1, tau } = gaussianSum(options);
  return discreteGaussian({
    sigmaSquared: clients * variance,
    contribution: l2,
    l1,
    dimension: options.dimension,
    tau,
  });
}

/**
 * The same as other libraries account for it: as concentrated privacy of epsilon^2/2, with epsilon^2 the least of three
 * bounds of which the first adds tau d/2 (2021a, Proposition 14, as printed). For comparison; it charges less than is
 * proved.
 *
 * @throws UsageError for values out of range
 */
export function publishedDiscreteGaussian(options: DistributedGaussianOptions): ZcdpEvent<DefaultRelation> {
  const { variance, clients, l2, l1 } = gaussianSum(options);
  const tau = sumTau(Array.from({ length: checkInteger('clients', clients, 1, 1e6) }, () => variance));
  const ratio = l2 / Math.sqrt(clients * variance);
  const { dimension } = options;
  const first = ratio ** 2 + 0.5 * tau * dimension;
  const second = ratio ** 2 + (2 * l1 * tau) / Math.sqrt(clients * variance) + tau * tau * dimension;
  const third = (ratio + tau * Math.sqrt(dimension)) ** 2;
  return zcdp({ rho: Math.min(first, second, third) / 2 });
}

/** Options of the two above. */
export interface DistributedGaussianOptions {
  readonly gamma: number;
  readonly localStddev: number;
  readonly clients: number;
  readonly clip: number;
  readonly beta: number;
  readonly dimension: number;
}

/** In units of the grid. */
function gaussianSum(options: DistributedGaussianOptions): {
  readonly variance: number;
  readonly clients: number;
  readonly l2: number;
  readonly l1: number;
  readonly tau: number;
} {
  const { beta, dimension } = options;
  const gamma = checkNumber('gamma', options.gamma, Number.MIN_VALUE, huge);
  const variance = (checkNumber('localStddev', options.localStddev, Number.MIN_VALUE, huge) / gamma) ** 2;
  const clients = checkInteger('clients', options.clients, 1, 2 ** 31);
  const norm = checkNumber('clip', options.clip, Number.MIN_VALUE, huge) / gamma;
  const l2 = roundedNormBound({ norm, beta, dimension });
  return { variance, clients, l2, l1: integerL1Norm(l2, dimension), tau: equalTau(clients, variance) };
}
