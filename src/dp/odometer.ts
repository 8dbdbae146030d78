/**
 * Running accounts for choices made along the way.
 *
 * An odometer says what was spent; a filter holds a budget that was fixed beforehand, and stops. With events whose
 * parameters are chosen adaptively, RDP filters are valid at every order fixed beforehand (Feldman, Zrnic 2021; Lecuyer
 * 2021), and so are PLD ones for events chosen from a fixed list; in both, a refused event costs nothing.
 */

import { checkNumber } from '../core/check.js';
import { UsageError } from '../core/errors.js';
import type { Accountant, Bounds } from './accounting/accountant.js';
import type { PrivacyTarget } from './calibration.js';
import type { PrivacyEvent } from './events/event.js';
import type { Relation } from './neighboring.js';

/** What was spent so far. */
export class PrivacyOdometer<R extends Relation> {
  #accountant: Accountant<R>;

  /** @param accountant what to begin with, usually an accountant of nothing */
  constructor(accountant: Accountant<R>) {
    this.#accountant = accountant;
  }

  /** The account so far; immutable, so it stays as it was at the time. */
  get accountant(): Accountant<R> {
    return this.#accountant;
  }

  /**
   * Adds an event. Call it before the event's outcome is released.
   *
   * @throws UsageError for an event that the accountant can't bound; nothing was added then.
   */
  record(event: PrivacyEvent<R>, count = 1): void {
    this.#accountant = this.#accountant.compose(event, count);
  }

  /** The epsilon spent, for a delta. */
  spent(delta: number): Bounds {
    return this.#accountant.epsilon(delta);
  }
}

/** A budget that can't be passed. */
export class PrivacyFilter<R extends Relation> {
  readonly budget: PrivacyTarget;
  #accountant: Accountant<R>;

  /**
   * @param accountant what to begin with, usually an accountant of nothing
   * @throws UsageError for a budget out of range, or one that is passed already
   */
  constructor(accountant: Accountant<R>, budget: PrivacyTarget) {
    const epsilon = checkNumber('budget.epsilon', budget.epsilon, 0, Number.MAX_VALUE);
    const delta = checkNumber('budget.delta', budget.delta, 0, 1);
    this.budget = Object.freeze({ epsilon, delta });
    this.#accountant = accountant;
    if (accountant.epsilonBound(delta) > epsilon)
      throw new UsageError('dp.budget', 'the accountant has spent more than the budget already');
  }

  /** The account so far. */
  get accountant(): Accountant<R> {
    return this.#accountant;
  }

  /** Whether `count` more of `event` fit, without recording them. */
  allows(event: PrivacyEvent<R>, count = 1): boolean {
    return this.#accountant.compose(event, count).epsilonBound(this.budget.delta) <= this.budget.epsilon;
  }

  /**
   * Adds an event, or refuses it. Call it before the event's outcome is released.
   *
   * @throws UsageError (`dp.budget`) where the event would pass the budget; nothing was added then.
   */
  spend(event: PrivacyEvent<R>, count = 1): void {
    const next = this.#accountant.compose(event, count);
    if (next.epsilonBound(this.budget.delta) > this.budget.epsilon)
      throw new UsageError('dp.budget', `a ${event.kind} event would pass the privacy budget; nothing was charged`);
    this.#accountant = next;
  }
}
