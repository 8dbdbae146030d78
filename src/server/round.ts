import { randomBytes } from 'node:crypto';
import { defaultProvider } from '#provider';
import { toHex } from '../core/bytes.js';
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
import { deal, shuffledBy } from './lobby.js';
import type { ModelStore, PublishedModel } from './models.js';
import { type Settings, schedule, type Task } from './options.js';
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

interface Attempt {
  readonly round: number;
  readonly published: PublishedModel;
  readonly failures: CohortFailure[];
}

/** What the rule or the mean takes: a decoded sum, or `undefined` where a client must have broken the plan, and who is in it. */
interface Judged {
  readonly aggregate: Aggregate | undefined;
  readonly clients: readonly string[];
}

/** A session that came to a sum, which nobody has decoded yet. */
interface Summed {
  readonly session: Uint8Array;
  readonly outcome: CohortResult;
}

/** Who is summed together. */
interface Group {
  readonly members: readonly Connection[];
  /** 32 bytes that name their session. */
  readonly session: Uint8Array;
  readonly identities: Map<string, Cohort>;
}

/** What an attempt comes to, before it is the server's new model. */
type Attempted = Omit<RoundResult, 'model' | 'seconds' | 'failures' | 'checkpoint' | 'suspicions'> & {
  readonly next: Float64Array;
  readonly state: OptimizerState;
};

/** Runs a task's rounds: gathers clients, deals them out to cohorts, and adds up what those come to. */
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
   * One round. A cohort that aborts is left out; if all do, the round is tried again with whoever asks for a session then.
   * Throws `AbortError`: `round.failed` after too many attempts, `session.cancelled` after `cancel`, `ledger.exhausted` where the privacy
   * budget has no room for another attempt.
   */
  async run(round: number): Promise<RoundResult> {
    const { settings, models, account } = this.#options;
    const failures: CohortFailure[] = [];
    let since: number | undefined;
    for (let attempt = 0; attempt <= settings.retries; attempt += 1) {
      account?.refuseBeyondBudget();
      const published = models.publish(Float32Array.from(this.#model));
      const members = await this.#gather();
      since ??= performance.now();
      const result = await this.#attempt({ round, published, failures }, members);
      if (this.#cancelled !== undefined) throw this.#cancelled;
      if (result === undefined) continue;
      const { next, state, ...rest } = result;
      this.#model = next;
      this.#state = state;
      return {
        ...rest,
        ...this.#suspect(rest),
        model: Float32Array.from(next),
        failures,
        seconds: (performance.now() - since) / 1000,
        checkpoint: () => this.#checkpoint(round, next, state),
      };
    }
    const last = failures.at(-1);
    throw new AbortError(
      'round.failed',
      `round ${round} failed ${settings.retries + 1} times, the last time with ${last?.code}: ${last?.reason}`,
    );
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

  #gather(): Promise<readonly Connection[]> {
    const { task, settings, gateway } = this.#options;
    const { clients, cohorts } = task;
    return gateway.lobby.gather({
      min: cohorts * clients.min,
      max: cohorts * clients.max,
      patience: settings.gather,
    });
  }

  #checkpoint(round: number, model: Float64Array, state: OptimizerState): Uint8Array {
    const { planHash } = this.#options.task;
    const optimizer = this.#pipeline.optimizer.encodeState(state);
    return encodeCheckpoint({ planHash, rounds: round + 1, model: Float64Array.from(model), optimizer });
  }

  async #attempt(attempt: Attempt, members: readonly Connection[]): Promise<Attempted | undefined> {
    // Drawn once the members are known, so that nobody can choose whom to be summed with.
    const seed = new Uint8Array(randomBytes(32));
    const groups = deal(shuffledBy(seed, members), this.#options.task.cohorts);
    const identities = new Map<string, Cohort>();
    const settled = await Promise.all(groups.map((group) => this.#cohort(attempt, group, identities)));
    const summed = settled.filter((cohort) => cohort !== undefined);
    if (summed.length === 0) return undefined;
    // Paid before anyone looks at a sum.
    const privacy = await this.#options.account?.charge(
      attempt.round,
      summed.map(({ session, outcome }) => ({ session, survivors: outcome.result.survivors.length })),
    );
    try {
      const combined = this.#combine(attempt, summed);
      return combined && { ...combined, grouping: toHex(seed), ...(privacy === undefined ? {} : { privacy }) };
    } catch (error) {
      attempt.failures.push(this.#failure(attempt.round, error));
      return undefined;
    }
  }

  /** Decodes the sums and takes them through the plan's server side; `undefined` if none could be decoded. */
  #combine(attempt: Attempt, summed: readonly Summed[]): Omit<Attempted, 'privacy' | 'grouping'> | undefined {
    const decoded = summed.flatMap((each) => this.#judge(attempt, each));
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
      round: attempt.round,
      next: step.model,
      state: step.state,
      cohorts: summed.map(({ outcome }) => reportOf(outcome)),
      ...(verdicts === undefined ? {} : { verdicts, judged }),
    };
  }

  /** What the plan's rule or mean takes of one session: its sum, or each input where there is a rule over clients. */
  #judge(attempt: Attempt, { outcome }: Summed): readonly Judged[] {
    const { result, identities } = outcome;
    const { combine } = this.#options.task.plan;
    if (combine.kind === 'robust' && combine.over === 'clients' && 'inputs' in result)
      return [...result.inputs.values()].map((input, i) => ({
        aggregate: this.#decode(attempt, input, [new Map()]),
        clients: identities.slice(i, i + 1),
      }));
    const seeds = result.survivors.map((peer) => result.applicationSeeds.get(peer) ?? new Map<number, Uint8Array>());
    return [{ aggregate: this.#decode(attempt, result.sum, seeds), clients: identities }];
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
  async #cohort(
    attempt: Attempt,
    members: readonly Connection[],
    identities: Map<string, Cohort>,
  ): Promise<Summed | undefined> {
    const session = new Uint8Array(randomBytes(32));
    const cohort = await this.#open(attempt, { members, session, identities });
    for (const member of members) this.#options.gateway.seat(member, cohort);
    const run = cohort.run();
    this.#running.set(cohort, run);
    try {
      return { session, outcome: await run };
    } catch (error) {
      attempt.failures.push(this.#failure(attempt.round, error));
      return undefined;
    } finally {
      this.#running.delete(cohort);
    }
  }

  async #open({ round, published }: Attempt, { members, session, identities }: Group): Promise<Cohort> {
    const { task, settings, gateway, pool } = this.#options;
    const { bits, length } = ringShape(task.plan);
    const privateKey = new Uint8Array(randomBytes(32));
    const context: SessionContext = {
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
    const time = Math.floor(Date.now() / 1000);
    const { minSurvivors, assumptions, clients, plan } = task;
    const { uploadBudget } = settings;
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
            parameters: assumptions,
            time,
            minClients: clients.min,
            minSurvivors,
            uploadBudget,
            removeMasks: (removal) => pool.removeMasks(removal),
          });
    return new Cohort({
      session: protocol,
      members,
      identities,
      ...schedule(plan, settings.deadlines),
      offer: encodeOffer({ context, plan: this.#plan, model: published.reference }),
      uploadStall: settings.uploadStall,
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
