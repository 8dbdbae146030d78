import { toHex } from '../core/bytes.js';
import { AbortError, PeerError } from '../core/errors.js';
import { contextHash, tagLength } from '../secagg/context.js';
import { decodeAdvertise } from '../secagg/messages/advertise.js';
import { messageName } from '../secagg/messages/envelope.js';
import type { Phase } from '../secagg/phase.js';
import type { Outbound, SessionResult } from '../secagg/server/phase.js';
import type { ServerSession } from '../secagg/server/session.js';
import type { Connection } from './connection.js';
import type { LogEntry } from './options.js';
import type { PlainResult, PlainSession } from './plain-session.js';
import { UploadQueue } from './uploads.js';

export interface CohortOptions {
  /** Masked, or in the clear. */
  readonly session: ServerSession | PlainSession;
  /** The session's phases in order. */
  readonly phases: readonly Phase[];
  /**
   * Notes that the client of this identity takes part. Throws `PeerError` if it is in another cohort where nobody may
   * be in two.
   */
  readonly claim: (identity: string) => void;
  readonly members: readonly Connection[];
  /** The message that offers the session. */
  readonly offer: Uint8Array;
  /** Milliseconds of each phase. */
  readonly deadlines: Readonly<Record<Phase, number>>;
  /** Milliseconds. */
  readonly uploadStall: number;
  readonly log: (entry: LogEntry) => void;
  /** A connection has no more to do with this session. */
  readonly release: (connection: Connection) => void;
}

/** What a cohort's session came to. */
export interface CohortResult {
  readonly result: SessionResult | PlainResult;
  /** Of the survivors, in their order: identity keys in hexadecimal. */
  readonly identities: readonly string[];
  readonly offered: number;
  /** Bytes of the messages from and to the cohort's clients. */
  readonly bytesUp: number;
  readonly bytesDown: number;
}

/** Bytes that may wait for all clients of the cohort before no more messages are made. */
const maxBuffered = 64 * 2 ** 20;

/**
 * One session over real connections: offers it, gives it what comes, ends each phase when everybody has answered or at
 * its deadline, and sends what it says.
 */
export class Cohort {
  readonly #options: CohortOptions;
  /** By id: those that are still in touch with the session. */
  readonly #members: Map<string, Connection>;
  /** Offered the session and not heard of yet. */
  readonly #unheard: Set<Connection>;
  readonly #uploads: UploadQueue;
  /** By connection id, once verified. */
  readonly #identities = new Map<string, string>();
  #phase: Phase = 'advertise';
  #cancelled: { readonly error: unknown } | undefined;
  #wake: () => void = () => undefined;
  #bytesUp = 0;
  #bytesDown = 0;

  constructor(options: CohortOptions) {
    this.#options = options;
    this.#members = new Map(options.members.map((member) => [member.id, member]));
    this.#unheard = new Set(options.members);
    this.#uploads = new UploadQueue(options.uploadStall, options.deadlines.input);
  }

  /** The whole session. Throws `AbortError` if it comes to no sum. */
  async run(): Promise<CohortResult> {
    const { session, members, offer, phases } = this.#options;
    const watch = setInterval(() => this.#giveUpStalled(), Math.max(10, this.#options.uploadStall / 4));
    try {
      for (const member of members) this.#send(member, offer);
      for (const phase of phases) {
        this.#phase = phase;
        await this.#everybodyOrDeadline();
        const messages = await session.close();
        this.#uploads.clear();
        await this.#deliver(messages);
      }
      const { result } = session;
      if (result === undefined) throw new AbortError('session.empty', 'the session ended without a sum');
      // Members of the roster have got the outcome; this is for those that never were in it.
      this.#dismiss(session.refusal(new PeerError('session.late', 'the session went on without this client')));
      const identities = result.survivors.map((peer) => this.#identities.get(peer) ?? '');
      return { result, identities, offered: members.length, bytesUp: this.#bytesUp, bytesDown: this.#bytesDown };
    } catch (error) {
      this.#dismiss(await session.abort(error));
      throw error;
    } finally {
      clearInterval(watch);
      this.#uploads.clear();
    }
  }

  /** Ends the session as soon as may be; `run` rejects with `error`. */
  cancel(error: AbortError): void {
    this.#cancelled ??= { error };
    this.#uploads.clear();
    this.#wake();
  }

  /**
   * Takes a message of a member; while an upload has to wait for room, this does too. Throws `PeerError` if the message
   * must be refused.
   */
  async receive(connection: Connection, message: Uint8Array): Promise<void> {
    const { session } = this.#options;
    this.#bytesUp += message.length;
    const name = messageName(message);
    try {
      while ((await session.receive(connection.id, message)) === 'deferred') {
        await this.#uploads.room(connection);
        if (!this.#members.has(connection.id)) return;
      }
    } finally {
      if (name === 'inputEnd') this.#uploads.end(connection);
    }
    if (name === 'advertise') this.#identify(connection, message);
    if (name === 'input') this.#uploads.progress(connection, message.length, Date.now());
    if (name === 'abort') await this.leave(connection);
    else this.#unheard.delete(connection);
    this.#wake();
  }

  /** Tells a member why its message was refused; it is out of the session. */
  async refuse(connection: Connection, error: unknown): Promise<void> {
    if (!this.#members.has(connection.id)) return;
    this.#send(connection, this.#options.session.refusal(error));
    await this.leave(connection);
  }

  /** The member is gone, or has left the session. */
  async leave(connection: Connection): Promise<void> {
    if (!this.#members.delete(connection.id)) return;
    this.#unheard.delete(connection);
    this.#options.release(connection);
    await this.#options.session.leave(connection.id);
    this.#uploads.end(connection);
    this.#wake();
  }

  /** Notes whose verified advertisement that was. Throws as `claim`. */
  #identify(connection: Connection, message: Uint8Array): void {
    const { session, claim } = this.#options;
    const tag = contextHash(session.context).subarray(0, tagLength);
    const identity = toHex(decodeAdvertise(tag, message).certificate.identityKey);
    claim(identity);
    this.#identities.set(connection.id, identity);
  }

  /** In *advertise* the session has room for more clients than were asked, so it can't tell when all have answered. */
  get #complete(): boolean {
    return this.#phase === 'advertise' ? this.#unheard.size === 0 : this.#options.session.missing === 0;
  }

  async #everybodyOrDeadline(): Promise<void> {
    let late = false;
    const deadline = setTimeout(() => {
      late = true;
      this.#wake();
    }, this.#options.deadlines[this.#phase]);
    try {
      while (this.#cancelled === undefined && !late && !this.#complete)
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
    } finally {
      clearTimeout(deadline);
    }
    if (this.#cancelled !== undefined) throw this.#cancelled.error;
  }

  /** Messages are made one by one; when too much of them waits to leave, the rest does too. */
  async #deliver(messages: Iterable<Outbound>): Promise<void> {
    let unchecked = 0;
    for (const { to, message } of messages) {
      const member = this.#members.get(to);
      if (member === undefined) continue;
      this.#send(member, message);
      // That was the outcome.
      if (this.#phase === this.#options.phases.at(-1)) this.#part(member);
      unchecked += message.length;
      if (unchecked < maxBuffered / 16) continue;
      unchecked = 0;
      await this.#drained();
    }
  }

  /**
   * Waits until clients have read enough. Those that read nothing for too long are cut off, all at once, so that they
   * can't hold up others one after the other.
   */
  async #drained(): Promise<void> {
    let look = this.#unread();
    while (this.#cancelled === undefined && this.#buffered > maxBuffered) {
      if (performance.now() - look.since > this.#options.uploadStall) {
        const idle = [...look.bytes].filter(([member, bytes]) => bytes > 0 && member.buffered >= bytes);
        for (const [member] of idle) {
          member.terminate();
          await this.leave(member);
        }
        look = this.#unread();
      }
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }

  /** What waits for each member now. */
  #unread(): { readonly since: number; readonly bytes: ReadonlyMap<Connection, number> } {
    const bytes = new Map([...this.#members.values()].map((member) => [member, member.buffered] as const));
    return { since: performance.now(), bytes };
  }

  get #buffered(): number {
    let sum = 0;
    for (const member of this.#members.values()) sum += member.buffered;
    return sum;
  }

  /** The session is over for whoever is left in touch with it. */
  #dismiss(message: Uint8Array): void {
    for (const member of this.#members.values()) {
      this.#send(member, message);
      this.#part(member);
    }
  }

  #part(member: Connection): void {
    this.#members.delete(member.id);
    this.#options.release(member);
  }

  #send(connection: Connection, message: Uint8Array): void {
    this.#bytesDown += message.length;
    connection.send(message);
  }

  #giveUpStalled(): void {
    for (const connection of this.#uploads.stalled(Date.now())) {
      const error = new PeerError('input.stalled', 'the upload came to a halt, or was too slow while others waited');
      const message = `${connection.id}: ${error.code}: ${error.message}`;
      this.#options.log({ level: 'warn', event: 'client.refused', message });
      void this.refuse(connection, error).then(() => connection.refuse(error));
    }
  }
}
