import { createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type WebSocket, WebSocketServer } from 'ws';
import { toHex, utf8 } from '../../core/bytes.js';
import { Writer } from '../../core/codec.js';
import { AbortError, PeerError, UsageError, VeilsumError } from '../../core/errors.js';
import type { Plan } from '../../fl/plan/fields.js';
import { definePlan, planBytes } from '../../fl/plan/plan.js';
import { ringShape } from '../../fl/plan/shape.js';
import { tagLength } from '../../secagg/context.js';
import { encodeIdentity } from '../../secagg/identity.js';
import { limits } from '../../secagg/limits.js';
import { decodeAbort } from '../../secagg/messages/abort.js';
import { type MessageName, messageName, messageTypes } from '../../secagg/messages/envelope.js';
import { decodeHello } from '../../secagg/messages/hello.js';
import { decodeOutcome, type Outcome } from '../../secagg/messages/outcome.js';
import type { ClientAnswer, ClientInit, ClientUnderTest, PartyEnd } from '../party.js';
import { makeWorld, type World } from '../world.js';
import { Command } from './command.js';
import { largestMessage, mostWaiting } from './line.js';

/** A client that is a program of its own: started for each check, it joins a server that this runner plays. */

/** Bits of a quantized value. */
export const inputBits = 12;
export const plan: Plan = definePlan({
  vector: { dimension: 4 },
  cohort: { maxClients: 16 },
  quantize: { bits: inputBits, range: 1 },
});
const shape = ringShape(plan);
const model = new Uint8Array(16);
export const sha256: (bytes: Uint8Array) => Uint8Array = (bytes) =>
  new Uint8Array(createHash('sha256').update(bytes).digest());
const modelReference = `models/${toHex(sha256(model))}`;

/** Authority and identities are those of one run of this process: its files hold them. */
const seed = toHex(crypto.getRandomValues(new Uint8Array(16)));

/** The cohort of all checks over a network: the default policy's, by the real clock, in a session of its own. */
export function networkWorld(context: Partial<World['context']> = {}): Promise<World> {
  return makeWorld({
    seed,
    fresh: true,
    time: Math.floor(Date.now() / 1000),
    context: {
      planHash: sha256(planBytes(plan)),
      modelHash: sha256(model),
      vectorLength: shape.length,
      ringBits: shape.bits,
      maxClients: 16,
      ...context,
    },
  });
}

/** Milliseconds until a client that has refused, or has its outcome, is taken to have nothing more to say. */
const quiet = 2000;

/** The last message of what a client answers to each. */
const lastAnswers: readonly MessageName[] = ['advertise', 'share', 'inputEnd', 'confirm', 'unmask', 'abort'];

/** What an offer says beside the context, where that isn't the truth. */
export interface Offered {
  readonly plan?: Uint8Array;
  /** Reference of the model. */
  readonly reference?: string;
  /** What is there to be fetched. */
  readonly model?: Uint8Array;
}

export interface JoiningClient extends ClientUnderTest {
  /** Starts the client and gives it an offer. */
  readonly offer: (context: Uint8Array, offered?: Offered) => Promise<ClientAnswer>;
  readonly close: () => Promise<void>;
}

/**
 * The runner's server, for a client that `command` starts; `patience` is in milliseconds a message. Throws `UsageError`
 * (`usage.command`) without a command.
 */
export async function joiningClient(command: readonly string[], patience: number): Promise<JoiningClient> {
  if (command.length === 0)
    throw new UsageError(
      'usage.command',
      'name the client after --, with {url}, {identity}, {authority} and {update} where it needs them',
    );
  const world = await networkWorld();
  const folder = await mkdtemp(join(tmpdir(), 'veilsum-conformance-'));
  const files = {
    identity: join(folder, 'client.key'),
    authority: join(folder, 'authority.pub'),
    update: join(folder, 'update.f32'),
  };
  await writeFile(files.identity, encodeIdentity(world.subject.identity), { mode: 0o600 });
  await writeFile(files.authority, `${toHex(world.authority.publicKey)}\n`);
  await writeFile(files.update, new Uint8Array(16));
  return Joining.listen(command, { files, folder, patience });
}

interface JoiningOptions {
  /** Paths by the name that a command calls them by. */
  readonly files: Readonly<Record<string, string>>;
  readonly folder: string;
  readonly patience: number;
}

class Joining implements JoiningClient {
  readonly #options: JoiningOptions;
  readonly #command: readonly string[];
  readonly #http: Server;
  readonly #sockets: WebSocketServer;
  #served: Uint8Array = model;
  #program: Command | undefined;
  /** The connection that said hello. */
  #socket: WebSocket | undefined;
  #greet: ((socket: WebSocket, first: Uint8Array) => void) | undefined;
  /** What came and wasn't looked at yet; `undefined` for the end of the connection. */
  #arrived: (Uint8Array | undefined)[] = [];
  #wake: (() => void) | undefined;
  #closeReason = '';
  #ended = false;
  #uploaded = false;
  #over = false;

  private constructor(command: readonly string[], http: Server, options: JoiningOptions) {
    this.#options = options;
    this.#http = http;
    this.#sockets = new WebSocketServer({ server: http, maxPayload: largestMessage });
    const { port } = http.address() as AddressInfo; // a string for pipes only
    const places: Readonly<Record<string, string>> = { url: `ws://127.0.0.1:${port}`, ...options.files };
    this.#command = command.map((argument) => argument.replace(/\{(\w+)\}/g, (whole, name) => places[name] ?? whole));
    http.on('request', (request, response) => {
      const body = request.url?.endsWith(modelReference) === true ? this.#served : undefined;
      response.writeHead(body === undefined ? 404 : 200, { 'content-length': body?.length ?? 0 }).end(body);
    });
    this.#sockets.on('connection', (socket) => this.#accept(socket));
  }

  static async listen(command: readonly string[], options: JoiningOptions): Promise<Joining> {
    const http = createServer();
    await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
    return new Joining(command, http, options);
  }

  start({ context }: ClientInit): Promise<ClientAnswer> {
    return this.offer(context);
  }

  async offer(context: Uint8Array, offered: Offered = {}): Promise<ClientAnswer> {
    await this.#stop();
    this.#served = offered.model ?? model;
    this.#socket = await this.#hello();
    this.#socket.send(offerOf(context, offered));
    return this.#answer(this.#options.patience);
  }

  async receive(message: Uint8Array): Promise<ClientAnswer> {
    const socket = this.#socket;
    if (socket === undefined) return { send: [] };
    const open = socket.readyState === socket.OPEN;
    if (open) socket.send(message);
    const outcome = message[0] === messageTypes.outcome ? outcomeIn(message) : undefined;
    const { send, end } = await this.#answer(open ? (this.#ended || outcome ? quiet : this.#options.patience) : 0);
    if (outcome === undefined || !this.#tookIt(outcome, end)) return { send, end };
    return { send, end: { kind: 'finished', ...outcome } };
  }

  async close(): Promise<void> {
    this.#over = true;
    await this.#stop();
    this.#sockets.close();
    this.#http.close();
    this.#http.closeAllConnections();
    await rm(this.#options.folder, { recursive: true, force: true });
  }

  /** Starts the command; the first connection of it that says hello. */
  async #hello(): Promise<WebSocket> {
    const greeting = new Promise<WebSocket>((resolve, reject) => {
      this.#greet = (socket, first) => {
        try {
          decodeHello(first);
          this.#socket = socket;
          resolve(socket);
        } catch (error) {
          reject(new PeerError('conformance.hello', `the client said no hello first: ${String(error)}`));
        }
      };
    });
    // Nobody may wait for it any more when it fails.
    greeting.catch(() => undefined);
    const program = await Command.start(this.#command);
    this.#program = program;
    // Closed while it was starting.
    if (this.#over) await this.#stop();
    const { patience } = this.#options;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<string>((resolve) => {
      timer = setTimeout(() => resolve(`said no hello in ${patience / 1000} s`), patience);
    });
    const over = program.ended.then(() => 'ended without a hello');
    const first = await Promise.race([greeting, late, over]).finally(() => clearTimeout(timer));
    this.#greet = undefined;
    if (typeof first !== 'string') return first;
    throw new AbortError('conformance.unreachable', `the client ${first}${program.remains}`);
  }

  #accept(socket: WebSocket): void {
    socket.on('error', () => undefined);
    socket.on('close', (_, reason) => {
      if (socket !== this.#socket) return;
      this.#closeReason = String(reason);
      this.#take(undefined);
    });
    socket.on('message', (data: Buffer, isBinary) => {
      // A text message counts as an empty one.
      const message = isBinary ? new Uint8Array(data) : new Uint8Array();
      if (socket === this.#socket) this.#take(message);
      // The runner has one session to give.
      else if (this.#socket !== undefined || this.#greet === undefined) socket.close(1001);
      else this.#greet(socket, message);
    });
  }

  #take(message: Uint8Array | undefined): void {
    if (this.#arrived.length > mostWaiting) this.#socket?.terminate();
    else this.#arrived.push(message);
    this.#wake?.();
  }

  /** Collects what the client says until it has answered, left, or been quiet. */
  async #answer(patience: number): Promise<ClientAnswer> {
    const send: Uint8Array[] = [];
    const until = performance.now() + patience;
    for (;;) {
      if (this.#arrived.length === 0) {
        const left = until - performance.now();
        if (left <= 0) return { send };
        await this.#more(left);
        continue;
      }
      const message = this.#arrived.shift();
      const name = message === undefined ? 'hello' : nameOf(message);
      // A hello leaves the session, as the end of the connection does.
      if (message !== undefined && name !== 'hello') send.push(message);
      if (send.length > mostWaiting) throw new PeerError('conformance.flood', 'the client sends messages without end');
      if (name === 'inputEnd') this.#uploaded = true;
      if (name === 'hello' || name === 'abort') {
        this.#ended = true;
        return { send, end: this.#end(send) };
      }
      if (name !== undefined && lastAnswers.includes(name)) return { send };
    }
  }

  /** Why the client left: its abort's code, or what it closed with. */
  #end(send: readonly Uint8Array[]): PartyEnd {
    const last = send.at(-1);
    const code =
      last !== undefined && nameOf(last) === 'abort' ? codeIn(last) : this.#closeReason.split(':')[0] || undefined;
    return { kind: 'refused', code };
  }

  /** After an outcome a client may leave without a word, unless what it says can't be. */
  #tookIt({ survived }: Outcome, end: PartyEnd | undefined): boolean {
    return end === undefined || (end.code === undefined && (this.#uploaded || !survived));
  }

  #more(patience: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, patience);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  async #stop(): Promise<void> {
    const program = this.#program;
    this.#program = undefined;
    this.#socket = undefined;
    this.#greet = undefined;
    await program?.kill();
    for (const socket of this.#sockets.clients) socket.terminate();
    this.#arrived = [];
    this.#closeReason = '';
    this.#ended = false;
    this.#uploaded = false;
  }
}

/** An offer of any context, true or not. */
function offerOf(
  context: Uint8Array,
  { plan: bytes = planBytes(plan), reference = modelReference }: Offered,
): Uint8Array {
  return new Writer()
    .uint8(messageTypes.offer)
    .opaque(context, 1024)
    .opaque(bytes, limits.plan)
    .opaque(utf8(reference), limits.modelReference)
    .finish();
}

function nameOf(message: Uint8Array): MessageName | undefined {
  try {
    return messageName(message);
  } catch {
    return undefined;
  }
}

/** A client that hasn't taken the context for one has no tag for its abort: the code is read whatever the tag is. */
function codeIn(message: Uint8Array = new Uint8Array()): string | undefined {
  try {
    return decodeAbort(message.subarray(1, 1 + tagLength), message).code;
  } catch {
    return undefined;
  }
}

/** None if it isn't one that a client may take. */
function outcomeIn(message: Uint8Array): Outcome | undefined {
  try {
    return decodeOutcome(message.subarray(1, 1 + tagLength), message);
  } catch (error) {
    if (!(error instanceof VeilsumError)) throw error;
    return undefined;
  }
}
