import { toHex } from '../core/bytes.js';
import { checkOptions, describe } from '../core/check.js';
import { InternalError, PeerError, UsageError } from '../core/errors.js';
import { privacyBudget, refuseTask } from '../dp/ledger/budget.js';
import { eventJson } from '../dp/ledger/entry.js';
import { Ledger } from '../dp/ledger/ledger.js';
import { type LedgerStorage, memoryStorage } from '../dp/ledger/storage.js';
import type { Plan } from '../fl/plan/fields.js';
import { relation, worstEvent } from '../fl/plan/stages/privacy.js';
import type { SessionContext } from '../secagg/context.js';
import type { ClientPolicy } from '../secagg/policy.js';

/** What a client is ready to spend, over all tasks that its ledger knows of. */
export interface ClientBudget {
  readonly epsilon: number;
  readonly delta: number;
  /**
   * Where the client's own ledger is kept; in memory unless given, which forgets with the process. One client has one.
   */
  readonly storage?: LedgerStorage;
  /** Whether noise by the server counts (privacy `central`), which this client can't check; not unless told. */
  readonly trustServer?: boolean;
}

/** Throws `UsageError` for a budget of wrong type or range. */
export function checkBudget(budget: ClientBudget | undefined): void {
  if (budget === undefined) return;
  const { epsilon, delta, storage, trustServer = false } = checkOptions('budget', budget);
  privacyBudget({ epsilon, delta, relation });
  if (storage !== undefined && typeof storage?.open !== 'function')
    throw new UsageError('usage.storage', `budget.storage must be a ledger's storage, got ${describe(storage)}`);
  if (typeof trustServer !== 'boolean')
    throw new UsageError('usage.options', `budget.trustServer must be true or false, got ${describe(trustServer)}`);
}

/**
 * A client's own account: it refuses what would pass its budget before it takes part, and pays before its input leaves.
 */
export class ClientAccount {
  readonly #ledger: Ledger;
  readonly #trustServer: boolean;

  private constructor(ledger: Ledger, trustServer: boolean) {
    this.#ledger = ledger;
    this.#trustServer = trustServer;
  }

  static async open({ epsilon, delta, storage, trustServer }: ClientBudget): Promise<ClientAccount> {
    const budget = privacyBudget({ epsilon, delta, relation });
    return new ClientAccount(await Ledger.open({ storage: storage ?? memoryStorage(), budget }), trustServer === true);
  }

  /**
   * Throws `PeerError` (`budget.none`, `budget.trust`, `budget.colluders`) for a plan that doesn't protect this client
   * as it wants, and `AbortError` (`ledger.exhausted`) if all of the task's rounds would pass the budget.
   */
  refuse(task: string, plan: Plan, { assumptions }: ClientPolicy): void {
    const { privacy, cohort } = plan;
    const event = worstEvent(plan);
    if (privacy.kind === 'none' || event === undefined)
      throw new PeerError(
        'budget.none',
        `the task ${task} adds no noise: nothing bounds what its sums tell of a client`,
      );
    if (privacy.kind === 'central' && !this.#trustServer)
      throw new PeerError(
        'budget.trust',
        `the task ${task} leaves the noise to its server, which this client doesn't trust`,
      );
    const corrupt = Math.floor(assumptions.corrupt * cohort.maxClients);
    if (privacy.kind === 'distributed' && privacy.colluders < corrupt)
      throw new PeerError(
        'budget.colluders',
        `the noise of ${task} allows for ${privacy.colluders} colluders, this client reckons with ${corrupt}`,
      );
    refuseTask(this.#ledger, { task, event, rounds: privacy.budget.rounds });
  }

  /**
   * Pays for what an input of this session will tell, at most. Throws `PeerError` (`budget.replayed`) for a session
   * that was paid for before: another input in it would have its own noise, and the two would tell more than one was
   * paid for. Else as `Ledger.charge`.
   */
  async charge(
    { task, round, session }: Pick<SessionContext, 'task' | 'round' | 'session'>,
    plan: Plan,
  ): Promise<void> {
    const event = worstEvent(plan);
    if (event === undefined) throw new InternalError('budget.event', 'a plan without noise was let in');
    const replayed = (cause?: unknown): PeerError =>
      new PeerError('budget.replayed', `round ${round} of ${task} offers a session again that this client paid for`, {
        cause,
      });
    const charge = { task, round, context: toHex(session), event: eventJson(event) };
    const { repeated } = await this.#ledger.charge(charge).catch((error: unknown) => {
      throw error instanceof UsageError && error.code === 'ledger.conflict' ? replayed(error) : error;
    });
    if (repeated) throw replayed();
  }

  close(): Promise<void> {
    return this.#ledger.close();
  }
}

/**
 * The policy with the floors that the plan's noise is sized for: with fewer survivors there would be too little of it.
 */
export function policyFor(plan: Plan, policy: ClientPolicy): ClientPolicy {
  const { privacy } = plan;
  if (privacy.kind !== 'distributed') return policy;
  return { ...policy, minSurvivors: Math.max(policy.minSurvivors, privacy.minSurvivors) };
}
