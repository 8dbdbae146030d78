/** Events made of others: on samples, composed, and in trees. */
import { checkInteger, checkNumber, describe } from '../../core/check.js';
import { UsageError } from '../../core/errors.js';
import { checkRelation, type DefaultRelation, type Relation } from '../neighboring.js';
import type {
  ComposedEvent,
  FixedSizeSampledEvent,
  PoissonSampledEvent,
  PrivacyEvent,
  SelfComposedEvent,
  SingleTreeEvent,
  TreeRestartsEvent,
} from './event.js';

/**
 * `event` on a batch that every record joins independently with `samplingProbability`. To account for batches that a
 * program draws, take the event from the `BatchSampler` that draws them; this is for planning.
 *
 * @throws UsageError for a probability outside [0, 1].
 */
export function poissonSampled<R extends Relation>(options: {
  readonly samplingProbability: number;
  readonly event: PrivacyEvent<R>;
}): PoissonSampledEvent<R> {
  const event = checkEvent(options.event);
  const samplingProbability = checkNumber('samplingProbability', options.samplingProbability, 0, 1);
  return Object.freeze({ kind: 'poissonSampled', relation: relationOf(event), samplingProbability, event });
}

/**
 * `event` on a uniform batch of `sampleSize` of `datasetSize` records, without replacement. The sizes are public, so
 * the relation is `replaceOne`.
 *
 * @throws UsageError unless 1 <= sampleSize <= datasetSize, and for another relation.
 */
export function fixedSizeSampled(options: {
  readonly sampleSize: number;
  readonly datasetSize: number;
  readonly event: PrivacyEvent<'replaceOne'>;
}): FixedSizeSampledEvent {
  const event = checkEvent(options.event);
  if (event.relation !== 'replaceOne')
    throw new UsageError('dp.relation', `a batch of fixed size needs the relation replaceOne, got ${event.relation}`);
  const datasetSize = checkInteger('datasetSize', options.datasetSize, 1, Number.MAX_SAFE_INTEGER);
  const sampleSize = checkInteger('sampleSize', options.sampleSize, 1, datasetSize);
  return Object.freeze({ kind: 'fixedSizeSampled', relation: 'replaceOne', sampleSize, datasetSize, event });
}

/**
 * All of `events`, adaptively.
 *
 * @throws UsageError for an empty list and for events of different relations.
 */
export function composed<R extends Relation>(events: readonly PrivacyEvent<R>[]): ComposedEvent<R> {
  if (!Array.isArray(events)) throw new UsageError('usage.type', `events must be an array, got ${describe(events)}`);
  const list: readonly PrivacyEvent<R>[] = events;
  const [first] = list;
  if (first === undefined) throw new UsageError('usage.range', 'events must not be empty; use noEvent for nothing');
  const relation = relationOf(checkEvent(first));
  for (const event of list)
    if (checkEvent(event).relation !== relation)
      throw new UsageError('dp.relation', `events must have one relation, got ${relation} and ${event.relation}`);
  return Object.freeze({ kind: 'composed', relation, events: Object.freeze([...list]) });
}

/**
 * `event`, `count` times, adaptively.
 *
 * @throws UsageError unless `count` is an integer from 0 to 2^53 - 1.
 */
export function selfComposed<R extends Relation>(event: PrivacyEvent<R>, count: number): SelfComposedEvent<R> {
  checkInteger('count', count, 0, Number.MAX_SAFE_INTEGER);
  return Object.freeze({ kind: 'selfComposed', relation: relationOf(checkEvent(event)), count, event });
}

/**
 * Tree aggregation restarted after each of `stepsPerTree` steps, a record being in at most one step of each tree. Only
 * with a special or replaced record is the order of the others unchanged, so the relation is one of those.
 *
 * @throws UsageError for values out of range and for addOrRemoveOne.
 */
export function treeRestarts<const R extends Exclude<Relation, DefaultRelation> = 'replaceSpecial'>(options: {
  readonly noiseMultiplier: number;
  readonly stepsPerTree: readonly number[];
  /** Default `replaceSpecial`. */
  readonly relation?: R;
}): TreeRestartsEvent<R> {
  if (!Array.isArray(options.stepsPerTree))
    throw new UsageError('usage.type', `stepsPerTree must be an array, got ${describe(options.stepsPerTree)}`);
  const stepsPerTree = options.stepsPerTree.map((steps) => checkInteger('stepsPerTree', steps, 1, 2 ** 40));
  const noiseMultiplier = checkNumber('noiseMultiplier', options.noiseMultiplier, 1e-3, 1e150);
  return Object.freeze({
    kind: 'treeRestarts',
    relation: treeRelation(options.relation),
    noiseMultiplier,
    stepsPerTree: Object.freeze(stepsPerTree),
  });
}

/**
 * One tree over `steps` steps; a record takes part at most `maxParticipation` times, in steps whose numbers differ by
 * more than `minSeparation`.
 *
 * @throws UsageError for values out of range and for addOrRemoveOne.
 */
export function singleTree<const R extends Exclude<Relation, DefaultRelation> = 'replaceSpecial'>(options: {
  readonly noiseMultiplier: number;
  readonly steps: number;
  readonly maxParticipation: number;
  readonly minSeparation: number;
  /** Default `replaceSpecial`. */
  readonly relation?: R;
}): SingleTreeEvent<R> {
  const noiseMultiplier = checkNumber('noiseMultiplier', options.noiseMultiplier, 1e-3, 1e150);
  const steps = checkInteger('steps', options.steps, 1, 2 ** 24);
  const maxParticipation = checkInteger('maxParticipation', options.maxParticipation, 1, 2 ** 10);
  const minSeparation = checkInteger('minSeparation', options.minSeparation, 0, 2 ** 24);
  return Object.freeze({
    kind: 'singleTree',
    relation: treeRelation(options.relation),
    noiseMultiplier,
    steps,
    maxParticipation,
    minSeparation,
  });
}

function treeRelation<R extends Exclude<Relation, DefaultRelation>>(relation: R | undefined): R {
  const checked = checkRelation(relation ?? 'replaceSpecial');
  if (checked === 'addOrRemoveOne')
    throw new UsageError('dp.relation', 'a missing record would move all others in the tree: use replaceSpecial');
  // Where it is left out, the caller's R is the default one.
  return checked as R;
}

/**
 * The relation of an event, typed: an event for R has the relation R, which the conditional member of the union hides.
 */
function relationOf<R extends Relation>(event: PrivacyEvent<R>): R {
  return event.relation as R;
}

/** Returns `event` if it looks like one: the boundary for callers without types. */
export function checkEvent<E extends PrivacyEvent>(event: E): E {
  if (typeof event !== 'object' || event === null || typeof event.kind !== 'string')
    throw new UsageError('dp.event', `event must be a privacy event, got ${describe(event)}`);
  checkRelation(event.relation);
  return event;
}
