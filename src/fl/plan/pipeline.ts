import { checkOptions as checkObject, describe } from '../../core/check.js';
import { UsageError } from '../../core/errors.js';
import { checkFloats, notFinite } from '../../ring/quantize.js';
import type { PlainVector } from '../../ring/vector.js';
import type { Verdict } from '../../robust/rule.js';
import { optimizerFrom, type ServerOptimizer } from '../optimizers/optimizer.js';
import type { OptimizerState } from '../optimizers/state.js';
import type { Plan } from './fields.js';
import { clip } from './stages/clip.js';
import { type CombineOptions, combine } from './stages/combine.js';
import { checkMetricSums, checkMetrics } from './stages/metrics.js';
import { addExtra, broadcast, type LocalExtra } from './stages/optimizer.js';
import { decoder, encoder } from './stages/quantize.js';
import type {
  Aggregate,
  ClientStage,
  DecodeOptions,
  EncodeOptions,
  EncoderInput,
  ServerStage,
  WeightedUpdate,
} from './stages/stage.js';
import { type ClientVersions, type SumVersions, weighLate, weighStale } from './stages/staleness.js';
import { checkTotalWeight, checkWeight } from './stages/weight.js';

/**
 * The stages of a plan in order. Client: error feedback (`ErrorFeedback`, which lasts over rounds), weight, clip, in
 * buffers staleness, what the optimizer takes beside the update, then the encoder, which compresses, rotates, quantizes
 * and adds noise. Server: the decoder, which takes excess noise back or adds central noise, undoes the rotation and the
 * compression; the counters' checks; in buffers staleness; combine; optimizer.
 */

/** Client: in order, on real values, before `addExtra` and the encoder. */
const clientStages: readonly ((plan: Plan) => ClientStage)[] = [checkWeight, checkMetrics, clip];

/** Server: in order, on each cohort's decoded sum. */
const cohortStages: readonly ((plan: Plan) => ServerStage)[] = [checkTotalWeight, checkMetricSums];

/** What goes with an update. */
export interface ContributionOptions extends EncodeOptions, LocalExtra {
  /**
   * What the update counts for: an integer up to the plan's largest weight. Under uniform weights it is 1 and may be
   * left out.
   */
  readonly weight?: number;
  /** One integer for each of the plan's metrics, by name. */
  readonly metrics?: Readonly<Record<string, number>>;
  /** Under a buffered schedule; unless given the update is fresh. */
  readonly versions?: ClientVersions;
}

/**
 * Encodes an update of the plan's dimension as the ring vector that is masked: quantized values, weight, metrics. The
 * update isn't changed. Throws `UsageError`: `usage.floats` or `usage.vector` on a wrong type or length, `usage.finite`
 * at the first NaN or infinity, `usage.range` on a weight or metric that isn't an integer or is beyond its maximum,
 * `usage.metrics` on one missing or unknown, `usage.options` without a weight (where it isn't uniform) or a source of
 * rounding; as `addExtra` does on what the optimizer takes beside; under a buffered schedule `AbortError`
 * (`async.stale`).
 */
export type ClientPipeline = (update: Float32Array, options: ContributionOptions) => PlainVector;

/** What a round of one or more cohorts gives. */
export interface CombinedCohorts {
  /**
   * What the updates are combined to, in their unit: their weighted mean, or what the robust rule makes of them. One
   * value a dimension, and behind them the mean of what the optimizer takes beside updates: the optimizer's
   * `contributionLength` in all.
   */
  readonly mean: Float64Array;
  /** Sum of the survivors' weights. */
  readonly weight: number;
  /** Sum of each metric over the survivors. */
  readonly metrics: Readonly<Record<string, number>>;
  /** Clients in the sum. */
  readonly survivors: number;
  /** Under a robust rule what it found about each sum, in the order given; broken ones come last. */
  readonly verdicts?: readonly Verdict[];
}

export interface ServerPipeline {
  /**
   * What the sum of `survivors` clients' vectors stands for; with noise as the plan says. Throws `UsageError` on a
   * vector that isn't the plan's shape, and `PeerError` (`sum.range`, `sum.weight`, `sum.metric`; nobody is named,
   * since only the sum is seen) if a client must have broken the plan.
   */
  readonly decode: (sum: PlainVector, survivors: number, options?: DecodeOptions) => Aggregate;
  /**
   * In buffers: a decoded sum, weighed for the versions that passed while it was made. Throws `UsageError`
   * (`usage.range`).
   */
  readonly weigh: (sum: Aggregate, versions: SumVersions) => Aggregate;
  /**
   * The result of a round from its cohorts' decoded sums. Throws `UsageError` (`usage.cohorts`) without any, or
   * `AbortError`: `sum.empty` if their weights add up to 0; under a robust rule `robust.condition` if they are too few
   * for it, `robust.faults` if more than its f can't be used.
   */
  readonly combine: (cohorts: readonly Aggregate[], options?: CombineOptions) => CombinedCohorts;
  /** What makes the next model of it. */
  readonly optimizer: ServerOptimizer;
  /**
   * What clients fetch of a model and the optimizer's state: under SCAFFOLD c comes behind the model. Throws
   * `UsageError` (`usage.vector`, `optimizer.state`).
   */
  readonly broadcast: (model: Float64Array, state: OptimizerState) => Float32Array;
}

/**
 * Throws as the pipeline would for an update, weight or metrics that can't be encoded, without encoding anything: so
 * that a client finds out before it is in a roster, where its dropping out would cost others.
 */
export function contributionCheck(
  plan: Plan,
): (update: Float32Array, options: Omit<ContributionOptions, keyof EncodeOptions>) => void {
  const prepare = preparation(plan);
  return (update, options) => {
    checkObject('options', options);
    const { update: checked, extra } = prepare(update, options);
    if (!checked.every(Number.isFinite)) throw notFinite('update', checked);
    // Once scaled, what was finite may be beyond float32.
    if (!extra.every(Number.isFinite)) throw notFinite('what the optimizer takes beside the update', extra);
  };
}

/** The client's side of a plan. */
export function clientPipeline(plan: Plan): ClientPipeline {
  const prepare = preparation(plan);
  const encode = encoder(plan);
  return (update, options) => {
    checkOptions(options);
    return encode(prepare(update, options), options);
  };
}

/** All that happens to real values before the encoder. */
function preparation(
  plan: Plan,
): (update: Float32Array, options: Omit<ContributionOptions, keyof EncodeOptions>) => EncoderInput {
  const stages = clientStages.map((stage) => stage(plan));
  const withExtra = addExtra(plan);
  return (update, options) => {
    const start = begin(plan, update, options);
    const clipped = stages.reduce((contribution, stage) => stage(contribution), start);
    return withExtra(weighStale(plan, options.versions)(clipped), options);
  };
}

/** The server's side of a plan. */
export function serverPipeline(plan: Plan): ServerPipeline {
  const decode = decoder(plan);
  const afterDecoding = cohortStages.map((stage) => stage(plan));
  const combineAll = combine(plan);
  return {
    decode: (sum, survivors, options) =>
      afterDecoding.reduce((aggregate, stage) => stage(aggregate), decode(sum, survivors, options)),
    weigh: (sum, versions) => weighLate(plan, versions)(sum),
    combine: ([first, ...others], options = {}) => {
      if (first === undefined)
        throw new UsageError('usage.cohorts', 'combine needs at least one decoded cohort, got none');
      const { values, weight, survivors, verdicts, ...end } = combineAll([first, ...others], options);
      const metrics = Object.fromEntries(plan.metrics.map(({ name }, i) => [name, end.metrics[i] as number]));
      return { mean: values, weight, metrics, survivors, ...(verdicts === undefined ? {} : { verdicts }) };
    },
    optimizer: optimizerFrom(plan.optimizer, plan.vector.dimension),
    broadcast: (model, state) => broadcast(plan, model, state),
  };
}

function checkOptions(options: ContributionOptions): void {
  if (typeof options !== 'object' || options === null || typeof options.rounding !== 'function')
    throw new UsageError(
      'usage.options',
      'options.rounding must be a function that gives uniform 32-bit numbers, for stochastic rounding',
    );
}

function begin(
  plan: Plan,
  update: Float32Array,
  options: Pick<ContributionOptions, 'weight' | 'metrics'>,
): WeightedUpdate {
  return {
    update: checkUpdate(plan, update),
    weight: weightOf(plan, options),
    metrics: inOrder(plan, options.metrics ?? {}),
  };
}

function weightOf(plan: Plan, { weight }: Pick<ContributionOptions, 'weight'>): number {
  if (weight !== undefined) return weight;
  if (plan.weight.kind === 'uniform') return 1;
  throw new UsageError('usage.options', `options.weight is missing: the plan weights clients by ${plan.weight.kind}`);
}

function checkUpdate(plan: Plan, update: Float32Array): Float32Array {
  checkFloats('update', update);
  if (update.length !== plan.vector.dimension)
    throw new UsageError(
      'usage.vector',
      `update must have ${plan.vector.dimension} values, as the plan's vector.dimension says, got ${update.length}`,
    );
  return update;
}

function inOrder(plan: Plan, metrics: Readonly<Record<string, number>>): readonly number[] {
  if (typeof metrics !== 'object' || metrics === null)
    throw new UsageError('usage.metrics', `metrics must be an object of numbers, got ${describe(metrics)}`);
  const names = plan.metrics.map((metric) => metric.name);
  const unknown = Object.keys(metrics).find((name) => !names.includes(name));
  if (unknown !== undefined)
    throw new UsageError(
      'usage.metrics',
      `metrics.${unknown} isn't in the plan, which has ${names.join(', ') || 'none'}`,
    );
  return names.map((name) => {
    // `hasOwn`, because `constructor` and the like are lawful names.
    if (!Object.hasOwn(metrics, name))
      throw new UsageError('usage.metrics', `metrics.${name} is missing: the plan asks for it`);
    return metrics[name] as number;
  });
}
