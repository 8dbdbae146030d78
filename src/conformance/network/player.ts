import { VeilsumError } from '../../core/errors.js';
import type { ClientSession, ClientStep } from '../../secagg/client/session.js';
import { messageName } from '../../secagg/messages/envelope.js';
import { decodeRoster, type RosterMessage } from '../../secagg/messages/roster.js';
import type { Phase } from '../../secagg/phase.js';
import { type Finding, fail, pass, refusedWith } from '../check.js';
import type { ServerCase } from '../server/case.js';
import { phaseOf } from '../server/stage.js';
import { type Seat, sessionOf, type World } from '../world.js';
import type { Gathered } from './cohort.js';
import type { Line, Refusal } from './line.js';
import { Turns } from './turns.js';

/** What the clients of a session do beside taking part. */
export interface Conduct {
  /** What client 1 sends instead of a message; client 0 is asked too, so that what it sent can be known. */
  readonly up?: ServerCase['up'];
  /** How the server must treat client 1 once it has refused it, beside the code. */
  readonly aftermath?: (line: Line, refusal: Refusal) => Promise<Finding>;
  /** Clients that hang up before their message of a phase. */
  readonly hangUp?: ReadonlyMap<string, Phase>;
  /** Clients that say nothing from a phase on, and stay. */
  readonly silent?: ReadonlyMap<string, Phase>;
  /** Codes of the text, if the session can't come to a sum. */
  readonly abort?: readonly string[];
}

interface Table {
  readonly world: World;
  readonly rosters: Map<string, RosterMessage>;
  readonly conduct: Conduct;
  readonly turns: Turns | undefined;
}

/** One client's way through a session. */
class Player {
  readonly #seat: Seat;
  readonly #line: Line;
  readonly #table: Table;
  readonly #session: ClientSession;
  /** It did what it was to do beside taking part. */
  played = false;
  /** It sent its whole input, and the server had no reason to refuse it. */
  submitted = false;
  /** Survivors, as it was told in the outcome. */
  survivors: number | undefined;

  constructor(seat: Seat, line: Line, table: Table) {
    this.#seat = seat;
    this.#line = line;
    this.#table = table;
    this.#session = sessionOf(seat, table.world.context);
  }

  /**
   * `undefined` if it took part to the end, or left by itself; otherwise what is wrong, or what it was refused with.
   */
  async run(): Promise<Finding | undefined> {
    try {
      return await this.#play();
    } catch (error) {
      if (!(error instanceof VeilsumError)) throw error;
      return fail(`${this.#seat.name}: ${error.code}: ${error.message}`);
    } finally {
      this.#table.turns?.leave(this.#seat.name);
      this.#line.close();
    }
  }

  async #play(): Promise<Finding | undefined> {
    const { world, rosters, conduct } = this.#table;
    let outcome = await this.#say([await this.#session.start()]);
    while (outcome === undefined) {
      const message = await this.#line.next();
      if (message === undefined) return fail(`the server closed: ${this.#line.closed?.reason || 'without a reason'}`);
      if (messageName(message) === 'roster') rosters.set(this.#seat.name, decodeRoster(world.tag, message));
      const step: ClientStep = await this.#session.receive(message);
      if (step.kind === 'aborted') return this.#aborted(step);
      if (step.kind === 'finished') {
        if (conduct.abort !== undefined) return fail(`it came to a sum instead of ${conduct.abort.join(' or ')}`);
        this.survivors = step.survivors;
        return step.survived ? undefined : fail(`the input of ${this.#seat.name} is in no sum`);
      }
      outcome = await this.#say(step.kind === 'send' ? [step.message] : await this.#session.submit(this.#seat.input));
    }
    return outcome === 'left' ? undefined : outcome;
  }

  #aborted({ code, reason }: { readonly code: string; readonly reason: string }): Finding | undefined {
    if (this.#table.conduct.abort?.includes(code) === true) return undefined;
    return fail(`${this.#seat.name} was told ${code}: ${reason}`);
  }

  /** Sends the messages of one phase; a finding if one of them was a lie, `left` if the client hangs up here. */
  async #say(messages: Iterable<Uint8Array>): Promise<Finding | 'left' | undefined> {
    const { conduct, turns, ...stage } = this.#table;
    const { name: client } = this.#seat;
    let phase: Phase | undefined;
    for (const message of messages) {
      const name = messageName(message);
      const now = phaseOf[name];
      if (now !== undefined && now !== phase) await turns?.before(client, now);
      phase = now;
      this.played ||= phase !== undefined && [conduct.hangUp, conduct.silent].some((who) => who?.get(client) === phase);
      if (phase !== undefined && conduct.hangUp?.get(client) === phase) return 'left';
      if (phase !== undefined && conduct.silent?.get(client) === phase) return this.#waitForTheEnd();
      const forged = await conduct.up?.({ seat: this.#seat, name, message, stage });
      this.played ||= forged !== undefined;
      for (const attempt of forged ?? [{ message }]) {
        this.#line.send(attempt.message);
        if (attempt.refuse !== undefined) return this.#refused(attempt.refuse);
        this.submitted ||= name === 'inputEnd';
      }
    }
    if (phase !== undefined) turns?.after(client, phase);
    return undefined;
  }

  async #refused(codes: readonly string[]): Promise<Finding> {
    const refusal = await this.#line.refusal();
    if (refusal === undefined) return fail(`it did not refuse (${codes.join(' or ')})`);
    if (refusal.code === '') return fail(`it hung up without a code (${codes.join(' or ')})`);
    const finding = refusedWith(refusal.code, codes);
    const { aftermath } = this.#table.conduct;
    return finding.grade === 'pass' && aftermath !== undefined ? aftermath(this.#line, refusal) : finding;
  }

  /** A client that says nothing: the others must not wait for it for ever. */
  async #waitForTheEnd(): Promise<'left'> {
    for (;;) {
      const message = await this.#line.next().catch(() => undefined);
      if (message === undefined || ['outcome', 'abort'].includes(messageName(message))) return 'left';
    }
  }
}

/**
 * A session with the server; everybody who plays by the text must come to a sum, of all the inputs that arrived whole.
 */
export async function playSession({ lines, world }: Gathered, conduct: Conduct): Promise<Finding> {
  const turns = conduct.up === undefined ? undefined : new Turns();
  const table = { world, rosters: new Map<string, RosterMessage>(), conduct, turns };
  const players = world.seats.flatMap((seat, i) => {
    const line = lines[i];
    return line === undefined ? [] : [new Player(seat, line, table)];
  });
  const findings = await Promise.all(players.map((player) => player.run()));
  const failed = (of: (player: Player) => boolean): Finding | undefined =>
    findings.find((finding, i) => finding?.grade === 'fail' && of(players[i] as Player)); // i is a place in both
  // What became of the one that misbehaved explains what the others saw.
  const worst = failed(({ played }) => played) ?? failed(() => true);
  if (worst !== undefined) return worst;
  if (Object.keys(conduct).length > 0 && !players.some(({ played }) => played))
    return fail('the session ended before anybody could misbehave');
  const expected = players.filter(({ submitted }) => submitted).length;
  const told = players.find(({ survivors }) => survivors !== undefined && survivors !== expected);
  if (told !== undefined) return fail(`it says that ${told.survivors} survived, but ${expected} inputs arrived whole`);
  return findings.find((finding) => finding?.grade === 'warn') ?? pass;
}
