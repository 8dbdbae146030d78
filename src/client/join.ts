import { defaultProvider } from '#provider';
import { toHex } from '../core/bytes.js';
import { checkBytes, checkFunction, checkInteger, checkOptions, describe } from '../core/check.js';
import { PeerError, UsageError } from '../core/errors.js';
import type { CryptoProvider } from '../crypto/provider/provider.js';
import type { Plan } from '../fl/plan/fields.js';
import { plainInputCoding } from '../fl/plan/plain-input.js';
import { planBytes } from '../fl/plan/plan.js';
import { ErrorFeedback } from '../fl/plan/stages/error-feedback.js';
import { ClientSession } from '../secagg/client/session.js';
import { checkTaskName } from '../secagg/context.js';
import { checkIdentity, type Identity } from '../secagg/identity.js';
import { encodeHello } from '../secagg/messages/hello.js';
import type { Phase } from '../secagg/phase.js';
import { type ClientPolicy, completePolicy } from '../secagg/policy.js';
import { type Addresses, addressesOf } from './address.js';
import { ClientAccount, type ClientBudget, checkBudget, policyFor } from './budget.js';
import { BufferedRound } from './buffered-round.js';
import { ConnectionEnd, ServerConnection } from './connection.js';
import { ModelCache } from './model-cache.js';
import { type Offered, readOffer } from './offer.js';
import { PlainClientSession } from './plain-session.js';
import { type ClientRound, OfferedRound, type RoundSession } from './round.js';

export interface JoinOptions {
  readonly identity: Identity;
  /** Ed25519 key of the enrolment authority that this client trusts, 32 bytes. Never take it from the server. */
  readonly authority: Uint8Array;
  /** The task to join; the server's only one unless given. */
  readonly task?: string;
  /** Floors that no server can lower; what is left out comes from `defaultPolicy`. */
  readonly policy?: Partial<ClientPolicy>;
  /**
   * What this client is ready to spend: it refuses tasks that would pass it, or that don't protect it at all, and keeps
   * its own account. Unless given it takes part in whatever is offered.
   */
  readonly budget?: ClientBudget;
  /** Whether tasks without masking are joined too, where the server sees each update by itself; not unless told. */
  readonly allowUnmasked?: boolean;
  /**
   * Awaited before each round is asked for: for who can't take part at any time. Meanwhile the server doesn't reckon
   * with this client.
   */
  readonly ready?: () => Promise<unknown>;
  /**
   * Refuses tasks whose schedule is buffered and lets updates be of models that are more versions old than this. 0 has
   * all of a cohort train the same model, as in rounds; unless given any plan will do. See SECURITY.md.
   */
  readonly maxStaleness?: number;
  /** Called, and awaited, before the message of each phase is sent. */
  readonly onPhase?: (phase: Phase, round: ClientRound) => unknown;
  /** Aborting it drops the connection at once, in whatever phase. */
  readonly signal?: AbortSignal;
  readonly provider?: CryptoProvider;
}

/**
 * Joins a server's task and gives its rounds, one after another, until the server has no more or the loop is left:
 *
 *     for await (const round of join('wss://example.org', { identity, authority })) {
 *       await round.submit(await train(round.model), { weight: examples });
 *     }
 *
 * A round that isn't submitted is left when the next is asked for; leaving the loop ends the connection. The same code
 * runs in browsers and in Node.
 *
 * @param url the server's address; `ws:` and `wss:` are the same as `http:` and `https:`
 * @throws UsageError at once, for an option of wrong type or range
 * @throws from the iteration: `AbortError` if the connection can't be made or is lost (`connection.…`) or the model
 *   can't be fetched; `PeerError` for an offer that this client won't take part in (`offer.…`, `model.…`,
 *   `policy.suite`, `policy.threat`, `policy.authority`, `policy.unmasked`, `policy.staleness`, `budget.…`);
 *   `AbortError` (`ledger.…`) where the budget has no room for the task; the reason of `signal`
 */
export function join(url: string | URL, options: JoinOptions): AsyncGenerator<ClientRound, void, undefined> {
  const addresses = addressesOf(url);
  checkOptions('options', options);
  checkBytes('authority', options.authority, 32);
  checkIdentity(options.identity);
  completePolicy(options.policy);
  checkBudget(options.budget);
  const { task, ready, onPhase, allowUnmasked } = options;
  if (task !== undefined) checkTaskName('task', task);
  if (ready !== undefined) checkFunction('ready', ready);
  if (onPhase !== undefined) checkFunction('onPhase', onPhase);
  if (allowUnmasked !== undefined && typeof allowUnmasked !== 'boolean')
    throw new UsageError('usage.type', `allowUnmasked must be true or false, got ${describe(allowUnmasked)}`);
  checkInteger('maxStaleness', options.maxStaleness ?? 0, 0, 2 ** 32);
  const hello = encodeHello({ task: task ?? '' });
  return rounds(addresses, options, hello);
}

async function* rounds(
  { socket, base }: Addresses,
  options: JoinOptions,
  hello: Uint8Array,
): AsyncGenerator<ClientRound, void, undefined> {
  const { signal, task, budget, onPhase = () => undefined, provider = defaultProvider } = options;
  const { ready = async () => undefined } = options;
  const policy = completePolicy(options.policy);
  // Not before connecting: a server ends connections that say nothing.
  await ready();
  const account = budget === undefined ? undefined : await ClientAccount.open(budget);
  const connection = await ServerConnection.open(socket, signal).catch(async (error: unknown) => {
    await account?.close();
    throw error;
  });
  const models = new ModelCache(provider);
  const feedback = new Map<string, ErrorFeedback>();
  /** One for as long as the plan is the same. */
  const feedbackOf = (plan: Plan): ErrorFeedback => {
    const key = toHex(planBytes(plan));
    const kept = feedback.get(key) ?? new ErrorFeedback(plan);
    feedback.clear();
    feedback.set(key, kept);
    return kept;
  };
  let lastRound = 0;
  // Each hello asks for one offer: the server never waits for a client that is busy with something else.
  const ask = async (): Promise<Offered> => {
    const offer = readOffer(await connection.ask(hello), { provider, task, base, lastRound });
    lastRound = offer.context.round;
    return offer;
  };
  const open = (offer: Offered): RoundSession => sessionOf(offer, options, { provider, policy });
  const charge = async ({ context, plan }: Offered): Promise<void> => account?.charge(context, plan);
  try {
    for (let asked = 0; ; asked += 1) {
      if (asked > 0) await connection.meanwhile(ready());
      const offer = await ask();
      const { context, plan } = offer;
      account?.refuse(context.task, plan, policy);
      const session = open(offer);
      try {
        const fetched = await models.get(offer.model, signal).catch(async (error: unknown) => {
          await connection.throwIfEnding();
          throw error;
        });
        const parts = { feedback: feedbackOf(plan), connection, session, plan, fetched, provider, onPhase };
        const round =
          plan.schedule.kind === 'rounds'
            ? new OfferedRound({ ...parts, charge: () => charge(offer) })
            : new BufferedRound({ ...parts, invitation: offer, ask, open, models, abandoned: signal, charge });
        try {
          yield round;
        } finally {
          await round.leave();
        }
      } finally {
        session.abort();
      }
    }
  } catch (error) {
    if (error instanceof ConnectionEnd && error.clean) return;
    throw error;
  } finally {
    connection.close();
    await account?.close();
  }
}

/** A session as the plan wants it. Throws `PeerError` where this client won't have it. */
function sessionOf(
  { context, plan }: Offered,
  { identity, authority, allowUnmasked, maxStaleness }: JoinOptions,
  { provider, policy }: { readonly provider: CryptoProvider; readonly policy: ClientPolicy },
): RoundSession {
  const time = Math.floor(Date.now() / 1000);
  const { schedule } = plan;
  if (schedule.kind === 'buffered' && maxStaleness !== undefined && schedule.maxStaleness > maxStaleness)
    throw new PeerError(
      'policy.staleness',
      `the task takes updates of models that are ${schedule.maxStaleness} versions old, this client allows ${maxStaleness}`,
    );
  if (plan.masking.kind === 'pairwise')
    return new ClientSession({ identity, authority, provider, time, policy: policyFor(plan, policy), context });
  if (allowUnmasked !== true)
    throw new PeerError(
      'policy.unmasked',
      'the task has no masking: its server would see this update by itself; allowUnmasked is for those who want that',
    );
  return new PlainClientSession({ identity, authority, provider, context, coding: plainInputCoding(plan) });
}
