import { createHash } from 'node:crypto';
import { AbortError, InternalError, UsageError } from '../core/errors.js';
import { privacyBudget, spentEpsilon } from '../dp/ledger/budget.js';
import { eventJson, type JsonValue } from '../dp/ledger/entry.js';
import { Ledger } from '../dp/ledger/ledger.js';
import { memoryStorage } from '../dp/ledger/storage.js';
import { epsilonOf, privacyEvent, relation, slack, worstEvent } from '../fl/plan/stages/privacy.js';
import type { Settings, Task } from './options.js';

/** What a round cost the clients in it, as it was charged to the ledger before anything was made of its sums. */
export interface RoundPrivacy {
  readonly kind: 'central' | 'distributed';
  /** Whether the server saw sums without noise, so that its word has to be trusted: so it is with `central`. */
  readonly trustsServer: boolean;
  readonly delta: number;
  /** Epsilon of this round alone, at delta. */
  readonly roundEpsilon: number;
  /** Epsilon of all rounds of the task that the ledger holds, at delta. */
  readonly epsilon: number;
  /** Epsilon that the plan allows all rounds. */
  readonly budget: number;
}

/** One cohort's part in it. */
export interface ReleasedSum {
  readonly session: Uint8Array;
  readonly survivors: number;
}

/**
 * A task's account. Nobody is in two cohorts of a round, so a round costs what the dearest of its cohorts does. What is
 * charged is what a sum is decoded for. A session that came to no sum isn't, though a server that is not honest may
 * know more of it: clients' own accounts pay for that, as they charge the most that an input can tell before it leaves.
 */
export class PrivacyAccount {
  readonly #task: Task;
  readonly #ledger: Ledger;

  private constructor(task: Task, ledger: Ledger) {
    this.#task = task;
    this.#ledger = ledger;
  }

  /**
   * The account of a task with noise; `undefined` without. A ledger in memory is made, and warned of, where none is
   * given. Throws `UsageError` (`usage.ledger`) for a task that is resumed without the ledger that its rounds were
   * charged to.
   */
  static async open(task: Task, { ledger, log }: Settings): Promise<PrivacyAccount | undefined> {
    const { privacy } = task.plan;
    if (privacy.kind === 'none') return undefined;
    if (privacy.kind === 'central')
      log({
        level: 'warn',
        event: 'privacy.trusted',
        message: 'privacy is central: this server sees sums without noise, and clients have to trust it with them',
      });
    refuseForgotten(task, ledger);
    if (ledger !== undefined) return new PrivacyAccount(task, ledger);
    log({
      level: 'warn',
      event: 'ledger.memory',
      message:
        'the privacy ledger is in memory and ends with this process: give the option ledger to keep what was spent',
    });
    const { epsilon, delta } = privacy.budget;
    const budget = privacyBudget({ epsilon: epsilon * (1 + slack), delta, relation, scope: 'task' });
    return new PrivacyAccount(task, await Ledger.open({ storage: memoryStorage(), budget }));
  }

  /**
   * Throws `AbortError` (`ledger.exhausted`) if one more round, at its dearest, passes the budget of plan or ledger.
   */
  refuseBeyondBudget(): void {
    const { plan, name } = this.#task;
    const event = worstEvent(plan);
    if (event === undefined) return;
    this.#ledger.refuseBeyondBudget(name, [eventJson(event)]);
    const { budget, delta } = this.#terms();
    const epsilon = this.#spent([eventJson(event)], delta);
    if (epsilon > budget * (1 + slack))
      throw new AbortError(
        'ledger.exhausted',
        `another round of ${name} could come to epsilon ${epsilon.toPrecision(4)}, the plan's budget is ${budget}`,
      );
  }

  /**
   * Charges what these sums tell, by the survivors that they really have; resolves once that is durable. Throws as
   * `Ledger.charge`.
   */
  async charge(round: number, sums: readonly ReleasedSum[]): Promise<RoundPrivacy> {
    const { plan, name } = this.#task;
    const { budget, delta, kind } = this.#terms();
    const event = privacyEvent(
      plan,
      sums.map(({ survivors }) => survivors),
    );
    if (event === undefined) throw new InternalError('privacy.event', 'a round without noise was to be charged');
    const context = createHash('sha256');
    for (const { session } of sums) context.update(session);
    await this.#ledger.charge({ task: name, round, context: context.digest('hex'), event: eventJson(event) });
    return {
      kind,
      trustsServer: kind === 'central',
      delta,
      roundEpsilon: epsilonOf(event, { delta, rounds: 1 }),
      epsilon: this.#spent([], delta),
      budget,
    };
  }

  #spent(further: readonly JsonValue[], delta: number): number {
    return spentEpsilon([...this.#ledger.events(this.#task.name), ...further], { delta, relation }).upper;
  }

  #terms(): { readonly budget: number; readonly delta: number; readonly kind: 'central' | 'distributed' } {
    const { privacy } = this.#task.plan;
    if (privacy.kind === 'none') throw new InternalError('privacy.none', 'a task without noise has no account');
    return { budget: privacy.budget.epsilon, delta: privacy.budget.delta, kind: privacy.kind };
  }
}

/**
 * Throws `UsageError` (`usage.ledger`) if a checkpoint has rounds that the ledger knows nothing of: what they cost
 * would be forgotten.
 */
function refuseForgotten({ name, checkpoint }: Task, ledger: Ledger | undefined): void {
  const charged = new Set(ledger?.charges.flatMap(({ task, round }) => (task === name ? [round] : [])));
  const done = checkpoint?.rounds ?? 0;
  for (let round = 0; round < done; round += 1)
    if (!charged.has(round))
      throw new UsageError(
        'usage.ledger',
        `the checkpoint has ${done} rounds of ${name}, and ${ledger === undefined ? 'no ledger is given' : `the ledger has no charge for round ${round}`}: ` +
          'give the ledger that they were charged to',
      );
}
