/** A client under a buffered schedule, and servers that lie to it about versions. */
import { createHash } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { type WebSocket, WebSocketServer } from 'ws';
import { type ClientRound, type JoinOptions, join } from '../../src/client/index.js';
import { type Plan, planBytes, ringShape } from '../../src/fl/index.js';
import type { SessionContext } from '../../src/secagg/index.js';
import { messageName } from '../../src/secagg/messages/envelope.js';
import { bufferedPlan } from '../server/buffered-fixtures.js';
import { authority, dimension, newIdentity, policy, updateOf } from '../server/fixtures.js';
import { offerOf } from './fake-server.js';

const identity = await newIdentity();
const options: JoinOptions = { identity, authority: authority.publicKey, policy };
const plan = bufferedPlan({ maxStaleness: 3 });
const sha256 = (bytes: Uint8Array): Uint8Array => new Uint8Array(createHash('sha256').update(bytes).digest());
const modelOf = (version: number): Uint8Array => new Uint8Array(new Float32Array(dimension).fill(version).buffer);
const hashes = (...models: readonly Uint8Array[]): Uint8Array =>
  new Uint8Array(Buffer.concat(models.map((model) => sha256(model))));

interface Lie {
  readonly context?: Partial<SessionContext>;
  readonly plan?: Plan;
  /** What the hash of the session's models names. */
  readonly history?: Uint8Array;
}

const opened: { readonly close: () => unknown }[] = [];
afterEach(async () => {
  for (const server of opened.splice(0)) await server.close();
});

/** Hands out version 2, and then offers a session of version 4 with what `lie` says. */
async function server(lie: Lie, more: { readonly after?: (socket: WebSocket) => void } = {}) {
  const bodies = new Map<string, Uint8Array>();
  const publish = (bytes: Uint8Array): { readonly modelHash: Uint8Array; readonly model: string } => {
    const name = Buffer.from(sha256(bytes)).toString('hex');
    bodies.set(name, bytes);
    return { modelHash: sha256(bytes), model: `models/${name}` };
  };
  const offer = (fields: Partial<SessionContext>, body: Uint8Array, text: Plan = plan): Uint8Array => {
    const { modelHash, model } = publish(body);
    const { bits, length } = ringShape(text);
    const shape = { planHash: sha256(planBytes(text)), ringBits: bits, vectorLength: length };
    return offerOf({ ...shape, modelHash, ...fields }, { plan: planBytes(text), model });
  };
  const heard: string[] = [];
  const http = createServer((request, response) => {
    const body = bodies.get(request.url?.split('/').at(-1) ?? '');
    if (body === undefined) response.writeHead(404).end();
    else response.writeHead(200).end(body);
  });
  const sockets = new WebSocketServer({ server: http, perMessageDeflate: false });
  sockets.on('connection', (socket) => {
    let hellos = 0;
    socket.on('error', () => undefined);
    socket.on('message', (data) => {
      if (!(data instanceof Buffer)) return;
      const name = messageName(new Uint8Array(data));
      heard.push(name);
      if (name !== 'hello') return;
      hellos += 1;
      if (hellos % 2 === 1) socket.send(offer({ round: 2 }, modelOf(2)));
      else if (more.after !== undefined) more.after(socket);
      else {
        const history = lie.history ?? hashes(modelOf(4), modelOf(3), modelOf(2), modelOf(1));
        socket.send(offer({ round: 4, ...lie.context }, history, lie.plan ?? plan));
      }
    });
  });
  await new Promise<void>((resolve) => {
    http.listen(0, '127.0.0.1', resolve);
  });
  opened.push({
    close: () => {
      for (const client of sockets.clients) client.terminate();
      http.close();
    },
  });
  return { url: `ws://127.0.0.1:${(http.address() as AddressInfo).port}`, heard };
}

async function firstRound(url: string, more: Partial<JoinOptions> = {}): Promise<ClientRound> {
  const { value } = await join(url, { ...options, ...more }).next();
  if (value === undefined) throw new Error('no round came');
  return value;
}

async function heardOf(heard: readonly string[], name: string): Promise<void> {
  while (!heard.includes(name)) await new Promise((resolve) => setTimeout(resolve, 5));
}

describe('a server', () => {
  it('that is honest gets an advertisement: the control', async () => {
    const { url, heard } = await server({});
    const round = await firstRound(url);
    expect(round).toMatchObject({ task: 'test', round: 2, plan });
    expect([...new Uint8Array(round.model.buffer)]).toEqual([...modelOf(2)]);
    void round.submit(updateOf(0), { weight: 1 }).catch(() => undefined);
    await heardOf(heard, 'advertise');
    expect(heard).toEqual(['hello', 'hello', 'advertise']);
  });

  it.each<[string, string, Lie]>([
    [
      'showed this client another model of its version than others',
      'offer.history',
      { history: hashes(modelOf(4), modelOf(3), modelOf(9), modelOf(1)) },
    ],
    [
      'gives the version another number',
      'offer.history',
      { history: hashes(modelOf(4), modelOf(2), modelOf(3), modelOf(1)) },
    ],
    ['knows nothing of the version', 'offer.history', { history: new Uint8Array(128) }],
    ['has a shorter history', 'model.length', { history: hashes(modelOf(4), modelOf(3), modelOf(2)) }],
    ['has a longer history', 'model.length', { history: new Uint8Array(160) }],
    [
      'offers a session with another history than its hash says',
      'model.hash',
      { context: { modelHash: sha256(modelOf(7)) } },
    ],
    ['goes back', 'offer.round', { context: { round: 1 } }],
    ['changes the plan', 'offer.plan', { plan: bufferedPlan({ maxStaleness: 3, staleness: { kind: 'constant' } }) }],
    ['changes the task', 'offer.task', { context: { task: 'other' } }],
    ['changes the suite', 'policy.suite', { context: { suite: 2 } }],
  ])('that %s gets nothing: %s', async (_, code, lie) => {
    const { url, heard } = await server(lie);
    const round = await firstRound(url, { policy: { ...policy, suites: [1] } });
    await expect(round.submit(updateOf(0), { weight: 1 })).rejects.toMatchObject({ name: 'PeerError', code });
    expect(heard).not.toContain('advertise');
  });

  it('that formed the cohort too many versions later: the update stays, and the next round has the current model', async () => {
    const { url, heard } = await server({ context: { round: 6 } });
    const rounds = join(url, options);
    const { value: round } = await rounds.next();
    expect(await round?.submit(updateOf(0), { weight: 1 })).toMatchObject({
      status: 'aborted',
      code: 'async.stale',
      sent: false,
    });
    await heardOf(heard, 'abort');
    expect(heard).not.toContain('advertise');
    // It would go back, which no task does; but it was asked again.
    await expect(rounds.next()).rejects.toMatchObject({ code: 'offer.round' });
  });

  it('that goes while this client waits for others: submit says so, and the loop ends', async () => {
    const { url } = await server({}, { after: (socket) => socket.close(1001, 'no more') });
    const rounds = join(url, options);
    const { value: round } = await rounds.next();
    expect(await round?.submit(updateOf(0), { weight: 1 })).toMatchObject({
      code: 'connection.closed',
      sent: false,
    });
    expect(await rounds.next()).toEqual({ done: true, value: undefined });
  });
});

describe('a client', () => {
  it('that allows less staleness than the plan refuses it, and no other', async () => {
    const { url } = await server({});
    await expect(firstRound(url, { maxStaleness: 2 })).rejects.toMatchObject({ code: 'policy.staleness' });
    expect(await firstRound(url, { maxStaleness: 3 })).toMatchObject({ round: 2 });
    for (const maxStaleness of [-1, 0.5, Number.NaN, '3' as unknown as number])
      expect(() => join(url, { ...options, maxStaleness })).toThrow(expect.objectContaining({ name: 'UsageError' }));
  });

  it('is told of what it can’t submit before it waits for anybody, and may submit again', async () => {
    const { url, heard } = await server({});
    const round = await firstRound(url);
    await expect(round.submit(new Float32Array(3), { weight: 1 })).rejects.toMatchObject({ code: 'usage.vector' });
    await expect(round.submit(updateOf(0))).rejects.toMatchObject({ code: 'usage.options' });
    await expect(round.submit(updateOf(0), { weight: 101 })).rejects.toMatchObject({ code: 'usage.range' });
    expect(heard).toEqual(['hello']);
    const submission = round.submit(updateOf(0), { weight: 1 }).catch(() => undefined);
    await expect(round.submit(updateOf(0), { weight: 1 })).rejects.toMatchObject({ code: 'usage.order' });
    await heardOf(heard, 'advertise');
    void submission;
  });

  it('that goes on without submitting gives its model back', async () => {
    const { url, heard } = await server({});
    const rounds = join(url, options);
    await rounds.next();
    await rounds.return();
    await heardOf(heard, 'abort');
    expect(heard).toEqual(['hello', 'abort']);
  });
});
