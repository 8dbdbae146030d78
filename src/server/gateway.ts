import { createServer, type Server as HttpServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type WebSocket, WebSocketServer } from 'ws';
import { PeerError, UsageError, VeilsumError } from '../core/errors.js';
import { messageName } from '../secagg/messages/envelope.js';
import { decodeHello } from '../secagg/messages/hello.js';
import type { Cohort } from './cohort.js';
import { Connection } from './connection.js';
import { httpHandler } from './http.js';
import { Lobby } from './lobby.js';
import type { ModelStore } from './models.js';
import type { LogEntry } from './options.js';

export interface GatewayOptions {
  readonly taskName: string;
  readonly models: ModelStore;
  /** Bytes of the longest message that is read. */
  readonly maxPayload: number;
  readonly maxConnections: number;
  /** Bytes that a client may still send for a session that is over. */
  readonly maxStray: number;
  readonly log: (entry: LogEntry) => void;
  /** Milliseconds for a new connection to say hello, 10,000 unless given. */
  readonly helloDeadline?: number;
  /** Milliseconds between signs of life that are asked for, 15,000 unless given. */
  readonly probeInterval?: number;
  /** Milliseconds within which who fetches a model must read some of it, 30,000 unless given. */
  readonly fetchStall?: number;
}

/**
 * Pieces that a message may come in: nobody needs more than one. ws keeps each with all that was read along with it, 64
 * KiB for a byte, and takes 16,384 unless told; its types don't know the option.
 */
const fragments = { maxFragments: 16 };

/** Milliseconds for clients to answer a goodbye when the server closes. */
const closeGrace = 500;

/** WebSocket's code for a server that goes, and what clients end their loop for. */
const goingAway = 1001;
const noMoreRounds = 'the server has no more rounds';

/** Faults of clients that are only late: they are out of the session and may take part in the next. */
const lateness: ReadonlySet<string> = new Set([
  'order.unexpected',
  'order.stranger',
  'advertise.full',
  'advertise.early',
]);

/** What hands a client the present version of the model to train. */
export interface Invitation {
  readonly version: number;
  readonly offer: Uint8Array;
}

interface Client {
  greeted: boolean;
  /** Bytes that came for no session since the last hello. */
  stray: number;
  cohort: Cohort | undefined;
  /** Under a buffered schedule: the version that it was handed for its next session. */
  handed: number | undefined;
}

/**
 * The server's front: HTTP and WebSocket on one port. Takes connections, hands each message to the session that its
 * sender is in, and keeps those who wait for one in `lobby`. Nothing that comes in can make it throw.
 */
export class Gateway {
  readonly lobby: Lobby = new Lobby();
  readonly #options: GatewayOptions;
  readonly #http: HttpServer;
  readonly #sockets: WebSocketServer;
  readonly #clients = new Map<Connection, Client>();
  #probes: NodeJS.Timeout | undefined;
  #count = 0;
  #invitation: ((connection: Connection) => Invitation | undefined) | undefined;
  /** Those that nothing could be handed to yet. */
  readonly #uninvited = new Set<Connection>();
  #finished = false;

  constructor(options: GatewayOptions) {
    this.#options = options;
    this.#http = createServer(httpHandler(options.models));
    this.#sockets = new WebSocketServer({
      noServer: true,
      maxPayload: options.maxPayload,
      perMessageDeflate: false,
      clientTracking: false,
      ...fragments,
    });
    // A response keeps its model in memory until it is read.
    this.#http.setTimeout(options.fetchStall ?? 30_000);
    // Besides its WebSocket a client has a connection by which it fetches models.
    this.#http.maxConnections = 2 * options.maxConnections;
    this.#http.on('upgrade', (request, socket, head) => {
      socket.on('error', () => socket.destroy());
      if (this.#clients.size >= options.maxConnections) {
        socket.once('finish', () => socket.destroy());
        socket.end('HTTP/1.1 503 Service Unavailable\r\nconnection: close\r\ncontent-length: 0\r\n\r\n');
        return;
      }
      const { remoteAddress = 'unknown' } = request.socket;
      this.#sockets.handleUpgrade(request, socket, head, (webSocket) => this.#accept(webSocket, remoteAddress));
    });
    this.#http.on('clientError', (_error, socket) => socket.destroy());
  }

  /** Connections at the moment. */
  get size(): number {
    return this.#clients.size;
  }

  /**
   * Under a buffered schedule: each session is preceded by an invitation, so that a client's hellos take turns, for a
   * model and for a session.
   */
  invite(invitation: (connection: Connection) => Invitation | undefined): void {
    this.#invitation = invitation;
  }

  /** Looks again at those whom `invitation` gave nothing. */
  inviteWaiting(): void {
    for (const connection of [...this.#uninvited]) {
      const client = this.#clients.get(connection);
      if (client !== undefined) this.#welcome(connection, client);
    }
  }

  /** Returns the port. Throws `UsageError` (`usage.port`) if the address can't be listened on. */
  listen(port: number, host: string): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#http.on('error', (cause) =>
        reject(new UsageError('usage.port', `can't listen on ${host}, port ${port}: ${cause.message}`, { cause })),
      );
      this.#http.listen(port, host, () => {
        this.#probes = setInterval(() => {
          for (const connection of this.#clients.keys()) connection.probe();
        }, this.#options.probeInterval ?? 15_000);
        // `address` is a string for pipes only.
        resolve((this.#http.address() as AddressInfo).port);
      });
    });
  }

  /** From now on, what the connection sends goes to this cohort; unless it has ended, which is told. */
  seat(connection: Connection, cohort: Cohort): boolean {
    const client = this.#clients.get(connection);
    if (client === undefined) return false;
    client.cohort = cohort;
    client.handed = undefined;
    return true;
  }

  /** Under a buffered schedule: the version that the client was handed for its next session. */
  handedTo(connection: Connection): number | undefined {
    return this.#clients.get(connection)?.handed;
  }

  /** The connection's session is over. */
  release(connection: Connection): void {
    const client = this.#clients.get(connection);
    if (client !== undefined) client.cohort = undefined;
  }

  /** The task has no more rounds: tells everybody, and whoever comes later. */
  finish(): void {
    this.#finished = true;
    for (const connection of this.#clients.keys()) connection.close(goingAway, noMoreRounds);
  }

  /** Says goodbye to everybody and lets the port go. */
  async close(): Promise<void> {
    clearInterval(this.#probes);
    this.lobby.close();
    for (const connection of this.#clients.keys()) connection.close(goingAway, noMoreRounds);
    const closed = new Promise((resolve) => this.#http.close(resolve));
    const deadline = setTimeout(() => {
      this.#http.closeAllConnections();
      for (const connection of this.#clients.keys()) connection.terminate();
    }, closeGrace);
    await closed;
    clearTimeout(deadline);
  }

  #accept(socket: WebSocket, address: string): void {
    this.#count += 1;
    const connection = new Connection(`${this.#count}@${address}`, socket, {
      message: (from, message) => this.#message(from, message),
      closed: (from) => void this.#closed(from),
    });
    const client: Client = { greeted: false, stray: 0, cohort: undefined, handed: undefined };
    this.#clients.set(connection, client);
    setTimeout(() => {
      if (!client.greeted) connection.refuse(new PeerError('hello.late', 'the client says nothing'));
    }, this.#options.helloDeadline ?? 10_000).unref();
  }

  async #closed(connection: Connection): Promise<void> {
    const client = this.#clients.get(connection);
    this.#clients.delete(connection);
    this.#uninvited.delete(connection);
    this.lobby.delete(connection);
    await client?.cohort?.leave(connection);
  }

  async #message(connection: Connection, message: Uint8Array): Promise<void> {
    const client = this.#clients.get(connection);
    if (client === undefined) return;
    const { cohort } = client;
    try {
      if (messageName(message) === 'hello') await this.#hello(connection, client, message);
      else if (!client.greeted) throw new PeerError('order.unexpected', 'a client says hello first');
      else if (cohort === undefined) this.#stray(connection, client, message);
      else await cohort.receive(connection, message);
    } catch (error) {
      await this.#refuse(connection, error, cohort);
    }
  }

  async #hello(connection: Connection, client: Client, message: Uint8Array): Promise<void> {
    const { task } = decodeHello(message);
    if (task !== '' && task !== this.#options.taskName)
      throw new PeerError('hello.task', 'this server has no task of that name');
    if (this.lobby.has(connection) || this.#uninvited.has(connection))
      throw new PeerError('order.repeated', 'the client waits for a session already');
    await client.cohort?.leave(connection);
    client.greeted = true;
    client.stray = 0;
    if (this.#finished) connection.close(goingAway, noMoreRounds);
    else if (connection.open) this.#welcome(connection, client);
  }

  #welcome(connection: Connection, client: Client): void {
    if (this.#invitation === undefined || client.handed !== undefined) {
      this.lobby.add(connection);
      return;
    }
    const invitation = this.#invitation(connection);
    if (invitation === undefined) {
      this.#uninvited.add(connection);
      return;
    }
    this.#uninvited.delete(connection);
    client.handed = invitation.version;
    connection.send(invitation.offer);
  }

  /** What was sent before the client knew that its session is over. */
  #stray(connection: Connection, client: Client, message: Uint8Array): void {
    if (client.handed !== undefined && messageName(message) === 'abort') {
      // It won't come with an update of what it was handed.
      client.handed = undefined;
      this.lobby.delete(connection);
    }
    client.stray += message.length;
    if (client.stray > this.#options.maxStray)
      throw new PeerError('order.flood', 'the client goes on with a session that is over');
  }

  async #refuse(connection: Connection, error: unknown, cohort: Cohort | undefined): Promise<void> {
    const { log } = this.#options;
    const known = error instanceof VeilsumError;
    log(
      known
        ? { level: 'warn', event: 'client.refused', message: `${connection.id}: ${error.code}: ${error.message}` }
        : { level: 'error', event: 'server.failed', message: `${connection.id}: ${String(error)}` },
    );
    await cohort?.refuse(connection, error);
    if (cohort === undefined || !known || !lateness.has(error.code)) {
      this.lobby.delete(connection);
      connection.refuse(error);
    }
  }
}
