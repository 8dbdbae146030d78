import type { Brand } from '../../core/brand.js';
import type { DistributedNoiseKind } from '../../dp/mechanisms/noisy-sum.js';
import type { AggregatorSpec } from '../../robust/spec.js';
import type { AsyncSpec } from '../async.js';
import type { CountSketchSpec } from '../compression/count-sketch.js';
import type { RandomKSpec } from '../compression/random-k.js';
import type { TopKSpec } from '../compression/top-k.js';
import type { OptimizerSpec } from '../optimizers/optimizer.js';

/**
 * The fields of a plan, in the order in which an update meets them. Plain JSON; `definePlan` fills in what is assumed.
 */

/** Who sees an update. */
export type MaskingPlan =
  /** Only sums over cohorts are seen. */
  | { readonly kind: 'pairwise' }
  /** The server sees each client's update. For trials, and for rules that have to look at each. */
  | { readonly kind: 'none' };

export interface CohortPlan {
  /** The most clients that are ever summed together, 2 to 2^20. */
  readonly maxClients: number;
}

/** What an update counts for in the mean. */
export type WeightPlan =
  /** Every client counts the same. */
  | { readonly kind: 'uniform' }
  /** A client counts for the number of its training examples, an integer from 0 to `max`, which is 1 to 2^32 - 1. */
  | { readonly kind: 'examples'; readonly max: number };

/** The bound on an update before it is quantized. */
export type ClipPlan =
  | { readonly kind: 'none' }
  /** L2 clipping: an update with a norm above `norm` (the clip norm C, 2^-64 to 2^64) is scaled down to it. */
  | { readonly kind: 'l2'; readonly norm: number };

/** What becomes of the parts of an update that compression leaves out. */
export type ErrorFeedbackPlan =
  | { readonly kind: 'none' }
  /** They are added to the client's next update; `decay` of them is forgotten each round, from 0 to below 1. */
  | { readonly kind: 'residual'; readonly decay: number };

/** What makes an update shorter. */
export type CompressPlan =
  | { readonly kind: 'none' }
  /** A random part of the coordinates, the same for all clients of a round. */
  | RandomKSpec
  /** Sums of coordinates, from which the server recovers the greatest. */
  | CountSketchSpec
  /** Each client's greatest coordinates; without masking only. Sent with their places. */
  | TopKSpec;

/** What spreads an update evenly over its coordinates. */
export type RotatePlan =
  | { readonly kind: 'none' }
  /** The randomized Hadamard rotation under a public seed, fresh for each round; pads to a power of two. */
  | { readonly kind: 'hadamard' };

/** How real values become integers. */
export type QuantizePlan =
  /**
   * Unbiased stochastic rounding to `bits` bits, sign included (2 to 32), after clamping to [-range, range], with a
   * range from 2^-64 to 2^64.
   */
  | { readonly kind: 'stochastic'; readonly bits: number; readonly range: number }
  /**
   * Conditional rounding to multiples of `granularity` (2^-100 to 2^64), anew until the norm is within its bound, which
   * fails with probability `beta` at most (0 to 0.999); in a ring of `ringBits` bits (4 to 32). What distributed noise
   * needs.
   */
  | { readonly kind: 'conditional'; readonly granularity: number; readonly beta: number; readonly ringBits: number };

/** What may be spent on all rounds of a task, for clients as the records. */
export interface BudgetPlan {
  /** 10^-6 to 10^6. */
  readonly epsilon: number;
  /** Above 0 (10^-300 at least), below 1. */
  readonly delta: number;
  /** 1 to 2^32 - 1. */
  readonly rounds: number;
}

/** How clients come into a round, as the accounting takes it. */
export type SamplingPlan =
  /** Whoever comes: nothing is gained from chance. */
  | { readonly kind: 'none' }
  /**
   * Each by its own coin, of a probability above 0 and below 1. No server of ours draws that way, so the rules refuse
   * it.
   */
  | { readonly kind: 'poisson'; readonly probability: number };

/** Noise for differential privacy of clients. */
export type PrivacyPlan =
  | { readonly kind: 'none' }
  /**
   * Discrete Gaussian noise of `variance` grid steps squared (2^-10 to 2^60), added by the server to each cohort's sum:
   * trusts the server.
   */
  | {
      readonly kind: 'central';
      readonly variance: number;
      readonly sampling: SamplingPlan;
      readonly budget: BudgetPlan;
    }
  /** Each client adds its share of the noise before masking. See `DistributedSettings` for the fields. */
  | {
      readonly kind: 'distributed';
      readonly noise: DistributedNoiseKind;
      /** Of the honest survivors' noise in a coordinate of the sum, in grid steps squared: 2^-10 to 2^60. */
      readonly variance: number;
      /** The fewest survivors that a sum is released for, 2 to the cohort's `maxClients`. */
      readonly minSurvivors: number;
      /** Survivors whose noise doesn't count, since they may tell it: 0 to `minSurvivors` - 1. */
      readonly colluders: number;
      /** For each removable component of noise, the survivors from which on it is taken back. Falling; 16 at most. */
      readonly releaseAt: readonly number[];
      readonly sampling: SamplingPlan;
      readonly budget: BudgetPlan;
    };

/** A masked counter: each client gives an integer from 0 to `max`, the server learns the sum. */
export interface MetricPlan {
  /** a-z, then a-z, 0-9 and _, at most 32 characters. */
  readonly name: string;
  /** 1 to 2^32 - 1. */
  readonly max: number;
}

/** What becomes of the sums. */
export type CombinePlan =
  /** The weighted mean of the updates. */
  | { readonly kind: 'mean' }
  /**
   * A robust rule over the means of `cohorts` cohorts (1 to 1024) or more, into which clients are put unpredictably.
   * The rule's f counts cohorts.
   */
  | {
      readonly kind: 'robust';
      readonly over: 'cohorts';
      readonly cohorts: number;
      readonly aggregator: AggregatorSpec;
    }
  /** A robust rule over the updates of `clients` clients (1 to 2^20) or more, in the clear. */
  | {
      readonly kind: 'robust';
      readonly over: 'clients';
      readonly clients: number;
      readonly aggregator: AggregatorSpec;
    };

/** When clients come together. */
export type SchedulePlan =
  /** In rounds: all clients of a round train the same model. */
  | { readonly kind: 'rounds' }
  /**
   * In buffers: clients train when they like, and `bufferSize` that are ready (2 to 2^20) are a cohort. `maxStaleness`
   * is 0 to 1000. See `AsyncSpec`.
   */
  | ({ readonly kind: 'buffered' } & AsyncSpec);

/** What clients do to an update before masking, and what the server does to the sum. */
export interface PlanFields {
  /**
   * 1 where `masking`, `errorFeedback`, `compress`, `rotate`, `privacy`, `optimizer` and `schedule` are what is
   * assumed, and aren't written, and `combine` is the mean: as the protocol's text has it.
   */
  readonly version: 1 | 2;
  readonly masking: MaskingPlan;
  readonly vector: {
    /** Values of an update, d: 1 to 2^27. */
    readonly dimension: number;
  };
  readonly cohort: CohortPlan;
  readonly weight: WeightPlan;
  readonly errorFeedback: ErrorFeedbackPlan;
  readonly clip: ClipPlan;
  readonly compress: CompressPlan;
  readonly rotate: RotatePlan;
  readonly quantize: QuantizePlan;
  readonly privacy: PrivacyPlan;
  /** 64 at most. */
  readonly metrics: readonly MetricPlan[];
  readonly combine: CombinePlan;
  readonly optimizer: OptimizerSpec;
  /** Written only where it isn't `rounds`. */
  readonly schedule: SchedulePlan;
}

/** Lawful fields, deeply frozen: only `definePlan` and `parsePlan` make one. */
export type Plan = Brand<PlanFields, 'Plan'>;
