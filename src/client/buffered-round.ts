import { equalBytes } from '../core/bytes.js';
import { AbortError, PeerError, UsageError } from '../core/errors.js';
import type { Plan } from '../fl/plan/fields.js';
import { contributionCheck } from '../fl/plan/pipeline.js';
import { type ClientVersions, staleWeight } from '../fl/plan/stages/staleness.js';
import { ConnectionEnd } from './connection.js';
import type { ModelCache } from './model-cache.js';
import type { Offered } from './offer.js';
import {
  type ClientRound,
  type Contribution,
  leaveRound,
  OfferedRound,
  type RoundOptions,
  type RoundOutcome,
  type RoundSession,
} from './round.js';

export interface BufferedRoundOptions extends Omit<RoundOptions, 'versions' | 'charge'> {
  /** What brought the model. */
  readonly invitation: Offered;
  /** Asks for a session, and waits for its offer. */
  readonly ask: () => Promise<Offered>;
  /** A session as this client wants it. Throws `PeerError`. */
  readonly open: (offer: Offered) => RoundSession;
  readonly models: ModelCache;
  readonly abandoned: AbortSignal | undefined;
  readonly charge: (offer: Offered) => Promise<void>;
}

/** Bytes of a model's hash. */
const hashLength = 32;

/**
 * A version of the model to train, under a buffered schedule. The offer that brought it is of a session that won't be:
 * the client asks for one when its update is there, and gets it as soon as enough others have.
 */
export class BufferedRound implements ClientRound {
  readonly task: string;
  readonly round: number;
  readonly model: Float32Array;
  readonly plan: Plan;
  readonly signal: AbortSignal;
  readonly #options: BufferedRoundOptions;
  #submission: Promise<RoundOutcome> | undefined;

  constructor(options: BufferedRoundOptions) {
    const { connection, session, plan, fetched } = options;
    this.task = session.context.task;
    this.round = session.context.round;
    this.model = fetched;
    this.plan = plan;
    this.#options = options;
    const ended = new AbortController();
    this.signal = ended.signal;
    // Until it is asked for a session, the server has nothing to say but goodbye.
    connection.begin(() => {
      if (this.#submission === undefined) ended.abort();
    });
  }

  async submit(update: Float32Array, contribution: Contribution = {}): Promise<RoundOutcome> {
    if (this.#submission !== undefined)
      throw new UsageError('usage.order', 'a round takes one update: submit was called before');
    // Before anybody waits for this client.
    contributionCheck(this.plan)(this.#options.feedback.add(update), contribution);
    this.#submission = this.#submit(update.slice(), { ...contribution });
    return this.#submission;
  }

  /** As `OfferedRound.leave`. */
  async leave(): Promise<void> {
    await leaveRound(this.#options, this.#submission);
  }

  async #submit(update: Float32Array, contribution: Contribution): Promise<RoundOutcome> {
    try {
      return await (await this.#join()).submit(update, contribution);
    } catch (error) {
      if (error instanceof ConnectionEnd || (error instanceof AbortError && error.code === 'async.stale'))
        return { status: 'aborted', code: error.code, reason: error.message, sent: false };
      throw error;
    }
  }

  /** A session that the update can go into. */
  async #join(): Promise<OfferedRound> {
    const { ask, open, charge, ...options } = this.#options;
    const offer = await ask();
    const session = open(offer);
    try {
      const versions = await this.#versions(offer);
      return new OfferedRound({
        ...options,
        session,
        versions,
        onPhase: (phase) => options.onPhase(phase, this),
        charge: () => charge(offer),
      });
    } catch (error) {
      await options.connection.send(session.abort(error)).catch(() => undefined);
      throw error;
    }
  }

  /**
   * Which version was trained and at which the session's cohort was formed; all of the cohort are bound to the same
   * list of models. Throws `PeerError` (`offer.task`, `offer.plan`, `offer.history`, and as `ModelCache.get`),
   * `AbortError` (`async.stale`).
   */
  async #versions({ context, model }: Offered): Promise<ClientVersions> {
    const { invitation, models, abandoned, plan } = this.#options;
    const trained = invitation.context;
    if (context.task !== trained.task)
      throw new PeerError('offer.task', `the model is of the task ${trained.task}, the session of ${context.task}`);
    if (!equalBytes(context.planHash, trained.planHash))
      throw new PeerError('offer.plan', 'the session has another plan than the model came with');
    const versions = { trained: trained.round, formed: context.round };
    staleWeight(plan, versions);
    const length = plan.schedule.kind === 'buffered' ? hashLength * (plan.schedule.maxStaleness + 1) : 0;
    const history = await models.fetch(model, length, abandoned);
    const at = hashLength * (versions.formed - versions.trained);
    if (!equalBytes(history.subarray(at, at + hashLength), trained.modelHash))
      throw new PeerError(
        'offer.history',
        `the session's version ${versions.trained} is another model than the one that was trained`,
      );
    return versions;
  }
}
