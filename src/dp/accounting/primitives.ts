/**
 * Takes compositions, trees and trivial samples apart, so that accountants see single releases and how often each was
 * made.
 */
import { checkInteger } from '../../core/check.js';
import { UsageError } from '../../core/errors.js';
import type { GaussianEvent, PrivacyEvent } from '../events/event.js';
import type { Relation } from '../neighboring.js';
import { singleTreeSensitivitySquared, treeDepth } from './tree.js';

/** An event that is neither a composition, nor a tree, nor nothing. */
export type Primitive = Exclude<
  PrivacyEvent,
  { readonly kind: 'none' | 'composed' | 'selfComposed' | 'treeRestarts' | 'singleTree' }
>;

/** `count` releases of one kind. */
export interface Repeated {
  readonly event: Primitive;
  readonly count: number;
}

const deepest = 64;

/**
 * The releases in `event`, `count` times over.
 *
 * @throws UsageError for a count that is not a whole number, and for events nested more than 64 deep.
 */
export function primitives(event: PrivacyEvent, count = 1, depth = 0): readonly Repeated[] {
  checkInteger('count', count, 0, Number.MAX_SAFE_INTEGER);
  if (depth > deepest) throw new UsageError('dp.event', `events must not be nested more than ${deepest} deep`);
  if (count === 0) return [];
  switch (event.kind) {
    case 'none':
      return [];
    case 'composed':
      return event.events.flatMap((one: PrivacyEvent) => primitives(one, count, depth + 1));
    case 'selfComposed':
      return primitives(event.event, checkInteger('count', count * event.count, 0, Number.MAX_SAFE_INTEGER), depth + 1);
    case 'treeRestarts': {
      const nodes = event.stepsPerTree.reduce((sum, steps) => sum + treeDepth(steps), 0);
      return nodes === 0 ? [] : [{ event: stronger(event, nodes), count }];
    }
    case 'singleTree':
      return [{ event: stronger(event, singleTreeSensitivitySquared(event)), count }];
    case 'poissonSampled':
      return sampled(event, count, depth);
    default:
      return [{ event, count }];
  }
}

/** The Gaussian whose squared sensitivity is `nodes` times that of one node. */
function stronger(event: { relation: Relation; noiseMultiplier: number }, nodes: number): GaussianEvent {
  return { kind: 'gaussian', relation: event.relation, noiseMultiplier: event.noiseMultiplier / Math.sqrt(nodes) };
}

/** Samples of samples are samples; a sample of everything is none; what is done to one sample must be one release. */
function sampled(
  event: Extract<PrivacyEvent, { kind: 'poissonSampled' }>,
  count: number,
  depth: number,
): readonly Repeated[] {
  const { relation, samplingProbability } = event;
  const inside = primitives(event.event, 1, depth + 1);
  if (samplingProbability === 0 || inside.length === 0) return [];
  if (samplingProbability === 1) return inside.map((one) => ({ event: one.event, count: one.count * count }));
  const inner = asOne(inside);
  if (inner.kind === 'poissonSampled')
    return sampled({ ...inner, samplingProbability: samplingProbability * inner.samplingProbability }, count, depth);
  return [{ event: { kind: 'poissonSampled', relation, samplingProbability, event: inner }, count }];
}

/** Several Gaussian releases about one batch are one, of the summed precision. */
function asOne(inside: readonly Repeated[]): Primitive {
  const [only] = inside;
  if (only !== undefined && inside.length === 1 && only.count === 1) return only.event;
  let precision = 0;
  for (const { event, count } of inside) {
    if (event.kind !== 'gaussian')
      throw new UsageError(
        'dp.unsupported',
        `no bound for several releases (${event.kind}) about one batch, except Gaussian ones`,
      );
    precision += count / event.noiseMultiplier ** 2;
  }
  if (only === undefined) throw new UsageError('dp.event', 'a batch without a release');
  return { kind: 'gaussian', relation: only.event.relation, noiseMultiplier: 1 / Math.sqrt(precision) };
}
