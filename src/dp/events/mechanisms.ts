/** Events of one release by one mechanism. */
import { checkInteger, checkNumber } from '../../core/check.js';
import { UsageError } from '../../core/errors.js';
import { checkRelation, type DefaultRelation, type Relation, type Sensitivity } from '../neighboring.js';
import type {
  DiscreteGaussianEvent,
  DiscreteLaplaceEvent,
  EpsilonDeltaEvent,
  ExponentialEvent,
  GaussianEvent,
  LaplaceEvent,
  NoEvent,
  RandomizedResponseEvent,
  SkellamEvent,
  ZcdpEvent,
} from './event.js';

interface Related<R extends Relation> {
  /** Default `addOrRemoveOne`. */
  readonly relation?: R;
}

const huge = 1e150;
/** Below this a noise multiplier protects nothing, and its losses overflow. */
const leastNoise = 1e-3;

function relationOf<R extends Relation>(options: Related<R>): R {
  // Where it is left out, the caller's R is the default one.
  return checkRelation(options.relation ?? 'addOrRemoveOne') as R;
}

/** Nothing was released. */
export function noEvent<const R extends Relation = DefaultRelation>(options: Related<R> = {}): NoEvent<R> {
  return Object.freeze({ kind: 'none', relation: relationOf(options) });
}

/**
 * Gaussian noise: of `noiseMultiplier` clip norms, or of standard deviation `sigma` on a sum of known sensitivity.
 *
 * @throws UsageError unless the multiplier is between 1e-3 and 1e150.
 */
export function gaussian<const R extends Relation = DefaultRelation>(
  options:
    | (Related<R> & { readonly noiseMultiplier: number })
    | { readonly sigma: number; readonly sensitivity: Sensitivity<R, 'l2'> },
): GaussianEvent<R> {
  return Object.freeze({ kind: 'gaussian', ...scaled(options) });
}

/**
 * Laplace noise: of scale `noiseMultiplier` clip norms, or of scale `sigma` on a sum of known l1 sensitivity.
 *
 * @throws UsageError unless the multiplier is between 1e-3 and 1e150.
 */
export function laplace<const R extends Relation = DefaultRelation>(
  options:
    | (Related<R> & { readonly noiseMultiplier: number })
    | { readonly sigma: number; readonly sensitivity: Sensitivity<R, 'l1'> },
): LaplaceEvent<R> {
  return Object.freeze({ kind: 'laplace', ...scaled(options) });
}

function scaled<R extends Relation>(
  options:
    | (Related<R> & { readonly noiseMultiplier: number })
    | { readonly sigma: number; readonly sensitivity: Sensitivity<R, 'l1' | 'l2'> },
): { relation: R; noiseMultiplier: number } {
  if (!('sensitivity' in options)) {
    const noiseMultiplier = checkNumber('noiseMultiplier', options.noiseMultiplier, leastNoise, huge);
    return { relation: relationOf(options), noiseMultiplier };
  }
  const { sigma, sensitivity } = options;
  const noiseMultiplier = checkNumber('sigma', sigma, 0, huge) / sensitivity.contribution;
  return {
    relation: sensitivity.relation,
    noiseMultiplier: checkNumber('sigma / clip', noiseMultiplier, leastNoise, huge),
  };
}

/**
 * Discrete Gaussian noise of parameter `sigmaSquared` (grid units squared) on integer vectors whose contributions have
 * an l2 norm of at most `contribution`.
 *
 * @throws UsageError for values out of range, and for a contribution that is not an integer in one dimension.
 */
export function discreteGaussian<const R extends Relation = DefaultRelation>(
  options: Related<R> & {
    readonly sigmaSquared: number;
    readonly contribution?: number;
    /** Default: the most that the l2 norm allows. */
    readonly l1?: number;
    /** Default 1. */
    readonly dimension?: number;
    /** For noise that is nearly a discrete Gaussian, such as a sum of several. Default 0. */
    readonly tau?: number;
  },
): DiscreteGaussianEvent<R> {
  const dimension = checkInteger('dimension', options.dimension ?? 1, 1, 2 ** 32);
  const contribution = checkNumber('contribution', options.contribution ?? 1, Number.MIN_VALUE, huge);
  if (dimension === 1 && options.tau === undefined) checkInteger('contribution', contribution, 1, 2 ** 31);
  const sigmaSquared = checkNumber('sigmaSquared', options.sigmaSquared, 1e-6, huge);
  const l1 = checkNumber('l1', options.l1 ?? contribution * Math.sqrt(dimension), contribution, huge);
  const tau = checkNumber('tau', options.tau ?? 0, 0, huge);
  const relation = relationOf(options);
  return Object.freeze({ kind: 'discreteGaussian', relation, sigmaSquared, contribution, l1, dimension, tau });
}

/**
 * Discrete Laplace noise of the given scale on one integer that a record moves by at most `contribution`.
 *
 * @throws UsageError for values out of range.
 */
export function discreteLaplace<const R extends Relation = DefaultRelation>(
  options: Related<R> & { readonly scale: number; readonly contribution?: number },
): DiscreteLaplaceEvent<R> {
  const scale = checkNumber('scale', options.scale, leastNoise, huge);
  const contribution = checkInteger('contribution', options.contribution ?? 1, 1, 2 ** 31);
  return Object.freeze({ kind: 'discreteLaplace', relation: relationOf(options), scale, contribution });
}

/**
 * Skellam noise of the given variance on integer vectors whose contributions have norms of at most `l1` and `l2`.
 *
 * @throws UsageError for values out of range, an l1 norm below the l2 norm, and norms that differ in one dimension.
 */
export function skellam<const R extends Relation = DefaultRelation>(
  options: Related<R> & {
    readonly variance: number;
    readonly l1: number;
    readonly l2: number;
    /** Default 1. */
    readonly dimension?: number;
  },
): SkellamEvent<R> {
  const dimension = checkInteger('dimension', options.dimension ?? 1, 1, 2 ** 32);
  const l2 = checkNumber('l2', options.l2, Number.MIN_VALUE, huge);
  const l1 = checkNumber('l1', options.l1, l2, huge);
  if (dimension === 1 && l1 !== l2) throw new UsageError('usage.range', 'l1 and l2 must be equal in one dimension');
  if (dimension === 1) checkInteger('l2', l2, 1, 2 ** 31);
  const variance = checkNumber('variance', options.variance, 1e-6, huge);
  return Object.freeze({ kind: 'skellam', relation: relationOf(options), variance, l1, l2, dimension });
}

/**
 * Randomized response: with probability `noise` a uniform bucket, else the truth. There is no such thing as a missing
 * answer, so the relation is a replacement.
 *
 * @throws UsageError for a `noise` outside (0, 1] or fewer than 2 buckets.
 */
export function randomizedResponse<const R extends 'replaceOne' | 'replaceSpecial' = 'replaceOne'>(options: {
  readonly noise: number;
  readonly buckets: number;
  /** Default `replaceOne`. */
  readonly relation?: R;
}): RandomizedResponseEvent<R> {
  const noise = checkNumber('noise', options.noise, 1e-12, 1);
  const buckets = checkInteger('buckets', options.buckets, 2, 2 ** 32);
  // As in relationOf.
  const relation = checkRelation(options.relation ?? 'replaceOne') as R;
  if ((relation as Relation) === 'addOrRemoveOne')
    throw new UsageError('dp.relation', 'randomized response has an answer for every record: use replaceOne');
  return Object.freeze({ kind: 'randomizedResponse', relation, noise, buckets });
}

/**
 * The exponential mechanism with privacy parameter `epsilon`, under whichever relation that was worked out for.
 *
 * @throws UsageError unless epsilon is from 0 to 700.
 */
export function exponential<const R extends Relation = DefaultRelation>(
  options: Related<R> & { readonly epsilon: number },
): ExponentialEvent<R> {
  const epsilon = checkNumber('epsilon', options.epsilon, 0, 700);
  return Object.freeze({ kind: 'exponential', relation: relationOf(options), epsilon });
}

/**
 * Any (epsilon, delta)-private release.
 *
 * @throws UsageError unless epsilon is from 0 to 700 and delta from 0 to 1.
 */
export function epsilonDelta<const R extends Relation = DefaultRelation>(
  options: Related<R> & { readonly epsilon: number; readonly delta: number },
): EpsilonDeltaEvent<R> {
  const epsilon = checkNumber('epsilon', options.epsilon, 0, 700);
  const delta = checkNumber('delta', options.delta, 0, 1);
  return Object.freeze({ kind: 'epsilonDelta', relation: relationOf(options), epsilon, delta });
}

/**
 * Any release with (xi, rho)-zero-concentrated privacy (Bun, Steinke 2016).
 *
 * @throws UsageError unless both are from 0 to 1e150.
 */
export function zcdp<const R extends Relation = DefaultRelation>(
  options: Related<R> & { readonly rho: number; readonly xi?: number },
): ZcdpEvent<R> {
  const rho = checkNumber('rho', options.rho, 0, huge);
  const xi = checkNumber('xi', options.xi ?? 0, 0, huge);
  return Object.freeze({ kind: 'zcdp', relation: relationOf(options), rho, xi });
}
