import { WebSocket } from 'ws';
import { AbortError, UsageError } from '../../core/errors.js';
import { tagLength } from '../../secagg/context.js';
import { decodeAbort } from '../../secagg/messages/abort.js';
import { messageName } from '../../secagg/messages/envelope.js';

/** Milliseconds for a connection to stand, and for a server to refuse what it must. */
const handshake = 10_000;
const refusalPatience = 5000;
/** What the text allows one message. */
export const largestMessage: number = 32 * 2 ** 20;

/** Messages that may wait to be looked at; nobody has more to say at a time. */
export const mostWaiting = 1000;

/** How a server refused a message. */
export interface Refusal {
  /** Of its abort, or else of its close reason; empty if it only hung up. */
  readonly code: string;
  /** It sent `abort`. */
  readonly told: boolean;
}

/** Throws `UsageError` (`usage.url`) for what isn't the address of a WebSocket server. */
export function checkAddress(url: string): void {
  const protocol = URL.canParse(url) ? new URL(url).protocol : undefined;
  if (protocol !== 'ws:' && protocol !== 'wss:')
    throw new UsageError('usage.url', `the server's address must look like ws://127.0.0.1:8787, got ${url}`);
}

/** One connection to the server under test, and what came over it. */
export class Line {
  readonly name: string;
  readonly #socket: WebSocket;
  readonly #patience: number;
  readonly #arrived: Uint8Array[] = [];
  #wake: (() => void) | undefined;
  /** The code and reason that the server closed with. */
  closed: { readonly code: number; readonly reason: string } | undefined;

  private constructor(name: string, socket: WebSocket, patience: number) {
    this.name = name;
    this.#socket = socket;
    this.#patience = patience;
    socket.on('message', (data: Buffer, isBinary) => {
      if (this.#arrived.length > mostWaiting) socket.terminate();
      // A text message counts as an empty one.
      else this.#arrived.push(isBinary ? new Uint8Array(data) : new Uint8Array());
      this.#wake?.();
    });
    socket.on('error', () => undefined);
    socket.on('close', (code, reason) => {
      this.closed = { code, reason: String(reason) };
      this.#wake?.();
    });
  }

  /**
   * `patience` is in milliseconds a message. Throws `AbortError` (`conformance.unreachable`) if there is no such
   * server.
   */
  static async open(name: string, url: string, patience: number): Promise<Line> {
    const socket = new WebSocket(url, {
      handshakeTimeout: handshake,
      perMessageDeflate: false,
      maxPayload: largestMessage,
    });
    const line = new Line(name, socket, patience);
    await new Promise<void>((resolve, reject) => {
      socket.once('open', resolve);
      socket.once('error', (error) =>
        reject(new AbortError('conformance.unreachable', `can't reach ${url}: ${error.message}`)),
      );
    });
    return line;
  }

  send(message: Uint8Array | string): void {
    this.#socket.send(message);
  }

  close(): void {
    this.#socket.terminate();
  }

  /** The next message, or `undefined` at the end of the connection. Throws `AbortError` (`conformance.late`). */
  async next(milliseconds: number = this.#patience): Promise<Uint8Array | undefined> {
    const until = performance.now() + milliseconds;
    for (;;) {
      const message = this.#arrived.shift();
      if (message !== undefined) return message;
      if (this.closed !== undefined) return undefined;
      const left = until - performance.now();
      if (left <= 0)
        throw new AbortError('conformance.late', `${this.name} waited ${milliseconds / 1000} s for the server`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, left);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }

  /** How the server refused the last message; `undefined` if it did not. */
  async refusal(): Promise<Refusal | undefined> {
    const until = performance.now() + refusalPatience;
    for (;;) {
      const message = await this.next(until - performance.now()).catch(() => undefined);
      if (message === undefined && this.closed === undefined) return undefined;
      if (message === undefined) return { code: this.closed?.reason.split(':')[0] ?? '', told: false };
      if (messageName(message) === 'abort')
        return { code: decodeAbort(message.subarray(1, 1 + tagLength), message).code, told: true };
    }
  }

  /** The server's goodbye; `undefined` if it keeps the connection for so many milliseconds. */
  async goodbye(milliseconds: number): Promise<{ readonly code: number; readonly reason: string } | undefined> {
    const until = performance.now() + milliseconds;
    while (this.closed === undefined) {
      const message = await this.next(until - performance.now()).catch(() => undefined);
      if (message === undefined) break;
    }
    return this.closed;
  }
}
