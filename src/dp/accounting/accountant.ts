/** What every accountant does: composes events and says what they cost, and what none may do: skip one. */
import { checkNumber } from '../../core/check.js';
import { UsageError } from '../../core/errors.js';
import { checkEvent } from '../events/compound.js';
import type { PrivacyEvent } from '../events/event.js';
import type { Relation } from '../neighboring.js';

/**
 * A figure and what is proved of it. `upper` is the one to promise. Where an accountant proves nothing from below,
 * `lower` is 0.
 */
export interface Bounds {
  readonly lower: number;
  readonly estimate: number;
  readonly upper: number;
}

/**
 * Adds up events of one neighboring relation. Immutable: `compose` gives a new accountant.
 *
 * Every accountant passes the contract suite in `test/dp/accounting/contract.ts`.
 */
export interface Accountant<R extends Relation = Relation> {
  readonly relation: R;

  /**
   * This accountant after `count` (default 1) more of `event`.
   *
   * @throws UsageError (`dp.unsupported`) for an event that it can't bound, (`dp.relation`) for one of another
   *   relation.
   */
  compose(event: PrivacyEvent<R>, count?: number): Accountant<R>;

  /**
   * The least epsilon for which all that was composed is (epsilon, delta)-private. Infinite where there is none.
   *
   * @throws UsageError unless delta is from 0 to 1.
   */
  epsilon(delta: number): Bounds;

  /** `epsilon(delta).upper`, by the shortest way: for searches. */
  epsilonBound(delta: number): number;

  /**
   * The least delta for which all that was composed is (epsilon, delta)-private.
   *
   * @throws UsageError unless epsilon is 0 or more.
   */
  delta(epsilon: number): Bounds;
}

/** Why an event can't be composed. */
export function unsupported(accountant: string, event: PrivacyEvent, why?: string): UsageError {
  const reason = why === undefined ? '' : `: ${why}`;
  return new UsageError(
    'dp.unsupported',
    `the ${accountant} accountant has no bound for a ${event.kind} event${reason}`,
  );
}

/** Throws unless the event is of the accountant's relation. */
export function checkRelationOf(accountant: { readonly relation: Relation }, event: PrivacyEvent): void {
  if (checkEvent(event).relation !== accountant.relation)
    throw new UsageError(
      'dp.relation',
      `an accountant for ${accountant.relation} can't take an event for ${event.relation}; make both for one relation`,
    );
}

/** Returns `delta` if it is a probability. */
export function checkDelta(delta: unknown): number {
  return checkNumber('delta', delta, 0, 1);
}

/** Returns `epsilon` if it is a number from 0 up. */
export function checkEpsilon(epsilon: unknown): number {
  return checkNumber('epsilon', epsilon, 0, Number.MAX_VALUE);
}

/** Bounds of something that is known exactly. */
export function exactly(value: number): Bounds {
  return { lower: value, estimate: value, upper: value };
}
