import { equalBytes } from '../../core/bytes.js';
import { VeilsumError } from '../../core/errors.js';
import type { ClientSession, ClientStep } from '../../secagg/client/session.js';
import { frozenHash } from '../../secagg/context.js';
import { type Advertisement, advertisementBytes, decodeAdvertise } from '../../secagg/messages/advertise.js';
import { type MessageName, messageName } from '../../secagg/messages/envelope.js';
import { decodeRoster, type RosterMessage } from '../../secagg/messages/roster.js';
import type { Phase } from '../../secagg/phase.js';
import { ServerSession } from '../../secagg/server/session.js';
import type { ClientUnderTest, PartyEnd } from '../party.js';
import { type Seat, sessionOf, type World } from '../world.js';

/** Clients that vanish before their message of a phase. */
export type Vanishing = ReadonlyMap<string, Phase>;

/** What a client gets in a session. */
export type ServerMessage = 'roster' | 'delivery' | 'survivors' | 'confirmations' | 'outcome';

const phaseOf: Readonly<Record<ServerMessage, Phase | undefined>> = {
  roster: 'share',
  delivery: 'input',
  survivors: 'confirm',
  confirmations: 'unmask',
  outcome: undefined,
};

/**
 * A session of this implementation's server and clients with one client under test among them. It stops before each
 * message to that client, so that a check can put another one in its place.
 */
export class ClientStage {
  readonly world: World;
  readonly server: ServerSession;
  /** Advertisements by client, as they were sent. */
  readonly advertisements: Map<string, Advertisement> = new Map();
  /** All that the client under test sent. */
  readonly sent: Uint8Array[] = [];
  end: PartyEnd | undefined;
  /** Why this server refused a message of the client under test. */
  refused: string | undefined;
  /** The roster that the client under test is to be shown. */
  #roster: RosterMessage | undefined;
  readonly #party: ClientUnderTest;
  readonly #others: ReadonlyMap<string, { readonly seat: Seat; readonly session: ClientSession }>;
  readonly #vanishing: Vanishing;

  private constructor(world: World, party: ClientUnderTest, vanishing: Vanishing) {
    this.world = world;
    this.#party = party;
    this.#vanishing = vanishing;
    const { assumptions, minDegree, minClients, minSurvivors, time, serverKey } = world.server;
    this.server = new ServerSession({
      context: world.context,
      assumptions: { ...assumptions, minDegree },
      time,
      minClients,
      minSurvivors,
      privateKey: serverKey,
    });
    this.#others = new Map(
      world.seats.slice(1).map((seat) => [seat.name, { seat, session: sessionOf(seat, world.context) }]),
    );
  }

  /** All have advertised. */
  static async open(world: World, party: ClientUnderTest, vanishing: Vanishing = new Map()): Promise<ClientStage> {
    const stage = new ClientStage(world, party, vanishing);
    const { send, end } = await party.start(world.subject.init);
    stage.end = end;
    stage.sent.push(...send);
    for (const message of send) await stage.#up(world.subject.name, message);
    for (const [name, { session }] of stage.#others) await stage.#up(name, await session.start());
    return stage;
  }

  get roster(): RosterMessage {
    if (this.#roster === undefined) throw new RangeError('there is no roster yet');
    return this.#roster;
  }

  /** Roster index of the client under test. */
  get own(): number {
    const { subject } = this.world;
    const mine = this.advertisements.get(subject.name);
    const entry = this.roster.entries.find(
      ({ advertisement }) =>
        mine !== undefined && equalBytes(advertisementBytes(advertisement), advertisementBytes(mine)),
    );
    if (entry === undefined) throw new RangeError('the client under test is not in the roster');
    return entry.index;
  }

  get neighbors(): readonly number[] {
    const { own } = this;
    return this.roster.entries.map(({ index }) => index).filter((index) => index !== own);
  }

  get frozenHash(): Uint8Array {
    return frozenHash(this.world.contextHash, this.roster.root, this.roster.parameters);
  }

  /** The seat at a roster index. */
  seatAt(index: number): Seat {
    const key = this.roster.identities.subarray(32 * index, 32 * index + 32);
    const seat = this.world.seats.find(({ identity }) => equalBytes(identity.certificate.identityKey, key));
    if (seat === undefined) throw new RangeError(`nobody is at ${index}`);
    return seat;
  }

  /** Closes the phase; the others go on. The message that the client under test is to get, if it is to get one. */
  async next(): Promise<Uint8Array | undefined> {
    let own: Uint8Array | undefined;
    for (const { to, message } of [...(await this.server.close())]) {
      if (to === this.world.subject.name) own = message;
      else await this.#deliver(to, message);
    }
    if (own !== undefined && messageName(own) === 'roster') this.#roster = decodeRoster(this.world.tag, own);
    return own;
  }

  /** Plays honestly until the client under test is to get this message, and gives it. */
  async until(name: ServerMessage): Promise<Uint8Array> {
    for (;;) {
      const message = await this.next();
      if (message === undefined) throw new RangeError(`the session has no ${name} for the client under test`);
      if (messageName(message) === name) return message;
      await this.give(message);
    }
  }

  /** Gives the client under test a message, and what it answers to the server. */
  async give(message: Uint8Array): Promise<readonly Uint8Array[]> {
    const { send, end } = await this.#party.receive(message);
    this.end = end ?? this.end;
    this.sent.push(...send);
    for (const answer of send) await this.#up(this.world.subject.name, answer);
    return send;
  }

  /** Plays the rest of the session honestly. */
  async finish(): Promise<void> {
    while (this.server.state !== 'done') {
      const message = await this.next();
      if (message !== undefined) await this.give(message);
    }
  }

  async #up(peer: string, message: Uint8Array): Promise<void> {
    try {
      await this.server.receive(peer, message);
      if (messageName(message) === 'advertise') this.advertisements.set(peer, decodeAdvertise(this.world.tag, message));
    } catch (error) {
      if (!(error instanceof VeilsumError)) throw error;
      if (peer === this.world.subject.name) this.refused ??= `${error.code}: ${error.message}`;
    }
  }

  async #deliver(to: string, message: Uint8Array): Promise<void> {
    const other = this.#others.get(to);
    if (other === undefined) return;
    const phase = phaseOf[messageName(message) as ServerMessage];
    if (phase !== undefined && this.#vanishing.get(to) === phase) return;
    try {
      const step: ClientStep = await other.session.receive(message);
      if (step.kind === 'send') await this.#up(to, step.message);
      if (step.kind === 'submit')
        for (const part of await other.session.submit(other.seat.input)) await this.#up(to, part);
    } catch (error) {
      // What the client under test did may make others refuse; the check sees it in what comes of the session.
      if (!(error instanceof VeilsumError)) throw error;
    }
  }
}

/** Names of messages, for findings. */
export function namesOf(messages: readonly Uint8Array[]): MessageName[] {
  return messages.map(messageName);
}
