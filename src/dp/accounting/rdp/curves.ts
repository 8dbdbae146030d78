/** Renyi divergences of single releases as functions of the order. */
import type { PrivacyEvent } from '../../events/event.js';
import { noisySumRdp } from '../../mechanisms/noisy-sum.js';
import { movement } from '../../neighboring.js';
import { LogSum, log1pExp, logAdd, logBinomial } from '../../numeric/log-space.js';
import { unsupported } from '../accountant.js';
import { nearGaussian } from '../near-gaussian.js';
import type { Primitive } from '../primitives.js';
import { FixedSizeGaussian } from './fixed-size.js';
import { sampledGaussianRdp } from './sampled-gaussian.js';

/** D_a of one release, or a bound on it. */
export interface RdpCurve {
  /** The value at an order above 1; infinite where there is no bound. */
  at(order: number): number;
  /** Whether (a-1) D_a is known to be convex, as exact divergences are: then the best order can be searched for. */
  readonly convex: boolean;
  /** Whether only whole orders have bounds. */
  readonly wholeOrders: boolean;
}

/**
 * The curve of a release.
 *
 * @throws UsageError (`dp.unsupported`) where nothing is known.
 */
export function rdpCurve(event: Primitive): RdpCurve {
  switch (event.kind) {
    case 'gaussian': {
      const slope = (movement(event.relation) / event.noiseMultiplier) ** 2 / 2;
      return exact((order) => order * slope);
    }
    case 'laplace': {
      const loss = movement(event.relation) / event.noiseMultiplier;
      return exact((order) => laplaceRdp(loss, order));
    }
    case 'discreteGaussian': {
      const moves = movement(event.relation);
      const shift = moves * event.contribution;
      if (event.tau > 0)
        return bound((order) =>
          noisySumRdp(
            {
              ...event,
              noise: event.kind,
              variance: event.sigmaSquared,
              l2Sensitivity: shift,
              l1Sensitivity: moves * event.l1,
            },
            order,
          ),
        );
      const exactly = event.dimension === 1 && event.sigmaSquared < 20;
      const slope = (shift * shift) / (2 * event.sigmaSquared);
      return exact((order) => order * slope + (exactly ? latticeTerm(event.sigmaSquared, shift, order) : 0));
    }
    case 'discreteLaplace': {
      const shift = movement(event.relation) * event.contribution;
      return exact((order) => discreteLaplaceRdp(event.scale, shift, order));
    }
    case 'skellam': {
      const moves = movement(event.relation);
      const sizes = { variance: event.variance, l1: moves * event.l1, l2: moves * event.l2 };
      return bound((order) => skellamRdp(sizes, order));
    }
    case 'randomizedResponse':
      return exact((order) => randomizedResponseRdp(event.noise, event.buckets, order));
    case 'exponential':
      return bound((order) => boundedRangeRdp(event.epsilon, order));
    case 'epsilonDelta':
      if (event.delta > 0)
        throw unsupported('RDP', event, 'delta must be 0, for a positive delta says nothing about moments');
      return exact((order) => pureRdp(event.epsilon, order));
    case 'zcdp':
      return exact((order) => event.xi + event.rho * order);
    case 'poissonSampled':
      return poissonCurve(event);
    case 'fixedSizeSampled':
      return fixedSizeCurve(event);
    default:
      throw unsupported('RDP', event);
  }
}

/** The value is remembered, since searches ask for neighboring orders again. */
function exact(at: (order: number) => number): RdpCurve {
  return { at: remembered(at), convex: true, wholeOrders: false };
}

function bound(at: (order: number) => number): RdpCurve {
  return { at: remembered(at), convex: false, wholeOrders: false };
}

function remembered(at: (order: number) => number): (order: number) => number {
  const kept = new Map<number, number>();
  return (order) => {
    const found = kept.get(order) ?? Math.max(0, at(order));
    kept.set(order, found);
    return found;
  };
}

/**
 * D_a of the Laplace mechanism, `loss` = sensitivity / scale (Mironov 2017, Proposition 6), without its cancellation.
 */
function laplaceRdp(loss: number, order: number): number {
  const b = order - 1;
  if (b * loss > 30) {
    const first = Math.log(order / (2 * order - 1)) + b * loss;
    return logAdd(first, Math.log(b / (2 * order - 1)) - order * loss) / b;
  }
  return Math.log1p(laplaceExcess(loss, order)) / b;
}

function laplaceExcess(loss: number, order: number): number {
  const b = order - 1;
  if (order * loss > 0.5) return (order * Math.expm1(b * loss) + b * Math.expm1(-order * loss)) / (2 * order - 1);
  let up = b * loss;
  let down = -order * loss;
  let sum = 0;
  for (let k = 2; k < 30; k += 1) {
    up *= (b * loss) / k;
    down *= (-order * loss) / k;
    sum += order * up + b * down;
  }
  return sum / (2 * order - 1);
}

/**
 * What the exact divergence of the discrete Gaussian adds to a D^2 / (2 s^2): the logarithm of the ratio of the sums of
 * e^(-x^2 / (2 s^2)) over the integers moved by (a-1) shift and over the integers, over a - 1. It is 0 or less.
 */
function latticeTerm(sigmaSquared: number, shift: number, order: number): number {
  const offset = (order - 1) * shift;
  return Math.min(
    0,
    Math.log(latticeSum(sigmaSquared, offset - Math.round(offset)) / latticeSum(sigmaSquared, 0)) / (order - 1),
  );
}

function latticeSum(sigmaSquared: number, offset: number): number {
  const reach = Math.ceil(9 * Math.sqrt(sigmaSquared)) + 2;
  let sum = 0;
  for (let k = -reach; k <= reach; k += 1) sum += Math.exp(-((k + offset) ** 2) / (2 * sigmaSquared));
  return sum;
}

/** D_a of discrete Laplace noise moved by `shift`: two half-lines of constant loss and a geometric sum between. */
function discreteLaplaceRdp(scale: number, shift: number, order: number): number {
  const b = order - 1;
  const tail = -Math.log1p(Math.exp(-1 / scale));
  const sum = new LogSum();
  sum.add(tail + (b * shift) / scale);
  sum.add(tail - (order * shift) / scale);
  // Between, at k = 1..shift-1: tanh(1/(2 scale)) e^(-k/scale) e^(b (shift - 2k)/scale).
  const ratio = (1 + 2 * b) / scale;
  const between = Math.log(Math.tanh(0.5 / scale)) + (b * shift) / scale - ratio;
  if (shift > 1) sum.add(between + Math.log(-Math.expm1(-ratio * (shift - 1))) - Math.log(-Math.expm1(-ratio)));
  return sum.log / b;
}

/**
 * The bound of Agarwal, Kairouz, Liu, "The Skellam mechanism for differentially private federated learning" (2021),
 * Theorem 3.5.
 */
export function skellamRdp(
  { variance, l1, l2 }: { readonly variance: number; readonly l1: number; readonly l2: number },
  order: number,
): number {
  const gaussianPart = (order * l2 * l2) / (2 * variance);
  const extra = ((2 * order - 1) * l2 * l2 + 6 * l1) / (4 * variance * variance);
  return gaussianPart + Math.min(extra, (3 * l1) / (2 * variance));
}

function randomizedResponseRdp(noise: number, buckets: number, order: number): number {
  const lie = noise / buckets;
  const loss = Math.log1p((1 - noise) / lie);
  const sum = new LogSum();
  sum.add(Math.log(lie) + order * loss);
  sum.add(Math.log(lie) - (order - 1) * loss);
  if (buckets > 2) sum.add(Math.log((buckets - 2) * lie));
  return sum.log / (order - 1);
}

/** Randomized response on one bit is the worst mechanism of pure epsilon privacy. */
function pureRdp(epsilon: number, order: number): number {
  const moment = logAdd(order * epsilon, (1 - order) * epsilon) - log1pExp(epsilon);
  return Math.min(epsilon, moment / (order - 1));
}

/**
 * Bounded range: (xi, epsilon^2/8)-concentrated (Dong, Durfee, Rogers 2020, as in Cesar, Rogers 2021, Lemma 3.4), and
 * pure.
 */
function boundedRangeRdp(epsilon: number, order: number): number {
  if (epsilon === 0) return 0;
  const share = epsilon / Math.expm1(epsilon);
  const xi = share - 1 - Math.log(share) - (epsilon * epsilon) / 8;
  return Math.min(xi + ((epsilon * epsilon) / 8) * order, epsilon);
}

function poissonCurve(event: Extract<PrivacyEvent, { kind: 'poissonSampled' }>): RdpCurve {
  if (event.relation === 'replaceOne')
    throw unsupported(
      'RDP',
      event,
      'Poisson samples are bounded for addOrRemoveOne and replaceSpecial; use the PLD accountant',
    );
  const { samplingProbability: q, event: inner } = event;
  if (inner.kind === 'gaussian') return exact((order) => sampledGaussianRdp(q, inner.noiseMultiplier, order));
  if (inner.kind === 'discreteGaussian') {
    const near = nearGaussian(inner);
    // Powers of e^slack: a of them above and a - 1 below.
    if (near !== undefined && near.slack < 1e-9) {
      const { event: gaussian, slack } = near;
      return exact(
        (order) => sampledGaussianRdp(q, gaussian.noiseMultiplier, order) + ((2 * order - 1) / (order - 1)) * slack,
      );
    }
  }
  // Checked by primitives(): what is inside a sample is one release.
  const curve = rdpCurve(inner as Primitive);
  return { at: remembered((order) => sampledRdp(q, curve, order)), convex: false, wholeOrders: true };
}

/**
 * Amplification by Poisson sampling of any release, at whole orders (Zhu, Wang, "Poisson subsampled Renyi differential
 * privacy" 2019, Theorem 5, in the form with a factor of 3 that asks nothing of the mechanism), or no amplification
 * where that is less.
 */
function sampledRdp(q: number, inner: RdpCurve, order: number): number {
  if (!Number.isInteger(order) || order > 4096) return Number.POSITIVE_INFINITY;
  const sum = new LogSum();
  const logQ = Math.log(q);
  const logRest = Math.log1p(-q);
  sum.add((order - 1) * logRest + Math.log1p((order - 1) * q));
  for (let j = 2; j <= order; j += 1) {
    const factor = j === 2 ? 0 : Math.log(3);
    sum.add(factor + logBinomial(order, j) + j * logQ + (order - j) * logRest + (j - 1) * inner.at(j));
  }
  return Math.min(sum.log / (order - 1), inner.at(order));
}

function fixedSizeCurve(event: Extract<PrivacyEvent<'replaceOne'>, { kind: 'fixedSizeSampled' }>): RdpCurve {
  const { event: inner, sampleSize, datasetSize } = event;
  if (inner.kind !== 'gaussian') throw unsupported('RDP', event, `the release inside is ${inner.kind}, not Gaussian`);
  const sigma = inner.noiseMultiplier / movement('replaceOne');
  if (sampleSize === datasetSize) return exact((order) => order / (2 * sigma * sigma));
  const family = new FixedSizeGaussian(sampleSize / datasetSize, sigma);
  return { at: remembered((order) => family.rdp(order)), convex: true, wholeOrders: false };
}
