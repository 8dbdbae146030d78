import type { WebSocket } from 'ws';
import { plainBytes } from '../core/bytes.js';
import { VeilsumError } from '../core/errors.js';

export interface ConnectionListener {
  /** Handles one message; the next comes when it has settled. Must not reject. */
  readonly message: (connection: Connection, message: Uint8Array) => Promise<void>;
  /** Once, when nothing comes any more. */
  readonly closed: (connection: Connection) => void;
}

/** Milliseconds for a client to answer a goodbye. */
const closeGrace = 2000;
/** Bytes that wait for a client before it is given up. */
const maxBuffered = 64 * 2 ** 20;
/** Bytes that wait for a client before its next message does. */
const highWater = 2 ** 20;
/** Milliseconds within which a client that goes on sending must read some of what waits for it. */
const readPatience = 15_000;

/**
 * One client's WebSocket. Messages are handled one at a time, and while one is, the socket isn't read: a client that
 * sends faster than the server can take, or whose upload has to wait for room, is held back by TCP and costs no memory.
 */
export class Connection {
  /** Names the client in logs and sessions; never on the wire. */
  readonly id: string;
  readonly #socket: WebSocket;
  readonly #listener: ConnectionListener;
  readonly #queue: Uint8Array[] = [];
  #handling = false;
  #closed = false;
  #alive = true;

  constructor(id: string, socket: WebSocket, listener: ConnectionListener) {
    this.id = id;
    this.#socket = socket;
    this.#listener = listener;
    socket.on('message', (data, isBinary) => {
      this.#alive = true;
      // A text message is taken for an empty one, which no message of the protocol is.
      this.#take(isBinary && data instanceof Buffer ? plainBytes(data) : new Uint8Array());
    });
    socket.on('pong', () => {
      this.#alive = true;
    });
    // Always followed by `close`; a message that is too long or a frame that is malformed ends up here.
    socket.on('error', () => undefined);
    socket.on('close', () => {
      this.#closed = true;
      this.#queue.length = 0;
      listener.closed(this);
    });
  }

  /** Whether messages still go either way. */
  get open(): boolean {
    return !this.#closed;
  }

  /** Bytes that wait to be sent. */
  get buffered(): number {
    return this.#closed ? 0 : this.#socket.bufferedAmount;
  }

  send(message: Uint8Array): void {
    if (this.#closed) return;
    if (this.#socket.bufferedAmount > maxBuffered) this.#socket.terminate();
    else this.#socket.send(message);
  }

  /** Says goodbye with a close code (RFC 6455 section 7.4); what the client still sends is dropped. */
  close(code: number, reason: string): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#queue.length = 0;
    this.#socket.resume();
    // The protocol has room for 123 bytes; reasons are ASCII.
    this.#socket.close(code, reason.slice(0, 120));
    setTimeout(() => this.#socket.terminate(), closeGrace).unref();
  }

  terminate(): void {
    this.#socket.terminate();
  }

  /** Ends the connection of a client that sent what it must not. */
  refuse(error: unknown): void {
    const known = error instanceof VeilsumError;
    this.close(known ? 1008 : 1011, known ? `${error.code}: ${error.message}` : 'server.failed');
  }

  /** Asks the client for a sign of life, or ends the connection if it gave none since the last time. */
  probe(): void {
    // A socket that isn't read can't bring one.
    if (this.#socket.isPaused) return;
    if (!this.#alive) this.#socket.terminate();
    this.#alive = false;
    this.#socket.ping();
  }

  #take(message: Uint8Array): void {
    if (this.#closed) return;
    this.#queue.push(message);
    if (this.#handling) this.#socket.pause();
    else void this.#handle();
  }

  /** Whoever asks for much and reads none of it isn't listened to meanwhile, and after a while is given up. */
  async #read(): Promise<void> {
    let [least, since] = [this.buffered, performance.now()];
    for (let waits = least; waits > highWater; waits = this.buffered) {
      if (waits < least) [least, since] = [waits, performance.now()];
      if (performance.now() - since > readPatience) this.#socket.terminate();
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  async #handle(): Promise<void> {
    this.#handling = true;
    for (let message = this.#queue.shift(); message !== undefined; message = this.#queue.shift()) {
      await this.#listener.message(this, message);
      await this.#read();
    }
    this.#handling = false;
    if (!this.#closed) this.#socket.resume();
  }
}
