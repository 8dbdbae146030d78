/**
 * Privacy events: immutable descriptions of what was released about the data, which accountants add up. An event says
 * what was done, not what it costs.
 *
 * A noise multiplier is the noise's scale (standard deviation, or b of Laplace) over the clip norm C, which is the most
 * that one record adds, whatever the relation; that a replaced record moves a sum by 2 C is the accountants' business,
 * so it can't be forgotten.
 */
import type { Relation } from '../neighboring.js';

interface EventBase<R extends Relation> {
  readonly relation: R;
}

/** Nothing was released. */
export interface NoEvent<R extends Relation = Relation> extends EventBase<R> {
  readonly kind: 'none';
}

/** Gaussian noise on a sum of any dimension. */
export interface GaussianEvent<R extends Relation = Relation> extends EventBase<R> {
  readonly kind: 'gaussian';
  /** Standard deviation over the l2 clip norm. */
  readonly noiseMultiplier: number;
}

/** Laplace noise on one number, or on a vector clipped in l1. */
export interface LaplaceEvent<R extends Relation = Relation> extends EventBase<R> {
  readonly kind: 'laplace';
  /** Scale b over the l1 clip norm. */
  readonly noiseMultiplier: number;
}

/** Discrete Gaussian noise on integers (Canonne, Kamath, Steinke 2020). */
export interface DiscreteGaussianEvent<R extends Relation = Relation> extends EventBase<R> {
  readonly kind: 'discreteGaussian';
  /** The parameter sigma^2, which is not quite the variance. */
  readonly sigmaSquared: number;
  /** The l2 clip norm; an integer where the dimension is 1. */
  readonly contribution: number;
  /** The l1 clip norm; only matters where `tau` is above 0. */
  readonly l1: number;
  readonly dimension: number;
  /** How far a coordinate's noise is from a discrete Gaussian in log probability; 0 for one that is. */
  readonly tau: number;
}

/** Discrete Laplace (two-sided geometric) noise on one integer: mass proportional to e^(-|k|/scale). */
export interface DiscreteLaplaceEvent<R extends Relation = Relation> extends EventBase<R> {
  readonly kind: 'discreteLaplace';
  readonly scale: number;
  /** The most that one record adds, an integer. */
  readonly contribution: number;
}

/** Skellam noise (the difference of two Poissons) on integers. */
export interface SkellamEvent<R extends Relation = Relation> extends EventBase<R> {
  readonly kind: 'skellam';
  readonly variance: number;
  readonly l1: number;
  readonly l2: number;
  readonly dimension: number;
}

/** With probability `noise` the answer is uniform over `buckets`, else it is the truth. */
export interface RandomizedResponseEvent<R extends Relation = Relation> extends EventBase<R> {
  readonly kind: 'randomizedResponse';
  readonly noise: number;
  readonly buckets: number;
}

/** The exponential mechanism, or any mechanism of bounded range epsilon (Dong, Durfee, Rogers 2020). */
export interface ExponentialEvent<R extends Relation = Relation> extends EventBase<R> {
  readonly kind: 'exponential';
  readonly epsilon: number;
}

/** Some mechanism of which only (epsilon, delta) is known. */
export interface EpsilonDeltaEvent<R extends Relation = Relation> extends EventBase<R> {
  readonly kind: 'epsilonDelta';
  readonly epsilon: number;
  readonly delta: number;
}

/** Some mechanism of which only concentrated differential privacy is known: D_alpha <= xi + rho alpha. */
export interface ZcdpEvent<R extends Relation = Relation> extends EventBase<R> {
  readonly kind: 'zcdp';
  readonly rho: number;
  readonly xi: number;
}

/** The event on a batch that each record joins by its own coin. */
export interface PoissonSampledEvent<R extends Relation = Relation> extends EventBase<R> {
  readonly kind: 'poissonSampled';
  readonly samplingProbability: number;
  readonly event: PrivacyEvent<R>;
}

/** The event on a uniform batch of exactly `sampleSize` of `datasetSize` records. */
export interface FixedSizeSampledEvent extends EventBase<'replaceOne'> {
  readonly kind: 'fixedSizeSampled';
  readonly sampleSize: number;
  readonly datasetSize: number;
  readonly event: PrivacyEvent<'replaceOne'>;
}

/** All of the events, each of which may depend on the outcomes of those before. */
export interface ComposedEvent<R extends Relation = Relation> extends EventBase<R> {
  readonly kind: 'composed';
  readonly events: readonly PrivacyEvent<R>[];
}

/** The same event `count` times. */
export interface SelfComposedEvent<R extends Relation = Relation> extends EventBase<R> {
  readonly kind: 'selfComposed';
  readonly count: number;
  readonly event: PrivacyEvent<R>;
}

/** Binary-tree aggregation where each record takes part at most once in each tree (DP-FTRL with restarts). */
export interface TreeRestartsEvent<R extends Relation = Relation> extends EventBase<R> {
  readonly kind: 'treeRestarts';
  readonly noiseMultiplier: number;
  /** Steps of each tree, in order. */
  readonly stepsPerTree: readonly number[];
}

/** One tree in which a record may take part several times, at least `minSeparation` other steps apart. */
export interface SingleTreeEvent<R extends Relation = Relation> extends EventBase<R> {
  readonly kind: 'singleTree';
  readonly noiseMultiplier: number;
  readonly steps: number;
  readonly maxParticipation: number;
  readonly minSeparation: number;
}

/** Any event for the relation `R`. */
export type PrivacyEvent<R extends Relation = Relation> =
  | NoEvent<R>
  | GaussianEvent<R>
  | LaplaceEvent<R>
  | DiscreteGaussianEvent<R>
  | DiscreteLaplaceEvent<R>
  | SkellamEvent<R>
  | RandomizedResponseEvent<R>
  | ExponentialEvent<R>
  | EpsilonDeltaEvent<R>
  | ZcdpEvent<R>
  | PoissonSampledEvent<R>
  | (R extends 'replaceOne' ? FixedSizeSampledEvent : never)
  | ComposedEvent<R>
  | SelfComposedEvent<R>
  | TreeRestartsEvent<R>
  | SingleTreeEvent<R>;

/** The name of a kind of event. */
export type EventKind = PrivacyEvent['kind'];
