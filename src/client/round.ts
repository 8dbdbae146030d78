import { wipe } from '../core/bytes.js';
import { UsageError } from '../core/errors.js';
import type { CryptoProvider } from '../crypto/provider/provider.js';
import type { Plan } from '../fl/plan/fields.js';
import { clientPipeline, contributionCheck } from '../fl/plan/pipeline.js';
import { valuesLength } from '../fl/plan/shape.js';
import type { ErrorFeedback } from '../fl/plan/stages/error-feedback.js';
import { type LocalExtra, readBroadcast, summedControl } from '../fl/plan/stages/optimizer.js';
import { publicSeed } from '../fl/plan/stages/seed.js';
import type { ClientVersions } from '../fl/plan/stages/staleness.js';
import type { PlainVector } from '../ring/vector.js';
import type { ClientSession, ClientStep } from '../secagg/client/session.js';
import type { Phase } from '../secagg/phase.js';
import { ConnectionEnd, type ServerConnection } from './connection.js';
import type { Inbox } from './inbox.js';
import type { PlainClientSession } from './plain-session.js';

/** What goes with an update; what the plan's optimizer asks for besides, `LocalExtra` says. */
export interface Contribution extends LocalExtra {
  /** What the update counts for in the mean, such as the number of training examples; 1 under uniform weights. */
  readonly weight?: number;
  /** One integer for each of the plan's metrics, by name; the server learns their sums only. */
  readonly metrics?: Readonly<Record<string, number>>;
}

/** How a session ended for a client. */
export type RoundOutcome =
  /** The update is in the sum, with those of `survivors - 1` others. */
  | {
      readonly status: 'summed';
      readonly survivors: number;
      /**
       * Under SCAFFOLD by how much this client's control variate changes now: what was submitted, within the plan's
       * range.
       */
      readonly controlUpdate?: Float32Array;
    }
  /** The server says that there is a sum of `survivors` clients without the update. */
  | { readonly status: 'missed'; readonly survivors: number; readonly sent: boolean }
  /** The server gave the session up, went on without this client, or is gone. */
  | {
      readonly status: 'aborted';
      readonly code: string;
      readonly reason: string;
      /**
       * Whether the masked update had left, here and under `missed`: a server may then have a sum with it, whatever it
       * says, since neighbors' seed shares suffice. Submitting the very same update again, in a round with other
       * clients, could give it the difference of two sums. Where `submit` throws a `PeerError`, take it to have left as
       * well.
       */
      readonly sent: boolean;
    };

/**
 * A round that the server offers: train on `model`, then `submit` what changed. Under a buffered schedule it is a
 * version of the model, which can be trained for as long as it takes.
 */
export interface ClientRound {
  readonly task: string;
  /**
   * From 0; under a buffered schedule the version of the model. The same number can come again, a round whose session
   * failed is tried anew: see `RoundOutcome`.
   */
  readonly round: number;
  /** The global model, in an array of the caller's own. */
  readonly model: Float32Array;
  /** SCAFFOLD's control variate c, as long as the model, where the plan's optimizer is that. */
  readonly control?: Float32Array;
  /** What becomes of an update before it is masked. */
  readonly plan: Plan;
  /** Aborted when the round ends without this client: training can be stopped, and `submit` will say why. */
  readonly signal: AbortSignal;
  /**
   * Takes part in the round's session with an update, one value a dimension of the model (usually: trained minus
   * global). The server gets it masked and only ever learns the sum over the cohort. Under a buffered schedule `submit`
   * waits until enough other clients are ready, and weighs the update by how many versions have passed since; if those
   * are too many it isn't sent, the outcome is `aborted` with the code `async.stale`, and the next round has the
   * current model.
   *
   * @throws UsageError for an update, weight or metric that the plan has no room for, or where its optimizer asks for
   *   something else beside the update; the round can be submitted again
   * @throws PeerError if this client refuses the session: the server broke the protocol, or proposes what the policy
   *   doesn't allow (`policy.…`), or under a buffered schedule offers another task or plan, or versions that aren't
   *   those that it gave this client (`offer.…`, `model.…`). No seed share is revealed any more; the iteration goes on
   *   with the next round.
   * @throws the reason of `options.signal` once that is aborted
   */
  readonly submit: (update: Float32Array, contribution?: Contribution) => Promise<RoundOutcome>;
}

export interface RoundOptions {
  readonly connection: ServerConnection;
  readonly session: RoundSession;
  readonly plan: Plan;
  /** What was fetched: the model, and what comes behind it. */
  readonly fetched: Float32Array;
  readonly provider: CryptoProvider;
  readonly onPhase: (phase: Phase, round: ClientRound) => unknown;
  /** What earlier rounds of this task left unsent. */
  readonly feedback: ErrorFeedback;
  /** Awaited before the input leaves: pays for what it will tell. */
  readonly charge: () => Promise<void>;
  /** In buffers: what was trained, and what it is submitted to. */
  readonly versions?: ClientVersions;
}

/** A masked session, or one in the clear. */
export type RoundSession = ClientSession | PlainClientSession;

/**
 * One round of one client. The session's messages begin when the update is there, so that nobody waits for training but
 * here.
 */
export class OfferedRound implements ClientRound {
  readonly task: string;
  readonly round: number;
  readonly model: Float32Array;
  readonly control?: Float32Array;
  readonly plan: Plan;
  readonly signal: AbortSignal;
  readonly #options: RoundOptions;
  readonly #inbox: Inbox;
  #submission: Promise<RoundOutcome> | undefined;

  constructor(options: RoundOptions) {
    const { connection, session, plan, fetched } = options;
    const { model, control } = readBroadcast(plan, fetched);
    this.task = session.context.task;
    this.round = session.context.round;
    this.model = model;
    if (control !== undefined) this.control = control;
    this.plan = plan;
    this.#options = options;
    const ended = new AbortController();
    this.signal = ended.signal;
    // Before this client has advertised, the server has nothing to say but that the session is over.
    this.#inbox = connection.begin(() => {
      if (this.#submission === undefined) ended.abort();
    });
  }

  async submit(update: Float32Array, given: Contribution = {}): Promise<RoundOutcome> {
    if (this.#submission !== undefined)
      throw new UsageError('usage.order', 'a round takes one update: submit was called before');
    const { feedback, session, versions } = this.#options;
    // A copy: the caller may go on training in the same array.
    const wanted = feedback.add(update);
    // What can't be encoded is found before this client is in a roster, where its dropping out would cost others.
    contributionCheck(this.plan)(wanted, given);
    const contribution = ownCopy(given);
    this.#submission = this.#run(wanted, contribution).then((outcome) => {
      const survived = outcome.status === 'summed';
      const seed = publicSeed(session.context);
      feedback.settle(wanted, { survived, publicSeed: seed, versions });
      const controlUpdate = survived ? summedControl(this.plan, contribution, seed) : undefined;
      return controlUpdate === undefined ? outcome : { ...outcome, controlUpdate };
    });
    return this.#submission;
  }

  /** Ends the round: waits for the submission, or tells the server that there won't be one. */
  async leave(): Promise<void> {
    await leaveRound(this.#options, this.#submission);
  }

  async #run(update: Float32Array, contribution: Contribution): Promise<RoundOutcome> {
    const { connection, session } = this.#options;
    try {
      if (this.#inbox.size === 0) {
        await this.#reach('advertise');
        await connection.send(await session.start());
        if (this.plan.masking.kind === 'none') await this.#submit(update, contribution);
      }
      return await this.#follow(update, contribution);
    } catch (error) {
      if (error instanceof ConnectionEnd) return await this.#lastWord(error);
      await connection.send(session.abort(error)).catch(() => undefined);
      throw error;
    } finally {
      // Wipes whatever is left, however the session ended.
      session.abort();
    }
  }

  async #follow(update: Float32Array, contribution: Contribution): Promise<RoundOutcome> {
    const { connection, session } = this.#options;
    for (;;) {
      const step = await session.receive(await this.#inbox.next());
      switch (step.kind) {
        case 'send':
          await this.#reach(answers[session.state] ?? 'unmask');
          await connection.send(step.message);
          break;
        case 'submit':
          await this.#submit(update, contribution);
          break;
        default:
          return outcomeOf(step, session);
      }
    }
  }

  async #submit(update: Float32Array, contribution: Contribution): Promise<void> {
    await this.#reach('input');
    await this.#options.charge();
    await this.#upload(await this.#encode(update, contribution));
  }

  /** The update as the vector that is masked; what it was drawn from is wiped. */
  async #encode(update: Float32Array, contribution: Contribution): Promise<PlainVector> {
    const { session, provider, plan, versions } = this.#options;
    const rounding = await session.roundingWords(valuesLength(plan));
    const applicationSeeds = session.applicationSeeds();
    try {
      return clientPipeline(plan)(update, {
        ...contribution,
        rounding: () => rounding,
        publicSeed: publicSeed(session.context),
        random: (length) => provider.randomBytes(length),
        applicationSeeds,
        ...(versions === undefined ? {} : { versions }),
      });
    } finally {
      wipe(rounding, ...applicationSeeds);
    }
  }

  /** The connection has ended, but what came before may say how the session did. */
  async #lastWord({ code, message }: ConnectionEnd): Promise<RoundOutcome> {
    const { session } = this.#options;
    while (this.#inbox.size > 0) {
      const step = await session.receive(await this.#inbox.next()).catch(() => undefined);
      if (step?.kind === 'finished' || step?.kind === 'aborted') return outcomeOf(step, session);
    }
    return { status: 'aborted', code, reason: message, sent: session.submitted };
  }

  /** Stops as soon as the server says something: before the upload is whole, that can only be that it won't take it. */
  async #upload(input: PlainVector): Promise<void> {
    const { connection, session } = this.#options;
    const interrupted = (): boolean => this.#inbox.size > 0;
    const messages = await session.submit(input);
    wipe(input.lanes);
    for (const message of messages) {
      if (interrupted()) return;
      await connection.send(message, interrupted);
    }
  }

  /** Says which phase's message comes next; the callback may have ended the connection. */
  async #reach(phase: Phase): Promise<void> {
    await this.#options.onPhase(phase, this);
  }
}

/** Waits for what was submitted, or tells the server that nothing will be. */
export async function leaveRound(
  { connection, session }: Pick<RoundOptions, 'connection' | 'session'>,
  submission: Promise<RoundOutcome> | undefined,
): Promise<void> {
  try {
    if (submission === undefined) await connection.send(session.abort());
    else await submission;
  } catch {
    // `submit` has told its caller; a connection that ended is for the iterator to tell.
  } finally {
    connection.finish();
  }
}

function ownCopy(contribution: Contribution): Contribution {
  const { controlUpdate } = contribution;
  return { ...contribution, ...(controlUpdate === undefined ? {} : { controlUpdate: controlUpdate.slice() }) };
}

function outcomeOf(
  step: Extract<ClientStep, { readonly kind: 'finished' | 'aborted' }>,
  { submitted: sent }: RoundSession,
): RoundOutcome {
  if (step.kind === 'aborted') return { status: 'aborted', code: step.code, reason: step.reason, sent };
  const { survivors } = step;
  return step.survived ? { status: 'summed', survivors } : { status: 'missed', survivors, sent };
}

/** The phase that a client answers on the way into a state. */
const answers: { readonly [state in string]?: Phase } = { shared: 'share', confirmed: 'confirm', revealed: 'unmask' };
