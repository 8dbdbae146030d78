import { randomBytes } from 'node:crypto';
import { defaultProvider } from '#provider';
import { toHex, wipe } from '../core/bytes.js';
import { AbortError, PeerError, VeilsumError } from '../core/errors.js';
import type { OptimizerState } from '../fl/optimizers/state.js';
import { type ServerPipeline, serverPipeline } from '../fl/plan/pipeline.js';
import { plainInputCoding } from '../fl/plan/plain-input.js';
import { planBytes } from '../fl/plan/plan.js';
import { releaseAt, ringShape } from '../fl/plan/shape.js';
import { encodeCheckpoint } from '../fl/plan/stages/checkpoint.js';
import { publicSeed } from '../fl/plan/stages/seed.js';
import type { Aggregate } from '../fl/plan/stages/stage.js';
import type { PlainVector } from '../ring/vector.js';
import { SuspicionScores } from '../robust/suspicion.js';
import type { SessionContext } from '../secagg/context.js';
import { encodeOffer } from '../secagg/messages/offer.js';
import { ServerSession } from '../secagg/server/session.js';
import { Cohort, type CohortResult } from './cohort.js';
import type { Connection } from './connection.js';
import type { Gateway } from './gateway.js';
import { deal, roundCancelled, shuffledBy } from './lobby.js';
import type { ModelStore, PublishedModel } from './models.js';
import { checkModel, phasesOf, type Settings, type Task } from './options.js';
import { PlainSession } from './plain-session.js';
import type { MaskPool } from './pool.js';
import type { PrivacyAccount } from './privacy.js';
import { type CohortFailure, type RoundResult, reportOf } from './round-result.js';

export interface RoundRunnerOptions {
  readonly task: Task;
  readonly settings: Settings;
  readonly gateway: Gateway;
  readonly models: ModelStore;
  readonly pool: MaskPool;
  /** Where the plan has noise. */
  readonly account: PrivacyAccount | undefined;
}

/** What a round begins with, where that isn't simply the model of the round before. */
export interface RoundStart {
  /** The plan's `vector.dimension` finite values. */
  readonly model: Float32Array;
  /** Aborting it gives the round up: its sessions end without a sum. */
  readonly signal?: AbortSignal;
}

/** What sessions are run for. */
export interface Attempt {
  readonly round: number;
  readonly signal?: AbortSignal | undefined;
  readonly published: PublishedModel;
  /** Where failures are noted. */
  readonly failures: CohortFailure[];
}

/**
 * What the rule or the mean takes: a decoded sum, or `undefined` where a client must have broken the plan, and who is
 * in it.
 */
interface Judged {
  readonly aggregate: Aggregate | undefined;
  readonly clients: readonly string[];
}

/** A session that came to a sum, which nobody has decoded yet. */
export interface Summed {
  readonly attempt: Attempt;
  readonly session: Uint8Array;
  readonly outcome: CohortResult;
}

/** Who is summed together. */
export interface CohortMembers {
  readonly members: readonly Connection[];
  /** As in `CohortOptions`. */
  readonly claim: (identity: string) => void;
}

/** What sums come to, before it is the server's new model. */
export type Concluded = Omit<
  RoundResult,
  'model' | 'seconds' | 'failures' | 'checkpoint' | 'suspicions' | 'cohortSeed'
> & {
  readonly next: Float64Array;
  readonly state: OptimizerState;
};

/**
 * Runs a task's rounds: gathers clients, deals them out to cohorts, and adds up what those come to. `BufferedRunner`
 * has the parts that don't depend on when clients come.
 */
export class RoundRunner {
  readonly #options: RoundRunnerOptions;
  readonly #pipeline: ServerPipeline;
  readonly #plan: Uint8Array;
  /** Where the task was begun or resumed. */
  readonly firstRound: number;
  readonly #running = new Map<Cohort, Promise<unknown>>();
  /** In doubles: in single precision small changes would be lost. */
  #model: Float64Array;
  #state: OptimizerState;
  readonly #suspicions = new SuspicionScores();
  #cancelled: AbortError | undefined;

  constructor(options: RoundRunnerOptions) {
    this.#options = options;
    this.#pipeline = serverPipeline(options.task.plan);
    this.#plan = planBytes(options.task.plan);
    const { checkpoint, model } = options.task;
    const { optimizer } = this.#pipeline;
    this.#model = checkpoint?.model ?? Float64Array.from(model);
    this.#state = checkpoint === undefined ? optimizer.initialState() : optimizer.decodeState(checkpoint.optimizer);
    this.firstRound = checkpoint?.rounds ?? 0;
  }

  /**
   * One round, on the model of `start` if there is one. A cohort that aborts is left out; if all do, the round is tried
   * again with whoever asks for a session then. Throws `AbortError`: `round.failed` after too many attempts,
   * `session.cancelled` after `cancel`, `round.cancelled` by the start's signal, `ledger.exhausted` where the privacy
   * budget has no room for another attempt.
   */
  async run(round: number, start?: RoundStart): Promise<RoundResult> {
    const { settings, models, account, task } = this.#options;
    if (start !== undefined) this.#model = Float64Array.from(checkModel(start.model, task.plan.vector.dimension));
    const signal = start?.signal;
    const failures: CohortFailure[] = [];
    let since: number | undefined;
    for (let attempt = 0; attempt <= settings.retries; attempt += 1) {
      account?.refuseBeyondBudget();
      const published = models.publish(this.#pipeline.broadcast(this.#model, this.#state));
      const members = await this.#gather(signal);
      since ??= performance.now();
      const result = await this.#attempt({ round, signal, published, failures }, members);
      this.throwIfCancelled();
      if (result !== undefined) return { ...this.accept(result, since), cohortSeed: result.cohortSeed, failures };
      if (signal?.aborted === true) throw roundCancelled();
    }
    const last = failures.at(-1);
    throw new AbortError(
      'round.failed',
      `round ${round} failed ${settings.retries + 1} times, the last time with ${last?.code}: ${last?.reason}`,
    );
  }

  /** The model that updates go into. */
  get model(): Float32Array {
    return Float32Array.from(this.#model);
  }

  throwIfCancelled(): void {
    if (this.#cancelled !== undefined) throw this.#cancelled;
  }

  /** Makes what sums came to the server's model; `since`, in milliseconds, is when work on them began. */
  accept(concluded: Concluded, since: number): Omit<RoundResult, 'cohortSeed' | 'failures'> {
    const { next, state, ...rest } = concluded;
    this.#model = next;
    this.#state = state;
    return {
      ...rest,
      ...this.#suspect(rest),
      model: Float32Array.from(next),
      seconds: (performance.now() - since) / 1000,
      checkpoint: () => this.#checkpoint(rest.round, next, state),
    };
  }

  /** Ends the sessions under way; waits, but not for long, until their clients have been told. */
  async cancel(error: AbortError, patience: number): Promise<void> {
    this.#cancelled ??= error;
    for (const cohort of this.#running.keys()) cohort.cancel(error);
    const ended = Promise.allSettled(this.#running.values());
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise((resolve) => {
      timer = setTimeout(resolve, patience);
    });
    await Promise.race([ended, late]);
    clearTimeout(timer);
  }

  #gather(signal: AbortSignal | undefined): Promise<readonly Connection[]> {
    const { task, settings, gateway } = this.#options;
    const { clients, cohorts } = task;
    return gateway.lobby.gather({
      min: cohorts * clients.min,
      max: cohorts * clients.max,
      patience: settings.gather,
      signal,
    });
  }

  #checkpoint(round: number, model: Float64Array, state: OptimizerState): Uint8Array {
    const { planHash } = this.#options.task;
    const optimizer = this.#pipeline.optimizer.encodeState(state);
    return encodeCheckpoint({ planHash, rounds: round + 1, model: Float64Array.from(model), optimizer });
  }

  async #attempt(
    attempt: Attempt,
    members: readonly Connection[],
  ): Promise<(Concluded & { readonly cohortSeed: string }) | undefined> {
    // Drawn once the members are known, so that nobody can choose whom to be summed with.
    const seed = new Uint8Array(randomBytes(32));
    const cohorts = deal(shuffledBy(seed, members), this.#options.task.cohorts);
    const where = new Map<string, number>();
    const settled = await Promise.all(
      cohorts.map((dealt, i) =>
        this.cohort(attempt, { members: dealt, claim: (identity) => claim(where, identity, i) }),
      ),
    );
    const summed = settled.filter((cohort) => cohort !== undefined);
    const concluded = await this.conclude(attempt, summed);
    return concluded && { ...concluded, cohortSeed: toHex(seed) };
  }

  /**
   * Charges for sums, decodes them and takes them through the plan's server side; `undefined` if nothing comes of them.
   */
  async conclude(
    { round, failures }: Omit<Attempt, 'published'>,
    summed: readonly Summed[],
  ): Promise<Concluded | undefined> {
    if (summed.length === 0) return undefined;
    // Paid before anyone looks at a sum.
    const privacy = await this.#options.account?.charge(
      round,
      summed.map(({ session, outcome }) => ({ session, survivors: outcome.result.survivors.length })),
    );
    try {
      const combined = this.#combine(round, summed);
      return combined && { ...combined, ...(privacy === undefined ? {} : { privacy }) };
    } catch (error) {
      failures.push(this.#failure(round, error));
      return undefined;
    }
  }

  /** Decodes the sums and takes them through the plan's server side; `undefined` if none could be decoded. */
  #combine(round: number, summed: readonly Summed[]): Omit<Concluded, 'privacy'> | undefined {
    const decoded = summed.flatMap((each) => this.#judge(round, each));
    const whole = decoded.flatMap(({ aggregate, clients }) =>
      aggregate === undefined ? [] : [{ aggregate, clients }],
    );
    if (whole.length === 0) return undefined;
    const broken = decoded.filter(({ aggregate }) => aggregate === undefined);
    const { mean, survivors, verdicts, ...combined } = this.#pipeline.combine(
      whole.map(({ aggregate }) => aggregate),
      { broken: broken.length, seed: new Uint8Array(randomBytes(32)) },
    );
    const step = this.#pipeline.optimizer.step({ model: this.#model, mean, survivors, state: this.#state });
    const judged = [...whole, ...broken].map(({ clients }) => clients);
    return {
      ...combined,
      mean,
      round,
      next: step.model,
      state: step.state,
      cohorts: summed.map(({ outcome }) => reportOf(outcome)),
      ...(verdicts === undefined ? {} : { verdicts, judged }),
    };
  }

  /** What the plan's rule or mean takes of one session: its sum, or each input where there is a rule over clients. */
  #judge(round: number, { attempt, outcome }: Summed): readonly Judged[] {
    const { result, identities } = outcome;
    const aged = (aggregate: Aggregate | undefined): Aggregate | undefined =>
      aggregate && this.#pipeline.weigh(aggregate, { formed: attempt.round, current: round });
    const { combine } = this.#options.task.plan;
    if (combine.kind === 'robust' && combine.over === 'clients' && 'inputs' in result)
      return [...result.inputs.values()].map((input, i) => ({
        aggregate: aged(this.#decode(attempt, input, [new Map()])),
        clients: identities.slice(i, i + 1),
      }));
    const seeds = result.survivors.map((peer) => result.applicationSeeds.get(peer) ?? new Map<number, Uint8Array>());
    return [{ aggregate: aged(this.#decode(attempt, result.sum, seeds)), clients: identities }];
  }

  /** A sum decoded, or `undefined` if a client must have broken the plan. */
  #decode(
    { round, published, failures }: Attempt,
    sum: PlainVector,
    applicationSeeds: readonly ReadonlyMap<number, Uint8Array>[],
  ): Aggregate | undefined {
    const { planHash } = this.#options.task;
    try {
      return this.#pipeline.decode(sum, applicationSeeds.length, {
        publicSeed: publicSeed({ planHash, modelHash: published.hash, round }),
        random: (length) => new Uint8Array(randomBytes(length)),
        applicationSeeds,
      });
    } catch (error) {
      if (!(error instanceof PeerError)) throw error;
      failures.push(this.#failure(round, error));
      return undefined;
    }
  }

  /** Remembers a round's verdicts, and says what all of them come to. */
  #suspect({ judged, verdicts }: Pick<RoundResult, 'judged' | 'verdicts'>): Pick<RoundResult, 'suspicions'> {
    if (judged === undefined || verdicts === undefined) return {};
    this.#suspicions.add({ cohorts: judged, kept: verdicts.map(({ kept }) => kept) });
    return { suspicions: this.#suspicions.scores() };
  }

  /** One cohort's session, or `undefined` if it failed. */
  async cohort(attempt: Attempt, own: CohortMembers): Promise<Summed | undefined> {
    const session = new Uint8Array(randomBytes(32));
    const cohort = await this.#open(attempt, { ...own, session });
    const run = cohort.run();
    for (const member of own.members) if (!this.#options.gateway.seat(member, cohort)) void cohort.leave(member);
    this.#running.set(cohort, run);
    if (this.#cancelled !== undefined) cohort.cancel(this.#cancelled);
    const { signal } = attempt;
    const giveUp = (): void => cohort.cancel(roundCancelled());
    signal?.addEventListener('abort', giveUp);
    if (signal?.aborted === true) giveUp();
    try {
      return { attempt, session, outcome: await run };
    } catch (error) {
      attempt.failures.push(this.#failure(attempt.round, error));
      return undefined;
    } finally {
      signal?.removeEventListener('abort', giveUp);
      this.#running.delete(cohort);
    }
  }

  /** What a session is about. */
  async #context({ round, published }: Attempt, session: Uint8Array, privateKey: Uint8Array): Promise<SessionContext> {
    const { task, settings } = this.#options;
    const { bits, length } = ringShape(task.plan);
    return {
      suite: task.suite,
      threat: task.assumptions.threat,
      task: task.name,
      round,
      session,
      planHash: task.planHash,
      modelHash: published.hash,
      vectorLength: length,
      ringBits: bits,
      maxClients: task.plan.cohort.maxClients,
      authority: settings.authority,
      serverKey: await defaultProvider.agreementPublicKey(privateKey),
      releaseAt: releaseAt(task.plan),
    };
  }

  /** An offer that hands out a model, of a session that won't be. */
  async invitation(attempt: Attempt): Promise<Uint8Array> {
    const [session, privateKey] = [new Uint8Array(randomBytes(32)), new Uint8Array(randomBytes(32))];
    const context = await this.#context(attempt, session, privateKey);
    wipe(privateKey);
    return encodeOffer({ context, plan: this.#plan, model: attempt.published.reference });
  }

  async #open(
    attempt: Attempt,
    { members, session, claim }: CohortMembers & { readonly session: Uint8Array },
  ): Promise<Cohort> {
    const { task, settings, gateway, pool } = this.#options;
    const privateKey = new Uint8Array(randomBytes(32));
    const context = await this.#context(attempt, session, privateKey);
    const time = Math.floor(Date.now() / 1000);
    const { minSurvivors, assumptions, clients, plan } = task;
    const { uploadBudget } = settings;
    if (plan.masking.kind !== 'none') void pool.expect(members.length, context);
    const protocol =
      plan.masking.kind === 'none'
        ? new PlainSession({
            context,
            coding: plainInputCoding(plan),
            privateKey,
            time,
            minSurvivors,
            uploadBudget,
            peers: members.map(({ id }) => id),
          })
        : new ServerSession({
            context,
            privateKey,
            assumptions,
            time,
            minClients: clients.min,
            minSurvivors,
            uploadBudget,
            removeMasks: (removal) => pool.removeMasks(removal),
          });
    return new Cohort({
      session: protocol,
      members,
      claim,
      ...phasesOf(plan, settings.deadlines),
      offer: encodeOffer({ context, plan: this.#plan, model: attempt.published.reference }),
      uploadStall: settings.uploadStall,
      log: settings.log,
      release: (connection) => gateway.release(connection),
    });
  }

  #failure(round: number, error: unknown): CohortFailure {
    const known = error instanceof VeilsumError;
    const failure = { code: known ? error.code : 'server.failed', reason: known ? error.message : String(error) };
    this.#options.settings.log({
      level: known ? 'warn' : 'error',
      event: 'cohort.failed',
      message: `round ${round}: ${failure.code}: ${failure.reason}`,
    });
    return failure;
  }
}

/** Throws `PeerError` (`advertise.elsewhere`) if the client is in another cohort of its round. */
function claim(where: Map<string, number>, identity: string, cohort: number): void {
  const other = where.get(identity);
  if (other !== undefined && other !== cohort)
    throw new PeerError('advertise.elsewhere', 'the client is in another cohort of this round');
  where.set(identity, cohort);
}
