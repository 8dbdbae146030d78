import { describe } from '../../core/check.js';
import { UsageError } from '../../core/errors.js';
import { checkFloats } from '../../ring/quantize.js';
import type { PlainVector } from '../../ring/vector.js';
import type { Plan } from './schema.js';
import { clip } from './stages/clip.js';
import { combine, pool } from './stages/combine.js';
import { checkMetricSums, checkMetrics } from './stages/metrics.js';
import { decoder, encoder } from './stages/quantize.js';
import type { Aggregate, ClientStage, Contribution, RoundingSource, ServerStage } from './stages/stage.js';
import { checkTotalWeight, checkWeight } from './stages/weight.js';

/** Client: in order, on real values, before the encoder. */
const clientStages: readonly ((plan: Plan) => ClientStage)[] = [checkWeight, checkMetrics, clip];

/** Server: in order, on each cohort's decoded sum. */
const cohortStages: readonly ((plan: Plan) => ServerStage)[] = [checkTotalWeight, checkMetricSums];

/** Server: in order, on the cohorts pooled. */
const roundStages: readonly ((plan: Plan) => ServerStage)[] = [combine];

/** What goes with an update. */
export interface ContributionOptions {
  /** What the update counts for: an integer up to the plan's largest weight. Under uniform weights it is 1 and may be left out. */
  readonly weight?: number;
  /** One integer for each of the plan's metrics, by name. */
  readonly metrics?: Readonly<Record<string, number>>;
  /** Gives that many uniform 32-bit numbers, fresh and secret, for stochastic rounding. */
  readonly rounding: RoundingSource;
}

/**
 * Encodes an update of the plan's dimension as the ring vector that is masked: quantized values, weight, metrics. The update isn't
 * changed. Throws `UsageError`: `usage.floats` or `usage.vector` on a wrong type or length, `usage.finite` at the first NaN or infinity,
 * `usage.range` on a weight or metric that isn't an integer or is beyond its maximum, `usage.metrics` on one missing or unknown,
 * `usage.options` without a weight (where it isn't uniform) or a source of rounding.
 */
export type ClientPipeline = (update: Float32Array, options: ContributionOptions) => PlainVector;

/** What a round of one or more cohorts gives. */
export interface CombinedCohorts {
  /** The weighted mean of the survivors' updates, one value a dimension, in their unit. */
  readonly mean: Float64Array;
  /** Sum of the survivors' weights. */
  readonly weight: number;
  /** Sum of each metric over the survivors. */
  readonly metrics: Readonly<Record<string, number>>;
  /** Clients in the sum. */
  readonly survivors: number;
}

export interface ServerPipeline {
  /**
   * What the sum of `survivors` clients' vectors stands for. Throws `UsageError` on a vector that isn't the plan's shape, and `PeerError`
   * (`sum.range`, `sum.weight`, `sum.metric`; nobody is named, since only the sum is seen) if a client must have broken the plan.
   */
  readonly decode: (sum: PlainVector, survivors: number) => Aggregate;
  /**
   * The result of a round from its cohorts' decoded sums. Throws `UsageError` (`usage.cohorts`) without any, or `AbortError`
   * (`sum.empty`) if their weights add up to 0.
   */
  readonly combine: (cohorts: readonly Aggregate[]) => CombinedCohorts;
}

/** The client's side of a plan. */
export function clientPipeline(plan: Plan): ClientPipeline {
  const stages = clientStages.map((stage) => stage(plan));
  const encode = encoder(plan);
  return (update, options) => {
    checkOptions(options);
    const start: Contribution = {
      update: checkUpdate(plan, update),
      weight: weightOf(plan, options),
      metrics: inOrder(plan, options.metrics ?? {}),
    };
    return encode(
      stages.reduce((contribution, stage) => stage(contribution), start),
      options.rounding,
    );
  };
}

/** The server's side of a plan. */
export function serverPipeline(plan: Plan): ServerPipeline {
  const decode = decoder(plan);
  const afterDecoding = cohortStages.map((stage) => stage(plan));
  const afterPooling = roundStages.map((stage) => stage(plan));
  return {
    decode: (sum, survivors) => afterDecoding.reduce((aggregate, stage) => stage(aggregate), decode(sum, survivors)),
    combine: ([first, ...others]) => {
      if (first === undefined)
        throw new UsageError('usage.cohorts', 'combine needs at least one decoded cohort, got none');
      const end = afterPooling.reduce((aggregate, stage) => stage(aggregate), pool([first, ...others]));
      const metrics = Object.fromEntries(plan.metrics.map(({ name }, i) => [name, end.metrics[i] as number]));
      return { mean: end.values, weight: end.weight, metrics, survivors: end.survivors };
    },
  };
}

function checkOptions(options: ContributionOptions): void {
  if (typeof options !== 'object' || options === null || typeof options.rounding !== 'function')
    throw new UsageError(
      'usage.options',
      'options.rounding must be a function that gives uniform 32-bit numbers, for stochastic rounding',
    );
}

function weightOf(plan: Plan, { weight }: ContributionOptions): number {
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
