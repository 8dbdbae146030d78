import { describe } from '../core/check.js';
import { UsageError } from '../core/errors.js';
import { MixedRows } from './mixed-rows.js';
import type { RowSet } from './rows.js';
import { Aggregator, type AnySpec, type Context, type Outcome } from './rule.js';
import { checkF } from './shares.js';

/** What a pre-aggregator makes of its rows: weighted sums of them. */
export interface Mixing {
  /** count x rows.count */
  readonly weights: Float64Array;
  readonly count: number;
  /** Whether each row's weights sum to one. */
  readonly affine: boolean;
  /** The mixture that stands for each row; the default is the one of its own index. */
  readonly standsFor?: readonly number[];
}

/** Returns `inner` if it is an aggregator; throws `UsageError` (`robust.inner`) otherwise. */
export function checkInner<Spec extends AnySpec>(inner: Aggregator<Spec>, name = 'inner'): Aggregator<Spec> {
  if (inner instanceof Aggregator) return inner;
  throw new UsageError('robust.inner', `${name} must be an aggregator, got ${describe(inner)}`);
}

/** The f of a pre-aggregator: as given, and no other than the inner rule's where that has one. */
export function sharedF(kind: string, inner: Aggregator, given: unknown): number {
  const f = checkF(given ?? inner.f);
  if (given === undefined && inner.definition.f === undefined)
    throw new UsageError('robust.options', `${kind} needs f, since ${inner.spec.kind} inside it has none`);
  if (inner.definition.f !== undefined && inner.f !== f)
    throw new UsageError(
      'robust.options',
      `${kind} has f = ${f} and ${inner.spec.kind} inside it f = ${inner.f}; give one`,
    );
  return f;
}

/** Runs `inner` on mixtures of the rows; each row's verdict is that of the mixture that stands for it. */
export function runOnMixtures(rows: RowSet, context: Context, mixing: Mixing, inner: Aggregator): Outcome {
  const { weights, count, affine } = mixing;
  inner.checkCondition(count, context.f);
  const standsFor = mixing.standsFor ?? Array.from({ length: rows.count }, (_, i) => i);
  const outcome = inner.definition.run(new MixedRows(rows, weights, count, affine), {
    ...context,
    weights: mixing.standsFor === undefined ? context.weights : undefined,
    rowOf: context.rowOf.map((row) => standsFor[row] ?? -1),
  });
  const { scores, kept, margins } = outcome.judgement;
  return {
    ...outcome,
    judgement: {
      scores: Float64Array.from(standsFor, (m) => scores[m] ?? 0),
      kept: standsFor.map((m) => kept[m] ?? false),
      margins: Float64Array.from(standsFor, (m) => margins[m] ?? 0),
    },
  };
}
