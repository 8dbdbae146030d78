/**
 * A process of its own for the party of a session that is measured, the server or clients one after another, so that
 * nobody else's memory or garbage is in its figures. `cohort.ts` starts it and talks to it.
 */
import { setTimeout } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { nodeProvider } from '#veilsum/crypto/provider/provider.node.js';
import { quantize } from '#veilsum/ring/quantize.js';
import { ClientSession } from '#veilsum/secagg/client/session.js';
import type { SessionContext } from '#veilsum/secagg/context.js';
import type { Identity } from '#veilsum/secagg/identity.js';
import { removeMasks } from '#veilsum/secagg/mask-removal.js';
import type { Outbound } from '#veilsum/secagg/server/phase.js';
import { ServerSession } from '#veilsum/secagg/server/session.js';
import { peakMemory } from './peak.js';
import { lenientPolicy, sessionTime } from './setting.js';

/**
 * What one can ask of a party; each is answered with what its handler below returns. `client` says which; the server
 * has no number.
 */
export type Request = { readonly client?: number } & Ask;

type Ask =
  | {
      readonly ask: 'open server';
      readonly context: SessionContext;
      readonly privateKey: Uint8Array;
      readonly degree: number;
      readonly threshold: number;
    }
  | { readonly ask: 'open client'; readonly context: SessionContext; readonly identity: Identity }
  | { readonly ask: 'start' }
  | { readonly ask: 'receive'; readonly stage: string; readonly peer: string; readonly messages: readonly Uint8Array[] }
  | { readonly ask: 'submit' }
  | { readonly ask: 'close'; readonly stage: string }
  /** The next of the messages that closing led to, at most `count`. */
  | { readonly ask: 'take'; readonly stage: string; readonly count: number }
  | { readonly ask: 'figures' };

export interface Figures {
  /** CPU seconds by stage. */
  readonly stages: readonly (readonly [string, number])[];
  /** Most memory that this process ever had (NaN off Linux), and what it has now, in bytes. */
  readonly peakRss: number;
  readonly rss: number;
}

setFlagsFromString('--expose-gc');
const collectGarbage: () => void = runInNewContext('gc');

/** Bytes of messages after which what the transport left of them is collected. */
const mostLeft = 2 ** 22;

let left = 0;

function moved(messages: readonly Uint8Array[]): void {
  for (const { length } of messages) left += length;
}

/**
 * Collects what the transport left: each message is copied between processes several times, and V8 lets a hundred
 * megabytes of that pile up. Then the collector's own threads come to rest: their time would count as the session's.
 */
async function settle(): Promise<void> {
  left = 0;
  collectGarbage();
  await setTimeout(10);
}

const stagesOf = new Map<number | undefined, Map<string, number>>();
/** Those of whom the request is for: requests come one at a time. */
let stages = new Map<string, number>();
let server: ServerSession | undefined;
const clients = new Map<number | undefined, ClientSession>();
let outbound: Iterator<Outbound> = [][Symbol.iterator]();

function add(stage: string, seconds: number): void {
  stages.set(stage, (stages.get(stage) ?? 0) + seconds);
}

async function measure<T>(stage: string, work: () => T | Promise<T>): Promise<T> {
  const before = process.cpuUsage();
  const result = await work();
  const { user, system } = process.cpuUsage(before);
  add(stage, (user + system) / 1e6);
  return result;
}

/** Measures work a part of which is measured as the stage `inner` by itself: that part isn't counted twice. */
async function measureAround<T>(stage: string, inner: string, work: () => Promise<T>): Promise<T> {
  const before = stages.get(inner) ?? 0;
  const result = await measure(stage, work);
  add(stage, before - (stages.get(inner) ?? 0));
  return result;
}

function opened<T>(session: T | undefined): T {
  if (session === undefined) throw new Error('open a session first');
  return session;
}

function openServer({ context, privateKey, degree, threshold }: Extract<Request, { ask: 'open server' }>): void {
  server = new ServerSession({
    context,
    privateKey,
    time: sessionTime,
    parameters: (n) => ({ n, degree, threshold }),
    provider: nodeProvider,
    removeMasks: (removal) => measure('unmask', () => removeMasks(removal, nodeProvider)),
  });
}

async function openClient({ client, context, identity }: Extract<Request, { ask: 'open client' }>): Promise<void> {
  const { accumulate } = nodeProvider.expander;
  const provider = {
    ...nodeProvider,
    expander: {
      // Many streams are masks; one is the coefficients of seed shares, or the words that rounding takes.
      accumulate: ((suite, lanes, streams) =>
        streams.length === 1
          ? accumulate(suite, lanes, streams)
          : measure('masks', () => accumulate(suite, lanes, streams))) satisfies typeof accumulate,
    },
  };
  const { authority } = context;
  const open = (): ClientSession =>
    new ClientSession({ context, identity, authority, time: sessionTime, policy: lenientPolicy, provider });
  clients.set(client, await measure('keys', open));
}

async function submit(session: ClientSession): Promise<readonly Uint8Array[]> {
  const { vectorLength, ringBits, maxClients } = session.context;
  const update = Float32Array.from({ length: vectorLength }, (_, i) => Math.sin(i));
  const bits = ringBits - Math.ceil(Math.log2(maxClients));
  const input = await measure('quantize', async () =>
    quantize(update, { ringBits, bits, range: 1, weight: 1, rounding: await session.roundingWords(vectorLength) }),
  );
  return measureAround('upload', 'masks', async () => [...(await session.submit(input))]);
}

/** Gives messages to the session; the answer is to the last. */
async function receive({ client, stage, peer, messages }: Extract<Request, { ask: 'receive' }>): Promise<unknown> {
  moved(messages);
  if (left > mostLeft) await settle();
  return measure(stage, async () => {
    let answer: unknown;
    for (const message of messages)
      answer =
        server === undefined ? await opened(clients.get(client)).receive(message) : await server.receive(peer, message);
    return answer;
  });
}

function close(stage: string): Promise<void> {
  return measureAround(stage, 'unmask', async () => {
    outbound = (await opened(server).close())[Symbol.iterator]();
  });
}

async function take({ stage, count }: Extract<Request, { ask: 'take' }>): Promise<readonly Outbound[]> {
  if (left > mostLeft) await settle();
  return measure(stage, () => {
    const messages: Outbound[] = [];
    for (let next = outbound.next(); next.done !== true; next = outbound.next()) {
      messages.push(next.value);
      moved([next.value.message]);
      if (messages.length === count) break;
    }
    return messages;
  });
}

async function answer(request: Request): Promise<unknown> {
  const { ask, client } = request;
  if (ask === 'open server' || ask === 'open client') stagesOf.set(client, new Map());
  stages = stagesOf.get(client) ?? new Map();
  switch (ask) {
    case 'open server':
      return openServer(request);
    case 'open client':
      return openClient(request);
    case 'start':
      return measure('keys', () => opened(clients.get(client)).start());
    case 'receive':
      return receive(request);
    case 'submit':
      await settle();
      return submit(opened(clients.get(client)));
    case 'close':
      await settle();
      return close(request.stage);
    case 'take':
      return take(request);
    case 'figures':
      return {
        stages: [...stages],
        peakRss: peakMemory(),
        rss: process.memoryUsage.rss(),
      } satisfies Figures;
  }
}

process.on('message', (request: Request) => {
  answer(request).then(
    (result) => process.send?.({ result }),
    (error: unknown) => process.send?.({ error: error instanceof Error ? (error.stack ?? error.message) : `${error}` }),
  );
});
