import { Worker } from 'node:worker_threads';
import type { Addressed, ClientData, FromClient, ThreadData, ToClient } from './messages.js';
import { type Settings, scenarioOf } from './settings.js';

type Said<Kind> = Extract<FromClient, { kind: Kind }>;

/** The clients' threads, seen from the main thread. */
export interface Crew {
  /**
   * What a client says next of that kind, or said already and nobody asked for; in `round`, where the message has one.
   */
  readonly hear: <Kind extends FromClient['kind']>(kind: Kind, client: number, round?: number) => Promise<Said<Kind>>;
  readonly tell: (client: number, message: ToClient) => void;
  /** Never resolves; rejects as soon as a thread fails. */
  readonly failure: Promise<never>;
  readonly stop: () => Promise<void>;
}

/** Starts the threads of `everyone`; `listener` hears every message as it comes. */
export function startCrew(
  settings: Settings,
  everyone: readonly ClientData[],
  listener: (client: number, message: FromClient) => void,
): Crew {
  const mailboxes = new Map<string, Mailbox>();
  const mailbox = (kind: string, client: number, round: number | undefined): Mailbox => {
    const name = `${kind} ${client} ${round ?? ''}`;
    const box = mailboxes.get(name) ?? new Mailbox();
    mailboxes.set(name, box);
    return box;
  };
  let fail: (error: unknown) => void = () => undefined;
  const failure = new Promise<never>((_, reject) => {
    fail = reject;
  });
  // It may fail while nobody waits for it.
  failure.catch(() => undefined);
  const { threads } = scenarioOf(settings);
  const workers = Array.from({ length: threads }, (_, thread) => {
    const workerData: ThreadData = { settings, everyone: everyone.filter(({ client }) => client % threads === thread) };
    const worker = new Worker(new URL('./client.js', import.meta.url), { workerData });
    worker.on('error', (error) => fail(new Error(`thread ${thread + 1}: ${error.message}`, { cause: error })));
    worker.on('message', ({ client, message }: Addressed<FromClient>) => {
      mailbox(message.kind, client, 'round' in message ? message.round : undefined).put(message);
      listener(client, message);
    });
    return worker;
  });
  return {
    hear: async (kind, client, round) => {
      const message = await Promise.race([mailbox(kind, client, round).take(), failure]);
      if (!isOf(kind, message)) throw new Error(`expected ${kind} of client ${client}, got ${message.kind}`);
      return message;
    },
    tell: (client, message) =>
      workers[client % threads]?.postMessage({ client, message } satisfies Addressed<ToClient>),
    failure,
    stop: async () => {
      await Promise.all(workers.map((worker) => worker.terminate()));
    },
  };
}

/** One message at a time: a newer one takes the place of one that nobody took. */
class Mailbox {
  #message: FromClient | undefined;
  #waiting: ((message: FromClient) => void) | undefined;

  put(message: FromClient): void {
    if (this.#waiting === undefined) this.#message = message;
    else this.#waiting(message);
    this.#waiting = undefined;
  }

  take(): Promise<FromClient> {
    const message = this.#message;
    this.#message = undefined;
    if (message !== undefined) return Promise.resolve(message);
    return new Promise((resolve) => {
      this.#waiting = resolve;
    });
  }
}

function isOf<Kind extends FromClient['kind']>(kind: Kind, message: FromClient): message is Said<Kind> {
  return message.kind === kind;
}
