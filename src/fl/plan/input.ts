import type { AggregatorSpec } from '../../robust/spec.js';
import type { AsyncInput } from '../async.js';
import type { CountSketchSpec } from '../compression/count-sketch.js';
import type { RandomKSpec } from '../compression/random-k.js';
import type { TopKSpec } from '../compression/top-k.js';
import type { OptimizerInput } from '../optimizers/optimizer.js';
import type {
  CohortPlan,
  MetricPlan,
  PlanFields,
  PrivacyPlan,
  QuantizePlan,
  RotatePlan,
  WeightPlan,
} from './fields.js';

/**
 * What has to be said of a plan, and what may be. The type has no room for combinations that the rules refuse by kind:
 * noise without a clip norm, a robust rule over masked inputs, and the like. What hangs on numbers is for the rules.
 */
export type PlanInput = Anywhere &
  (
    | (UpdatesAlone &
        ((WithoutNoise & (Masked | Unmasked)) | (CentralNoise & (Masked | UnmaskedMean)) | (DistributedNoise & Masked)))
    | ((Normalized | Controlled | Whichever) & WithoutNoise & (Masked | Unmasked))
  );

/** Optimizers whose clients contribute an update and nothing else. */
export type PlanOptimizer = Extract<
  OptimizerInput,
  { readonly kind: 'fedavg' | 'fedavgm' | 'fedadam' | 'fedyogi' | 'fedadagrad' }
>;

interface Anywhere {
  /** Follows from the other fields; may be said to be sure. */
  readonly version?: 1 | 2;
  readonly vector: PlanFields['vector'];
  readonly cohort: CohortPlan;
  /** Rounds unless given. */
  readonly schedule?: { readonly kind: 'rounds' } | ({ readonly kind: 'buffered' } & AsyncInput);
}

interface UpdatesAlone {
  /** FedAvg with learning rate 1 unless given: the model becomes the mean of the clients' models. */
  readonly optimizer?: PlanOptimizer;
  readonly errorFeedback?: Feedback;
}

/** For compression that leaves parts out. */
type Feedback = { readonly kind: 'none' } | { readonly kind: 'residual'; readonly decay?: number };

/** Under FedNova clients give the norm of their local steps beside a normalized update. */
interface Normalized {
  readonly optimizer: PlanOptimizer | Extract<OptimizerInput, { readonly kind: 'fednova' }>;
  readonly errorFeedback?: { readonly kind: 'none' };
  readonly combine?: Mean;
}

/** What goes with each, for an optimizer that is only known at run time. */
interface Whichever {
  readonly optimizer: Exclude<OptimizerInput, { readonly kind: 'fedbuff' }>;
  readonly errorFeedback?: { readonly kind: 'none' };
  readonly weight?: { readonly kind: 'uniform' };
  readonly combine?: Mean;
}

/** Clients get a control variate, and give by how much theirs changes beside an update. */
interface Controlled {
  readonly optimizer: Extract<OptimizerInput, { readonly kind: 'scaffold' }>;
  readonly errorFeedback?: Feedback;
  readonly weight?: { readonly kind: 'uniform' };
  readonly combine?: Mean;
}

type OfKind<T extends { readonly kind: string }, K extends T['kind']> = Extract<T, { readonly kind: K }>;
type Stochastic = Omit<OfKind<QuantizePlan, 'stochastic'>, 'kind'> & { readonly kind?: 'stochastic' };
/** Cohorts aren't drawn by coin, so nothing else than `none` can be said. */
type Unsampled<T> = Omit<T, 'sampling'> & { readonly sampling?: { readonly kind: 'none' } };

type RandomK = Pick<RandomKSpec, 'kind' | 'fraction'> & Partial<RandomKSpec>;
interface Uncompressed {
  readonly kind: 'none';
}

interface WithoutNoise {
  readonly privacy?: { readonly kind: 'none' };
  readonly weight?: WeightPlan;
  readonly clip?: PlanFields['clip'];
  readonly rotate?: RotatePlan;
  readonly quantize: Stochastic;
  readonly metrics?: readonly MetricPlan[];
}

/** Sums whose sensitivity is the clip norm: every client counts the same, and nothing is counted beside. */
interface Sensitive {
  readonly compress?: Uncompressed | RandomK;
  readonly weight?: { readonly kind: 'uniform' };
  readonly clip: { readonly kind: 'l2'; readonly norm: number };
  readonly metrics?: readonly [];
}

interface CentralNoise extends Sensitive {
  readonly privacy: Unsampled<OfKind<PrivacyPlan, 'central'>>;
  readonly rotate?: RotatePlan;
  readonly quantize: Stochastic;
}

interface DistributedNoise extends Sensitive {
  readonly privacy: Unsampled<OfKind<PrivacyPlan, 'distributed'>>;
  readonly rotate: { readonly kind: 'hadamard' };
  readonly quantize: OfKind<QuantizePlan, 'conditional'>;
}

interface Mean {
  readonly kind: 'mean';
}

interface Robust {
  readonly kind: 'robust';
  readonly aggregator: AggregatorSpec;
}

interface Masked {
  readonly compress?: Uncompressed | RandomK | CountSketchSpec;
  readonly masking?: { readonly kind: 'pairwise' };
  readonly combine?: Mean | (Robust & { readonly over: 'cohorts'; readonly cohorts: number });
}

interface Unmasked {
  readonly compress?: Uncompressed | RandomK | CountSketchSpec | TopKSpec;
  readonly masking: { readonly kind: 'none' };
  readonly combine?: Mean | (Robust & { readonly over: 'clients'; readonly clients: number });
}

interface UnmaskedMean {
  readonly masking: { readonly kind: 'none' };
  readonly combine?: Mean;
}
