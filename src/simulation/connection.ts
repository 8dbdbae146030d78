import type { Reaction } from './client.js';
import type { Line } from './network.js';

/** One client's connection as the driver sees it. */
export class Connection {
  readonly client: number;
  readonly up: Line;
  readonly down: Line;
  /** Whether the client is at its end of the line. */
  open = true;
  /** Whether the server has been told that it is gone. */
  gone = false;
  /** Messages that arrived while the server had no room for the upload; it stops reading then. */
  readonly held: Uint8Array[] = [];
  /** Whether an upload has begun, so that the server holds room for it. */
  uploading = false;
  /** Parts of the upload that have come. */
  progress = 0;
  #sending: { readonly messages: Iterator<Uint8Array>; readonly leaves: boolean } | undefined;

  constructor(client: number, up: Line, down: Line) {
    this.client = client;
    this.up = up;
    this.down = down;
  }

  get peer(): string {
    return `client ${this.client}`;
  }

  /**
   * Queues what a client wants to send. A client sends what one message of the server led to before it gets the next.
   */
  send({ messages, leaves }: Reaction): void {
    this.#sending = { messages: messages[Symbol.iterator](), leaves };
  }

  /** The next message to leave; `leaves` once the last has left and the client goes, `undefined` if there is none. */
  next(): Uint8Array | 'leaves' | undefined {
    if (this.#sending === undefined) return undefined;
    const { messages, leaves } = this.#sending;
    const { done, value } = messages.next();
    if (done !== true) return value;
    this.#sending = undefined;
    return leaves ? 'leaves' : undefined;
  }
}
