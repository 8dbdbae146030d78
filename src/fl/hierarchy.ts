import { checkInteger, checkOptions } from '../core/check.js';
import { AbortError, UsageError } from '../core/errors.js';
import { decodeCounters, decodeSum } from '../ring/quantize.js';
import { asPlain, checkVector, type PlainVector, part, zeroVector } from '../ring/vector.js';
import { checkDoubles, checkFinite } from './vectors.js';

/**
 * The arithmetic of edge aggregators: a server downstream, a client upstream. There are two lawful ways for an edge's
 * sum to go up.
 *
 * - As it is (`forwardSum`): the same integers in a ring that is wide enough for all clients of all edges. Exact: the
 *   root's sum is that of a single cohort, and weights and metrics add up by themselves.
 * - As a mean with its weight (`edgeContribution`): quantized anew, by a plan of the edges'. For edges that do
 *   something to their mean first, such as a robust rule, a clip or noise. The root's weighted mean is then that of all
 *   clients, within rounding.
 *
 * An edge sees its cohort's sum in the clear; the root does not where edges mask among themselves, which both ways
 * allow.
 */

/**
 * Edge: `sum`, whose first `signed` values are quantized ones and whose others are counters, over the wider ring of
 * `bits` bits. Throws `UsageError`: `usage.vector`, `usage.lanes`, `usage.range` (also if the ring isn't as wide as the
 * sum's).
 */
export function forwardSum(sum: PlainVector, options: { readonly signed: number; readonly bits: number }): PlainVector {
  const { bits, lanes } = checkVector('sum', sum);
  const { signed } = checkOptions('options', options);
  checkInteger('options.signed', signed, 0, lanes.length);
  const wide = zeroVector(checkInteger('options.bits', options.bits, bits, 32), lanes.length);
  wide.lanes.set(decodeSum(part(sum, 0, signed)));
  wide.lanes.set(decodeCounters(part(sum, signed, lanes.length)), signed);
  return asPlain(wide);
}

/** What an edge's round came to: `CombinedCohorts` of a plan's server side is one. */
export interface EdgeResult {
  /** Weighted mean of the survivors' updates. */
  readonly mean: Float64Array;
  /** Sum of their weights, an integer from 1. */
  readonly weight: number;
  /** Sums of their metrics. */
  readonly metrics: Readonly<Record<string, number>>;
}

/** What it contributes upstream. */
export interface EdgeContribution {
  readonly update: Float32Array;
  /** In units of `unit`, rounded, 1 at least. */
  readonly weight: number;
  readonly metrics: Readonly<Record<string, number>>;
}

/**
 * Edge: its contribution to the root's sum. A weight that is too much for the ring upstream is counted in units of
 * `unit` (1 if not given), the same for all edges: each then counts right to within half a unit. Throws `UsageError`
 * (`usage.floats`, `usage.finite`, `usage.range`, `usage.options`), `AbortError` (`edge.weight`) if half a unit or less
 * came together: sit this round out.
 */
export function edgeContribution(result: EdgeResult, unit = 1): EdgeContribution {
  const { mean, weight, metrics } = checkOptions('result', result);
  checkFinite('result.mean', checkDoubles('result.mean', mean), 'usage.finite', 'leave this round out');
  checkInteger('result.weight', weight, 1, 2 ** 53 - 1);
  checkInteger('unit', unit, 1, 2 ** 32);
  const units = Math.round(weight / unit);
  if (units === 0)
    throw new AbortError('edge.weight', `a weight of ${weight} is too little for units of ${unit}: sit this round out`);
  return { update: Float32Array.from(mean), weight: units, metrics: { ...checkOptions('result.metrics', metrics) } };
}

/** What the edges' plan has to allow for, given what an edge's own plan allows. */
export interface EdgeLimits {
  /** Largest weight of an edge's contribution. */
  readonly maxWeight: number;
  /** Largest sum of a metric at an edge, by name. */
  readonly metrics: Readonly<Record<string, number>>;
}

/**
 * Largest values of `edgeContribution` for cohorts of at most `maxClients` with weights up to `maxWeight` and metrics
 * up to the ones given. Throws `UsageError`: `usage.range`, and `edge.limit` where one would not fit 32 bits: raise the
 * unit, or count in coarser ones.
 */
export function edgeLimits(options: {
  readonly maxClients: number;
  readonly maxWeight: number;
  readonly metrics?: Readonly<Record<string, number>>;
  readonly unit?: number;
}): EdgeLimits {
  const { maxClients, maxWeight, metrics = {}, unit = 1 } = checkOptions('options', options);
  checkInteger('options.maxClients', maxClients, 1, 2 ** 32);
  checkInteger('options.maxWeight', maxWeight, 1, 2 ** 32);
  checkInteger('options.unit', unit, 1, 2 ** 32);
  const counted = Object.entries(metrics).map(([name, max]) => {
    checkInteger(`options.metrics.${name}`, max, 1, 2 ** 32);
    return [name, fits(`metric ${name}`, maxClients * max)] as const;
  });
  return {
    maxWeight: fits('weight', Math.round((maxClients * maxWeight) / unit) || 1),
    metrics: Object.fromEntries(counted),
  };
}

function fits(what: string, value: number): number {
  if (value < 2 ** 32) return value;
  throw new UsageError(
    'edge.limit',
    `an edge's ${what} could be ${value}, which 32 bits don't hold: count in coarser units`,
  );
}
