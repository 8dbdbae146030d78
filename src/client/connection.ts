import { openSocket, type Socket, type SocketEnd } from '#socket';
import { AbortError, PeerError } from '../core/errors.js';
import { messageName } from '../secagg/messages/envelope.js';
import { Inbox } from './inbox.js';

/** Bytes that wait to be sent before `send` holds its caller back. */
const highWater = 4 * 2 ** 20;
/** Milliseconds between looks at how much still waits. */
const pollInterval = 5;
/** Milliseconds in which an end of the connection explains why something else failed. */
const endingPatience = 1000;
/** Messages that may wait for a client that is busy; the protocol never has more than two under way. */
const maxWaiting = 16;

/**
 * The connection is over, in whatever way. `clean`: the server said goodbye, as it does when it has nothing more to
 * offer.
 */
export class ConnectionEnd extends AbortError {
  readonly clean: boolean;

  constructor(code: string, message: string, clean: boolean) {
    super(code, message);
    this.clean = clean;
  }
}

function endOf({ code, reason }: SocketEnd, opened: boolean): ConnectionEnd {
  const detail = reason === '' ? `code ${code}` : `${reason} (code ${code})`;
  if (!opened) return new ConnectionEnd('connection.failed', `no connection to the server: ${detail}`, false);
  if (code === 1000 || code === 1001)
    return new ConnectionEnd('connection.closed', `the server ended the connection: ${detail}`, true);
  if (code === 1005 || code === 1006)
    return new ConnectionEnd('connection.lost', `the connection to the server was lost: ${detail}`, false);
  return new ConnectionEnd('connection.refused', `the server refused the connection: ${detail}`, false);
}

/**
 * A client's connection. Each hello asks for one offer; every other message belongs to the session that was offered
 * last, or is dropped if that is over.
 */
export class ServerConnection {
  readonly #offers = new Inbox();
  /** Whether a hello waits for its offer. */
  #asked = false;
  #session: Inbox | undefined;
  #onSession: (() => void) | undefined;
  #end: { readonly error: unknown } | undefined;
  #release: () => void = () => undefined;
  #interrupt: () => void = () => undefined;
  readonly #socket: Socket;

  private constructor(url: string, opened: () => void, failed: (error: unknown) => void) {
    let open = false;
    this.#socket = openSocket(url, {
      open: () => {
        open = true;
        opened();
      },
      message: (message) => this.#route(message),
      end: (end) => {
        this.#finish(endOf(end, open));
        failed(this.#end?.error);
      },
    });
  }

  /** Connects. Rejects with `ConnectionEnd` (`connection.failed`), or with the signal's reason. */
  static async open(url: string, signal: AbortSignal | undefined): Promise<ServerConnection> {
    signal?.throwIfAborted();
    let connection: ServerConnection | undefined;
    await new Promise<void>((resolve, reject) => {
      const made = new ServerConnection(url, resolve, reject);
      connection = made;
      if (signal === undefined) return;
      const vanish = (): void => {
        made.#finish(signal.reason);
        made.#socket.drop();
        reject(signal.reason);
      };
      signal.addEventListener('abort', vanish, { once: true });
      made.#release = () => signal.removeEventListener('abort', vanish);
    });
    // Assigned before the promise could resolve.
    return connection as ServerConnection;
  }

  /**
   * Throws how the connection ended, if it has or soon does: a server that goes ends its HTTP side at about the same
   * time.
   */
  async throwIfEnding(): Promise<void> {
    for (let waited = 0; this.#end === undefined && waited < endingPatience; waited += pollInterval)
      await new Promise((resolve) => setTimeout(resolve, pollInterval));
    this.#throwIfEnded();
  }

  /** Waits for `promise`, but not beyond the connection's end: throws how that was. */
  async meanwhile(promise: Promise<unknown>): Promise<void> {
    const ended = new Promise<void>((resolve) => {
      this.#interrupt = resolve;
      if (this.#end !== undefined) resolve();
    });
    await Promise.race([promise, ended]);
    this.#throwIfEnded();
  }

  /** Asks for a session, and waits for the offer. */
  async ask(hello: Uint8Array): Promise<Uint8Array> {
    this.#asked = true;
    await this.send(hello);
    return this.#offers.next();
  }

  /**
   * What has come since the last offer, and comes, for its session; `notify` is called when there is something, or the
   * connection has ended.
   */
  begin(notify: () => void): Inbox {
    this.#onSession = notify;
    this.#session ??= new Inbox();
    if (this.#end !== undefined) this.#session.end(this.#end.error);
    if (this.#session.size > 0 || this.#end !== undefined) notify();
    return this.#session;
  }

  /** The session is over: what still comes for it is dropped. */
  finish(): void {
    this.#session = undefined;
    this.#onSession = undefined;
  }

  /**
   * Sends a message, and waits while too many bytes wait to leave, unless `interrupted` says that there is no point.
   * Throws how the connection ended if it has.
   */
  async send(message: Uint8Array, interrupted: () => boolean = () => false): Promise<void> {
    this.#throwIfEnded();
    this.#socket.send(message);
    while (this.#socket.buffered() > highWater && !interrupted()) {
      await new Promise((resolve) => setTimeout(resolve, pollInterval));
      this.#throwIfEnded();
    }
  }

  close(): void {
    this.#finish(new ConnectionEnd('connection.closed', 'the client left', true));
    this.#socket.close();
  }

  #throwIfEnded(): void {
    if (this.#end !== undefined) throw this.#end.error;
  }

  #route(message: Uint8Array): void {
    if (this.#end !== undefined) return;
    if (isOffer(message)) this.#takeOffer(message);
    else if (this.#session !== undefined) this.#takeMessage(this.#session, message);
  }

  #takeOffer(message: Uint8Array): void {
    if (this.#asked) {
      this.#asked = false;
      // From here on, so that an abort that follows at once isn't missed.
      this.#session = new Inbox();
      this.#offers.push(message);
    } else this.#refuse(new PeerError('offer.unasked', 'the server offers what nobody asked for'));
  }

  #takeMessage(session: Inbox, message: Uint8Array): void {
    if (session.size < maxWaiting) {
      session.push(message);
      this.#onSession?.();
    } else this.#refuse(new PeerError('connection.flood', `more than ${maxWaiting} messages of the server wait`));
  }

  #refuse(error: PeerError): void {
    this.#finish(error);
    this.#socket.drop();
  }

  #finish(error: unknown): void {
    this.#end ??= { error };
    this.#release();
    this.#interrupt();
    this.#offers.end(this.#end.error);
    this.#session?.end(this.#end.error);
    this.#onSession?.();
  }
}

/** Garbage isn't an offer: the session under way will refuse it. */
function isOffer(message: Uint8Array): boolean {
  try {
    return messageName(message) === 'offer';
  } catch {
    return false;
  }
}
