/** What a ledger's charges come to, and a client's own limit on it. */
import { checkChoice, checkInteger, checkNumber, describe } from '../../core/check.js';
import { UsageError } from '../../core/errors.js';
import type { Bounds } from '../accounting/accountant.js';
import { bestEpsilon, type CountedEvent } from '../accounting/best.js';
import type { PrivacyEvent } from '../events/event.js';
import { parseEvent } from '../events/parse.js';
import { checkRelation, type Relation } from '../neighboring.js';
import { canonicalJson, eventJson, type JsonValue } from './entry.js';
import type { Budget, Ledger } from './ledger.js';

/** A limit on what a ledger may hold. */
export interface BudgetOptions {
  /** Most epsilon at `delta`, above 0. */
  readonly epsilon: number;
  /** From 0 to 1, without both. */
  readonly delta: number;
  /** Of every event in the ledger; `addOrRemoveOne` unless told. */
  readonly relation?: Relation;
  /** Whether all that the ledger holds is to stay below, or each task alone; the ledger unless told. */
  readonly scope?: 'ledger' | 'task';
}

/**
 * A ledger's budget in terms of privacy events: charges are added up by whichever accountant proves the least.
 *
 * @throws UsageError `usage.range`, `usage.choice`; when it is used, as `spentEpsilon`
 */
export function privacyBudget(options: BudgetOptions): Budget {
  const epsilon = checkNumber('epsilon', options.epsilon, Number.MIN_VALUE, Number.MAX_VALUE);
  const delta = checkNumber('delta', options.delta, Number.MIN_VALUE, 1 - 2 ** -53);
  const relation = checkRelation(options.relation ?? 'addOrRemoveOne');
  const scope = checkChoice('scope', options.scope ?? 'ledger', ['ledger', 'task'] as const);
  return { epsilon, scope, accountant: (events) => spentEpsilon(events, { delta, relation }).upper };
}

/**
 * Epsilon of charged events together.
 *
 * @throws UsageError `dp.event` for what is no event, `dp.relation` for one of another relation, `dp.unsupported` where
 *   no accountant has a bound
 */
export function spentEpsilon(
  events: readonly JsonValue[],
  options: { readonly delta: number; readonly relation: Relation },
): Bounds {
  // A task charges the same event round after round.
  const counts = new Map<string, { readonly event: PrivacyEvent; count: number }>();
  for (const value of events) {
    const text = canonicalJson(value);
    const known = counts.get(text);
    if (known === undefined) counts.set(text, { event: parseEvent(value), count: 1 });
    else known.count += 1;
  }
  return bestEpsilon<Relation>({ ...options, events: [...counts.values()] satisfies readonly CountedEvent[] });
}

/** A task as a server offers it: what each of its rounds costs, and how many there are to be. */
export interface LedgerTask {
  /** Its name, as charges name it. */
  readonly task: string;
  /** What one round costs, at most. */
  readonly event: PrivacyEvent;
  /** All rounds, those that were charged already included: from 1 up. */
  readonly rounds: number;
}

/**
 * For a client, before it takes part in a task: refuses it if the rounds still to come would pass the budget that the
 * ledger was opened with. Rounds that were charged before are spent, whatever they cost, and don't come again. Charges
 * nothing: each round is charged before its input leaves.
 *
 * @throws AbortError `ledger.exhausted` if the budget would be passed; UsageError `usage.range`, `dp.event`,
 *   `dp.relation`
 */
export function refuseTask(ledger: Ledger, { task, event, rounds }: LedgerTask): void {
  if (typeof task !== 'string') throw new UsageError('usage.task', `task must be a name, got ${describe(task)}`);
  const checked = parseEvent(event);
  const all = checkInteger('rounds', rounds, 1, 2 ** 32);
  const charged = new Set(ledger.charges.filter((charge) => charge.task === task).map(({ round }) => round)).size;
  const left = Math.max(0, all - charged);
  const planned = { kind: 'selfComposed', relation: checked.relation, count: left, event: checked };
  ledger.refuseBeyondBudget(task, [eventJson(planned)]);
}
