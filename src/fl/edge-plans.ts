import { checkInteger, checkOptions, describe } from '../core/check.js';
import { UsageError } from '../core/errors.js';
import type { AggregatorSpec } from '../robust/spec.js';
import { type EdgeLimits, edgeLimits } from './hierarchy.js';
import type { MaskingPlan, Plan } from './plan/fields.js';
import type { PlanInput, PlanOptimizer } from './plan/input.js';
import { definePlan } from './plan/plan.js';
import { maxWeight } from './plan/shape.js';

/**
 * Plans of two levels: what a root's plan has to allow for, if its clients are edges that contribute `edgeContribution`
 * of what they sum under a plan of their own.
 */

/** What an edge's own plan doesn't say. */
export interface EdgeTerms {
  /** The most clients in an edge's sum, over all its cohorts; the plan's `cohort.maxClients` unless given. */
  readonly clients?: number;
  /** What weights are counted in upstream; 1 unless given. */
  readonly unit?: number;
}

export interface RootPlanOptions extends EdgeTerms {
  /** The most edges. */
  readonly edges: number;
  /**
   * How means are rounded: as the edges round updates unless given. Has to be given where nothing bounds a mean, or
   * under noise.
   */
  readonly quantize?: { readonly bits: number; readonly range: number };
  /** The only one of both levels; FedAvg with learning rate 1 unless given. */
  readonly optimizer?: PlanOptimizer;
  /** Whether the root sees each edge's mean; `pairwise`, masked among the edges, unless given. */
  readonly masking?: MaskingPlan;
  /**
   * A rule that judges the means of `edges` edges or more, instead of their weighted mean. It has to see them: with
   * masking `none` only.
   */
  readonly robust?: { readonly edges: number; readonly aggregator: AggregatorSpec };
}

/**
 * The plan of a root whose edges have the plan `edge`: means weighed by what was summed, the edge's metrics counted on,
 * rounded within what a mean can reach. Throws `UsageError`: `usage.…`, `edge.optimizer`, `edge.schedule`,
 * `edge.limit`, or what `definePlan` refuses (`plan.sum-wraps`: raise `unit`).
 */
export function rootPlan(edge: Plan, options: RootPlanOptions): Plan {
  const { edges, optimizer, robust, masking = { kind: 'pairwise' }, ...terms } = checkOptions('options', options);
  checkOwnRounds(checkPlan('edge', edge));
  const limits = limitsOf(edge, terms);
  const input = {
    vector: edge.vector,
    cohort: { maxClients: checkInteger('options.edges', edges, 2, 2 ** 20) },
    weight: { kind: 'examples', max: limits.maxWeight } as const,
    quantize: options.quantize ?? gridOf(edge),
    metrics: edge.metrics.map(({ name }) => ({ name, max: limits.metrics[name] ?? 1 })),
    ...(optimizer === undefined ? {} : { optimizer }),
  };
  if (robust === undefined) return definePlan(masking.kind === 'none' ? { ...input, masking } : input);
  const { edges: clients, aggregator } = checkOptions('options.robust', robust);
  const combine = { kind: 'robust', over: 'clients', clients, aggregator } as const;
  // With masking it is refused by a rule, which says why.
  return definePlan({ ...input, masking, combine } as PlanInput);
}

/**
 * Throws `UsageError` unless whatever an edge under the plan `edge` may sum can be contributed under the plan `root`,
 * undistorted but for rounding: `edge.dimension`; `edge.optimizer`, where the edge would step itself, or the root's
 * takes more than an update; `edge.schedule`; `edge.weights`; `edge.metrics`; `edge.range`; `edge.limit` where 32 bits
 * don't hold it.
 */
export function checkEdgePlans(root: Plan, edge: Plan, terms: EdgeTerms = {}): void {
  checkPlan('root', root);
  checkPlan('edge', edge);
  const limits = limitsOf(edge, checkOptions('terms', terms));
  checkDimension(root, edge);
  checkOwnRounds(edge);
  checkRootOptimizer(root);
  checkWeights(root, limits);
  checkMetrics(root, edge, limits);
  checkRange(root, edge);
}

function limitsOf(edge: Plan, { clients = edge.cohort.maxClients, unit = 1 }: EdgeTerms): EdgeLimits {
  return edgeLimits({
    maxClients: clients,
    maxWeight: maxWeight(edge),
    metrics: Object.fromEntries(edge.metrics.map(({ name, max }) => [name, max])),
    unit,
  });
}

function checkDimension({ vector: root }: Plan, { vector: edge }: Plan): void {
  if (root.dimension !== edge.dimension)
    throw new UsageError(
      'edge.dimension',
      `the root's updates have ${root.dimension} values, the edge's ${edge.dimension}: they work on one model`,
    );
}

/** Two optimizers after each other are neither, and a round of the root has one model for all that goes into it. */
function checkOwnRounds({ optimizer, schedule }: Plan): void {
  if (schedule.kind !== 'rounds')
    throw new UsageError(
      'edge.schedule',
      `the edge's plan has the schedule ${schedule.kind}, but its clients work in the root's rounds: leave it out there`,
    );
  if (optimizer.kind !== 'fedavg' || optimizer.learningRate !== 1)
    throw new UsageError(
      'edge.optimizer',
      `the edge's plan has the optimizer ${optimizer.kind}, but only the root steps: leave it out there and give it to the root's plan`,
    );
}

function checkRootOptimizer({ optimizer }: Plan): void {
  if (optimizer.kind === 'fednova' || optimizer.kind === 'scaffold')
    throw new UsageError(
      'edge.optimizer',
      `the root's optimizer ${optimizer.kind} takes more of each client than an update, which an edge's mean doesn't have: choose another`,
    );
}

/** Under uniform weights every edge counts the same, whatever it summed. */
function checkWeights({ weight }: Plan, limits: EdgeLimits): void {
  if (weight.kind === 'examples' && weight.max < limits.maxWeight)
    throw new UsageError(
      'edge.weights',
      `an edge's weights can add up to ${limits.maxWeight}, the root's weight.max is ${weight.max}: raise it, or the unit`,
    );
}

/** The root may leave metrics of the edges out. */
function checkMetrics(root: Plan, edge: Plan, limits: EdgeLimits): void {
  for (const { name, max } of root.metrics) {
    if (!edge.metrics.some((metric) => metric.name === name))
      throw new UsageError('edge.metrics', `the root asks for the metric ${name}, which the edge's plan doesn't have`);
    const most = limits.metrics[name] ?? 0;
    if (max < most)
      throw new UsageError(
        'edge.metrics',
        `an edge's sum of the metric ${name} can be ${most}, the root allows ${max}: raise its max`,
      );
  }
}

/** Where the root rotates or compresses, its range isn't one of the mean's own values. */
function checkRange({ quantize, rotate, compress, clip }: Plan, edge: Plan): void {
  if (quantize.kind !== 'stochastic' || rotate.kind !== 'none' || compress.kind !== 'none') return;
  const bound = Math.min(meanBound(edge), clip.kind === 'l2' ? clip.norm : Number.POSITIVE_INFINITY);
  if (Number.isFinite(bound) && quantize.range < bound)
    throw new UsageError(
      'edge.range',
      `values of an edge's mean reach ${bound}, the root's quantize.range of ${quantize.range} would cut them: raise it to ${bound}`,
    );
}

/**
 * What no value of an edge's mean is beyond, but for rounding: the range that values are clamped to, or the clip norm.
 */
function meanBound({ quantize, rotate, compress, clip, privacy }: Plan): number {
  const unbounded = compress.kind !== 'none' || privacy.kind !== 'none';
  const range = quantize.kind === 'stochastic' && rotate.kind === 'none' ? quantize.range : Number.POSITIVE_INFINITY;
  const norm = clip.kind === 'l2' ? clip.norm : Number.POSITIVE_INFINITY;
  return unbounded ? Number.POSITIVE_INFINITY : Math.min(range, norm);
}

function gridOf(edge: Plan): { readonly bits: number; readonly range: number } {
  const range = meanBound(edge);
  if (edge.quantize.kind === 'stochastic' && Number.isFinite(range)) return { bits: edge.quantize.bits, range };
  throw new UsageError(
    'usage.options',
    "options.quantize is missing: nothing in the edge's plan bounds the values of its mean",
  );
}

function checkPlan(name: string, plan: Plan): Plan {
  if (typeof plan !== 'object' || plan === null || !Object.isFrozen(plan))
    throw new UsageError('usage.plan', `${name} must be a plan that definePlan made, got ${describe(plan)}`);
  return plan;
}
