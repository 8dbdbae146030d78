import { WebSocket } from 'ws';
import { parsePlan } from '../../src/fl/index.js';
import { asPlain, zeroVector } from '../../src/ring/vector.js';
import { ClientSession, type ClientStep } from '../../src/secagg/index.js';
import { messageName } from '../../src/secagg/messages/envelope.js';
import { encodeHello } from '../../src/secagg/messages/hello.js';
import { decodeOffer } from '../../src/secagg/messages/offer.js';
import { authority, newIdentity, policy } from './fixtures.js';

/** A client that follows the protocol as far as its test wants, on a bare socket. */
export class RawClient {
  readonly #socket: WebSocket;
  readonly #messages: Uint8Array[] = [];
  #wake: () => void = () => undefined;
  /** How the server ended the connection. */
  readonly closed: Promise<{ readonly code: number; readonly reason: string }>;
  #open = true;

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.on('message', (data) => {
      if (data instanceof Buffer) this.#messages.push(new Uint8Array(data));
      this.#wake();
    });
    socket.on('error', () => undefined);
    this.closed = new Promise((resolve) => {
      socket.on('close', (code, reason) => {
        this.#open = false;
        this.#wake();
        resolve({ code, reason: reason.toString() });
      });
    });
  }

  static async connect(url: string): Promise<RawClient> {
    const client = new RawClient(new WebSocket(url, { perMessageDeflate: false }));
    await new Promise((resolve, reject) => client.#socket.once('open', resolve).once('error', reject));
    return client;
  }

  get socket(): WebSocket {
    return this.#socket;
  }

  send(message: Uint8Array | string): void {
    this.#socket.send(message);
  }

  /** The next message, or `undefined` once the connection has ended. */
  async next(): Promise<Uint8Array | undefined> {
    while (this.#messages.length === 0 && this.#open)
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    return this.#messages.shift();
  }

  /** Says hello, waits for the offer and makes an honest session of it. */
  async begin(): Promise<ClientSession> {
    this.send(encodeHello({ task: '' }));
    const message = await this.next();
    if (message === undefined || messageName(message) !== 'offer') throw new Error('no offer came');
    const { context, plan } = decodeOffer(message);
    parsePlan(plan);
    return new ClientSession({
      context,
      identity: await newIdentity(),
      authority: authority.publicKey,
      time: Math.floor(Date.now() / 1000),
      policy,
    });
  }

  /** Goes on until the session waits for its input; what was sent last is returned too. */
  async reach(session: ClientSession, state: 'advertised' | 'shared' | 'ready'): Promise<Uint8Array> {
    let last = await session.start();
    this.send(last);
    while (session.state !== state) {
      const step = await this.step(session);
      if (step.kind === 'send') last = step.message;
    }
    return last;
  }

  /** Takes one message of the server and answers it. */
  async step(session: ClientSession): Promise<ClientStep> {
    const message = await this.next();
    if (message === undefined) throw new Error('the connection has ended');
    const step = await session.receive(message);
    if (step.kind === 'send') this.send(step.message);
    return step;
  }

  /** The messages of an upload of zeros. */
  async upload(session: ClientSession): Promise<Uint8Array[]> {
    const { ringBits, vectorLength } = session.context;
    return [...(await session.submit(asPlain(zeroVector(ringBits, vectorLength))))];
  }

  /** The code of the abort that comes next. */
  async abortCode(session: ClientSession): Promise<string> {
    for (;;) {
      const message = await this.next();
      if (message === undefined) return 'none';
      const step = await session.receive(message);
      if (step.kind === 'aborted') return step.code;
    }
  }
}
