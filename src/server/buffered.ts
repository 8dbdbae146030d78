import { AbortError, PeerError } from '../core/errors.js';
import type { SchedulePlan } from '../fl/plan/fields.js';
import { lateWeight } from '../fl/plan/stages/staleness.js';
import type { Connection } from './connection.js';
import type { Invitation } from './gateway.js';
import type { RoundRunner, RoundRunnerOptions, Summed } from './round.js';
import type { CohortFailure, CohortReport, RoundResult } from './round-result.js';

type Schedule = Extract<SchedulePlan, { readonly kind: 'buffered' }>;

/** A cohort whose sum isn't in the model yet. */
interface Buffer {
  readonly members: ReadonlySet<Connection>;
  /** Of those that have advertised. */
  readonly identities: Set<string>;
  /** By connection id: the version that the client was handed. */
  readonly trained: ReadonlyMap<string, number>;
  /** When it was formed, in milliseconds. */
  readonly since: number;
}

/** A buffer's sum, waiting for its step. */
interface Ready {
  readonly buffer: Buffer;
  readonly summed: Summed;
}

/** Nobody trained a version whose hash this is: it stands for versions that this server doesn't know. */
const unknown = new Uint8Array(32);

/**
 * Runs a task's buffers: as soon as enough clients are ready they are a cohort with a session of its own, beside those
 * that are under way. What a session comes to goes into whatever the model is by then, when it is asked for.
 *
 * A session is bound to the hashes of the versions that its clients may have trained, newest first: its context's model
 * hash is that of their list. So a client sees that what it trained is the version that all the others know by that
 * number.
 */
export class BufferedRunner {
  readonly #options: RoundRunnerOptions;
  readonly #schedule: Schedule;
  readonly #rounds: RoundRunner;
  /** Hands out the present version. */
  #invitation: Invitation;
  /** Hashes of the version and of those before it, as many as clients may have trained. */
  readonly #history: Uint8Array[];
  /** Under way, and `#ready`. */
  readonly #buffers = new Set<Buffer>();
  /** In the order in which they were done. */
  readonly #ready: Ready[] = [];
  readonly #failures: CohortFailure[] = [];
  /** Sessions that failed since the last sum. */
  #failed = 0;
  #started = false;
  #wake: () => void = () => undefined;

  private constructor(options: RoundRunnerOptions, schedule: Schedule, rounds: RoundRunner) {
    this.#options = options;
    this.#schedule = schedule;
    this.#rounds = rounds;
    this.#invitation = { version: rounds.firstRound, offer: new Uint8Array() };
    this.#history = Array.from({ length: schedule.maxStaleness + 1 }, () => unknown);
  }

  /** A runner whose first version can be handed out. */
  static async open(options: RoundRunnerOptions, schedule: Schedule, rounds: RoundRunner): Promise<BufferedRunner> {
    const runner = new BufferedRunner(options, schedule, rounds);
    await runner.#publish(rounds.firstRound);
    options.gateway.invite((connection) => runner.#invite(connection));
    options.gateway.lobby.watch(() => runner.#form());
    return runner;
  }

  get firstRound(): number {
    return this.#rounds.firstRound;
  }

  /**
   * The next version, from the sums of as many buffers as the task has cohorts. Throws `AbortError`: `round.failed`
   * after too many sessions that failed in a row, `session.cancelled` after `cancel`, `ledger.exhausted` where the
   * privacy budget has no room for another step.
   */
  async run(version: number): Promise<RoundResult> {
    const { account } = this.#options;
    this.#started = true;
    for (;;) {
      account?.refuseBeyondBudget();
      const ready = await this.#enough();
      const accepted = await this.#step(version, ready);
      this.#form();
      if (accepted !== undefined) return { ...accepted, cohortSeed: '', failures: this.#failures.splice(0) };
      this.#failed += ready.length;
    }
  }

  /** As `RoundRunner.cancel`. */
  async cancel(error: AbortError, patience: number): Promise<void> {
    const ended = this.#rounds.cancel(error, patience);
    this.#wake();
    await ended;
  }

  /** Takes sums into the model, and hands it out; `undefined` if nothing comes of them. */
  async #step(
    version: number,
    ready: readonly Ready[],
  ): Promise<Omit<RoundResult, 'cohortSeed' | 'failures'> | undefined> {
    try {
      const summed = ready.map((each) => each.summed);
      const concluded = await this.#rounds.conclude({ round: version, failures: this.#failures }, summed);
      this.#rounds.throwIfCancelled();
      if (concluded === undefined) return undefined;
      const accepted = this.#rounds.accept(concluded, Math.min(...ready.map(({ buffer }) => buffer.since)));
      await this.#publish(version + 1);
      const cohorts = accepted.cohorts.map((cohort, i) => ({ ...cohort, ...this.#versions(ready[i], version) }));
      return { ...accepted, cohorts };
    } finally {
      this.#forget(ready.map(({ buffer }) => buffer));
    }
  }

  /** Buffers that are done with: their clients can be handed the model. */
  #forget(buffers: readonly Buffer[]): void {
    for (const buffer of buffers) this.#buffers.delete(buffer);
    this.#options.gateway.inviteWaiting();
  }

  #versions(ready: Ready | undefined, applied: number): Pick<CohortReport, 'versions'> {
    if (ready === undefined) return {};
    const { buffer, summed } = ready;
    const formed = summed.attempt.round;
    const trained = summed.outcome.result.survivors.map((peer) => buffer.trained.get(peer) ?? formed);
    const weight = lateWeight(this.#options.task.plan, { formed, current: applied });
    return { versions: { trained, formed, applied, weight } };
  }

  /** The sums of one step, once there are so many. */
  async #enough(): Promise<readonly Ready[]> {
    const { task, settings } = this.#options;
    const most = (settings.retries + 1) * task.cohorts;
    for (;;) {
      this.#rounds.throwIfCancelled();
      if (this.#failed >= most) {
        this.#failed = 0;
        const last = this.#failures.at(-1);
        throw new AbortError(
          'round.failed',
          `${most} sessions failed in a row, the last with ${last?.code}: ${last?.reason}`,
        );
      }
      if (this.#ready.length >= task.cohorts) return this.#ready.splice(0, task.cohorts);
      this.#form();
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  /** Makes cohorts of those that are ready, as many as there is use and room for. */
  #form(): void {
    if (!this.#started) return;
    const { gateway } = this.#options;
    while (this.#room > 0) {
      const members = gateway.lobby.take(this.#schedule.bufferSize);
      if (members === undefined) return;
      void this.#fill(members);
    }
  }

  /** Sessions that may begin. Not more than the last version will want: nobody gives an update for nothing. */
  get #room(): number {
    const { task, settings } = this.#options;
    const underWay = this.#buffers.size - this.#ready.length;
    const wanted = (task.rounds - this.#invitation.version) * task.cohorts;
    return Math.min(
      settings.sessions - underWay,
      Math.min(task.cohorts + settings.sessions, wanted) - this.#buffers.size,
    );
  }

  /**
   * The present version, for a client whose last buffer is in it, or came to nothing. Trained again, the version before
   * might give the very same update, and two sums with it the difference of two cohorts.
   */
  #invite(connection: Connection): Invitation | undefined {
    return [...this.#buffers].some(({ members }) => members.has(connection)) ? undefined : this.#invitation;
  }

  async #fill(members: readonly Connection[]): Promise<void> {
    const { gateway, models } = this.#options;
    const round = this.#invitation.version;
    const buffer: Buffer = {
      members: new Set(members),
      identities: new Set(),
      trained: new Map(members.map((member) => [member.id, gateway.handedTo(member) ?? round])),
      since: performance.now(),
    };
    this.#buffers.add(buffer);
    const attempt = { round, published: models.publishHistory(this.#history), failures: this.#failures };
    const claim = (identity: string): void => this.#claim(buffer, identity);
    const summed = await this.#rounds.cohort(attempt, { members, claim });
    if (summed === undefined) {
      this.#failed += 1;
      this.#forget([buffer]);
    } else {
      this.#ready.push({ buffer, summed });
      this.#failed = 0;
    }
    this.#wake();
    this.#form();
  }

  /** Of buffers that a rule may combine nobody is in two, by whatever connection: one client could spoil as many. */
  #claim(buffer: Buffer, identity: string): void {
    const others = [...this.#buffers].filter((each) => each !== buffer);
    if (this.#options.task.cohorts > 1 && others.some(({ identities }) => identities.has(identity)))
      throw new PeerError('advertise.early', 'the client is in another buffer that may go into the same version');
    buffer.identities.add(identity);
  }

  /** From now on clients are handed the model as version `version`. */
  async #publish(version: number): Promise<void> {
    const published = this.#options.models.publish(this.#rounds.model);
    const offer = await this.#rounds.invitation({ round: version, published, failures: this.#failures });
    this.#history.pop();
    this.#history.unshift(published.hash);
    this.#invitation = { version, offer };
  }
}
