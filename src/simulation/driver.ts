import { AbortError, PeerError } from '../core/errors.js';
import { type MessageName, messageName } from '../secagg/messages/envelope.js';
import type { Phase } from '../secagg/phase.js';
import type { Receipt } from '../secagg/server/phase.js';
import type { ServerSession } from '../secagg/server/session.js';
import type { Reaction, VirtualClient } from './client.js';
import { VirtualClock } from './clock.js';
import type { Connection } from './connection.js';
import type { SimulationOutcome, Tally } from './report.js';

/** A client and its connection. */
export interface Seat {
  readonly client: VirtualClient;
  readonly connection: Connection;
}

export interface DriverOptions {
  readonly server: ServerSession;
  readonly seats: readonly Seat[];
  readonly tally: Tally;
  /** Virtual seconds that each phase lasts at most. */
  readonly deadlines: { readonly [phase in Phase]: number };
  /** Virtual seconds after which a silent upload is given up. */
  readonly patience: number;
  /** Virtual seconds until the server sees that a connection is closed. */
  readonly closing: () => number;
  /** Bytes of a packed input. */
  readonly uploadLength: number;
}

/** The phase that a message belongs to. */
const phaseOf: { readonly [name in MessageName]?: Phase } = {
  advertise: 'advertise',
  roster: 'share',
  share: 'share',
  delivery: 'input',
  input: 'input',
  inputEnd: 'input',
  survivors: 'confirm',
  confirm: 'confirm',
  confirmations: 'unmask',
  unmask: 'unmask',
  outcome: 'unmask',
};

/** Plays a session to its end: what a gateway does, over a virtual network. */
export class Driver {
  readonly #options: DriverOptions;
  readonly #clock = new VirtualClock();
  readonly #seatOf: ReadonlyMap<string, Seat>;
  /** Connections that the server doesn't read from, since it has no room for their uploads. */
  readonly #waiting: Connection[] = [];
  #phase: Phase = 'advertise';
  #began = 0;
  #uploads = 0;
  #mostUploads = 0;
  #revealed = 0;
  #outcome: SimulationOutcome | undefined;

  constructor(options: DriverOptions) {
    this.#options = options;
    this.#seatOf = new Map(options.seats.map((seat) => [seat.connection.peer, seat]));
  }

  get revealed(): number {
    return this.#revealed;
  }

  get stagedBytes(): number {
    return this.#mostUploads * this.#options.uploadLength;
  }

  /** Runs the session; clients come at moments that `arrival` gives. */
  async run(arrival: () => number): Promise<SimulationOutcome> {
    this.#planDeadline();
    for (const { client, connection } of this.#options.seats)
      this.#clock.at(arrival(), async () => {
        this.#send(connection, await this.#options.tally.timed('clientCpu', 'advertise', () => client.start()));
      });
    await this.#clock.run();
    return (
      this.#outcome ?? { kind: 'aborted', phase: this.#phase, code: 'simulation.stuck', reason: 'nothing is left' }
    );
  }

  #planDeadline(): void {
    const phase = this.#phase;
    this.#began = this.#clock.now;
    this.#clock.at(this.#began + this.#options.deadlines[phase], async () => {
      if (this.#phase === phase && this.#outcome === undefined) await this.#close();
    });
  }

  #send(connection: Connection, reaction: Reaction): void {
    if (reaction.refused !== undefined) this.#options.tally.refused(reaction.refused);
    connection.send(reaction);
    this.#pump(connection);
  }

  /** Lets the next message leave, and plans for the one after it, unless the server has stopped reading. */
  #pump(connection: Connection): void {
    if (!connection.open || connection.held.length > 0) return;
    const message = connection.next();
    if (message === 'leaves') this.#vanish(connection);
    if (message === undefined || message === 'leaves') return;
    const { client } = connection;
    this.#options.tally.sent('up', {
      phase: phaseOf[messageName(message)] ?? this.#phase,
      client,
      bytes: message.length,
    });
    const { left, arrives } = connection.up.carry(this.#clock.now, message.length);
    this.#clock.at(arrives, () => this.#arrive(connection, message));
    this.#clock.at(left, () => this.#pump(connection));
  }

  #vanish(connection: Connection): void {
    connection.open = false;
    if (this.#options.seats[connection.client]?.client.noticed !== true) return;
    const last = connection.up.carry(this.#clock.now, 0).arrives;
    this.#clock.at(last + this.#options.closing(), () => this.#leave(connection));
  }

  async #arrive(connection: Connection, message: Uint8Array): Promise<void> {
    if (connection.gone) return;
    if (connection.held.length > 0) connection.held.push(message);
    else if ((await this.#give(connection, message)) === 'deferred') {
      connection.held.push(message);
      this.#waiting.push(connection);
    }
    await this.#closeIfComplete();
  }

  /** Gives a message to the server; one that it refuses is the end of that connection. */
  async #give(connection: Connection, message: Uint8Array): Promise<Receipt | 'refused'> {
    const { server, tally } = this.#options;
    const { client, peer } = connection;
    const name = messageName(message);
    try {
      const receipt = await tally.timed('serverCpu', this.#phase, () => server.receive(peer, message));
      if (receipt === 'deferred') return receipt;
      tally.arrived('up', client, message);
      if (name === 'unmask') this.#revealed += 1;
      if (name === 'input') this.#progress(connection);
      if (name === 'inputEnd') await this.#endUpload(connection);
      if (name === 'abort') await this.#leave(connection);
      return receipt;
    } catch (error) {
      if (!(error instanceof PeerError)) throw error;
      tally.refused(error.code);
      await this.#leave(connection);
      return 'refused';
    }
  }

  /** Part of an upload has come. If no more does, it is given up, so that it doesn't take room from others for ever. */
  #progress(connection: Connection): void {
    if (!connection.uploading) {
      connection.uploading = true;
      this.#uploads += 1;
      this.#mostUploads = Math.max(this.#mostUploads, this.#uploads);
    }
    connection.progress += 1;
    const { progress } = connection;
    this.#clock.at(this.#clock.now + this.#options.patience, async () => {
      if (connection.uploading && connection.progress === progress) await this.#leave(connection);
    });
  }

  async #endUpload(connection: Connection): Promise<void> {
    if (!connection.uploading) return;
    connection.uploading = false;
    this.#uploads -= 1;
    await this.#resume();
  }

  /** An upload has ended: those that wait for room try again, first come, first served. */
  async #resume(): Promise<void> {
    for (let first = this.#waiting.shift(); first !== undefined; first = this.#waiting.shift()) {
      const [message] = first.held;
      if (message !== undefined && !first.gone && (await this.#give(first, message)) === 'deferred') {
        this.#waiting.unshift(first);
        return;
      }
      const rest = first.held.splice(0).slice(1);
      for (const next of rest) if (!first.gone) await this.#give(first, next);
      this.#pump(first);
    }
  }

  async #leave(connection: Connection): Promise<void> {
    if (connection.gone) return;
    connection.gone = true;
    connection.open = false;
    await this.#options.server.leave(connection.peer);
    await this.#endUpload(connection);
    await this.#closeIfComplete();
  }

  async #closeIfComplete(): Promise<void> {
    if (this.#outcome === undefined && this.#options.server.missing === 0) await this.#close();
  }

  async #close(): Promise<void> {
    const { server, tally, seats } = this.#options;
    const phase = this.#phase;
    tally.lasted(phase, this.#clock.now - this.#began);
    try {
      const messages = await tally.timed('serverCpu', phase, () => server.close());
      await tally.timed('serverCpu', phase, () => {
        for (const { to, message } of messages) {
          const seat = this.#seatOf.get(to);
          if (seat !== undefined) this.#deliver(seat.connection, message);
        }
      });
    } catch (error) {
      if (!(error instanceof AbortError)) throw error;
      this.#outcome = { kind: 'aborted', phase, code: error.code, reason: error.message };
      const message = server.refusal(error);
      for (const { connection } of seats) this.#deliver(connection, message);
      return;
    }
    if (server.state === 'done' || server.state === 'aborted') this.#outcome = { kind: 'done' };
    else await this.#begin(server.state);
  }

  async #begin(phase: Phase): Promise<void> {
    this.#phase = phase;
    this.#planDeadline();
    this.#uploads = 0;
    for (const { connection } of this.#options.seats) connection.uploading = false;
    await this.#closeIfComplete();
  }

  /** Sends a message down; it comes to nobody if the client has gone meanwhile. */
  #deliver(connection: Connection, message: Uint8Array): void {
    const { tally, seats } = this.#options;
    const { arrives } = connection.down.carry(this.#clock.now, message.length);
    const phase = phaseOf[messageName(message)] ?? this.#phase;
    this.#clock.at(arrives, async () => {
      const seat = seats[connection.client];
      if (!connection.open || seat === undefined) return;
      tally.sent('down', { phase, client: connection.client, bytes: message.length });
      tally.arrived('down', connection.client, message);
      const reaction = await tally.timed('clientCpu', phase, () => seat.client.receive(message));
      this.#send(connection, reaction);
    });
  }
}
