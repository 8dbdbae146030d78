/** What goes wrong at an edge, below it and above it. */
import { connect, createServer, type Socket } from 'node:net';
import { describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import type { Edge, EdgeOptions } from '../../src/edge/index.js';
import { edgeRoundTime, runEdge } from '../../src/edge/index.js';
import { centralPrivacy, definePlan, rootPlan } from '../../src/fl/index.js';
import type { Phase } from '../../src/secagg/index.js';
import type { Server } from '../../src/server/index.js';
import {
  allRounds,
  authority,
  dimension,
  distance,
  meanOf,
  newIdentity,
  policy,
  range,
  startServer,
  step,
  type TestClient,
  type TestServerOptions,
  takePart,
} from '../server/fixtures.js';
import { edgePlan, play, startEdge } from './fixtures.js';

const each = 5;
const plan = edgePlan({ metrics: [] });
/** In the clear two edges are enough. */
const open = rootPlan(plan, { edges: 3, clients: each, masking: { kind: 'none' } });
const two = { min: 2, max: 2 };
const masked = rootPlan(plan, { edges: 3, clients: each });

function startRoot({ task, ...options }: TestServerOptions = {}): Promise<Server> {
  return startServer({
    gather: 10_000,
    ...options,
    task: { plan: open, clients: { min: 2, max: 3 }, assumptions: { corrupt: 0, dropout: 0 }, ...task },
  });
}

function clientsOf(url: string, edge: number, options: Partial<TestClient> = {}): ReturnType<typeof takePart>[] {
  return range(each).map((j) => takePart(url, { i: edge * each + j, ...options }));
}

const weights = (...edges: readonly number[]): { i: number; weight: number }[] =>
  edges.flatMap((edge) => range(each).map((j) => ({ i: edge * each + j, weight: edge * each + j + 1 })));
const model = (results: readonly { readonly model: Float32Array }[], round = 0): Float32Array =>
  results[round]?.model ?? new Float32Array();
const tolerance = 2 * step;

/**
 * A masked root with two edges and somebody like an edge, who leaves before the message of `phase` in the first attempt
 * and comes back.
 */
async function withLeaver(phase: Phase): Promise<{
  readonly server: Server;
  readonly clients: ReturnType<typeof clientsOf>;
  readonly played: ReturnType<typeof play>[];
  readonly back: ReturnType<typeof takePart>;
}> {
  const server = await startRoot({ task: { plan: masked, clients: { min: 3, max: 3 } } });
  const edges = await Promise.all(range(2).map(() => startEdge(server.url, { plan })));
  const clients = edges.flatMap(({ url }, edge) => clientsOf(url, edge));
  const played = edges.map(play);
  const client = { i: 0, weight: 1, identity: await newIdentity(), update: new Float32Array(dimension) };
  const leaver = takePart(server.url, { ...client, vanishAt: phase });
  return { server, clients, played, back: leaver.then(() => takePart(server.url, client)) };
}

describe('downstream', () => {
  it('an edge whose round fails sits out; the root goes on without it', async () => {
    const server = await startRoot();
    const edges = await Promise.all(range(3).map(() => startEdge(server.url, { plan })));
    const clients = edges.flatMap(({ url }, edge) => clientsOf(url, edge, edge === 1 ? { vanishAt: 'input' } : {}));
    const played = edges.map(play);
    const results = await allRounds(server);
    expect(distance(model(results), meanOf(weights(0, 2)))).toBeLessThan(tolerance);
    expect(results[0]?.cohorts[0]).toMatchObject({ roster: 2, survivors: 2 });
    const [first, failed] = await Promise.all(played);
    expect(first?.rounds[0]?.outcome).toEqual({ status: 'summed', survivors: 2 });
    expect(failed?.rounds[0]).toMatchObject({ round: 0, outcome: { status: 'satOut', code: 'round.failed' } });
    expect(failed?.rounds[0]?.own).toBeUndefined();
    expect(failed?.error).toBeUndefined();
    await Promise.all(clients);
  });

  it('an edge without clients enough doesn’t hold up the root', async () => {
    const server = await startRoot({ gather: 500 });
    const edges = await Promise.all(range(3).map(() => startEdge(server.url, { plan })));
    const clients = edges.slice(0, 2).flatMap(({ url }, edge) => clientsOf(url, edge));
    const played = edges.map(play);
    // Its two clients are too few for its own task.
    const url = edges[2]?.url ?? '';
    const few = [takePart(url, { i: 0 }), takePart(url, { i: 1 })];
    const results = await allRounds(server);
    expect(distance(model(results), meanOf(weights(0, 1)))).toBeLessThan(tolerance);
    for (const { error } of await Promise.all(played.slice(0, 2))) expect(error).toBeUndefined();
    await edges[2]?.close();
    expect(await played[2]).toEqual({ rounds: [] });
    for (const { outcomes, error } of await Promise.all(few)) expect([outcomes, error]).toEqual([[], undefined]);
    await Promise.all(clients);
  });

  it('an edge that is too late gives up, tells its clients, and takes part in the next round', async () => {
    const server = await startRoot({ task: { rounds: 2 } });
    // In the clear its own round has one phase, so that a deadline is short without being tight.
    const clear = { plan: edgePlan({ metrics: [], masking: { kind: 'none' } }) };
    const late = { ...clear, deadline: 4100, downstream: { gather: 100, deadlines: { advertise: 2000, input: 2000 } } };
    const edges = await Promise.all([{ plan }, { plan }, late].map((edge) => startEdge(server.url, edge)));
    const clients = edges.slice(0, 2).flatMap(({ url }, edge) => clientsOf(url, edge));
    // Four of five, and one that connects and asks for nothing.
    const url = edges[2]?.url ?? '';
    const [last = 0, ...others] = range(each).map((j) => 2 * each + j);
    clients.push(...others.map((i) => takePart(url, { i, allowUnmasked: true })));
    const silent = new WebSocket(url);
    const played = edges.map(play);
    const rounds = server.rounds();
    const { value: first } = await rounds.next();
    expect(distance(first?.model ?? new Float32Array(), meanOf(weights(0, 1)))).toBeLessThan(tolerance);
    silent.close();
    clients.push(takePart(url, { i: last, allowUnmasked: true }));
    const { value: second } = await rounds.next();
    expect(second?.weight).toBe(weights(0, 1, 2).reduce((sum, { weight }) => sum + weight, 0));
    await server.close();
    expect((await played[2])?.rounds).toMatchObject([
      { round: 0, outcome: { status: 'satOut', code: 'edge.late' } },
      { round: 1, outcome: { status: 'summed', survivors: 3 } },
    ]);
    for (const { error } of await Promise.all(clients)) expect(error).toBeUndefined();
  });

  it('a privacy budget that is spent ends the edge', async () => {
    const [vector, cohort] = [{ dimension }, { maxClients: 8 }];
    const budget = { epsilon: 8, delta: 1e-5, rounds: 1 };
    const noisy = definePlan({
      vector,
      cohort,
      ...centralPrivacy({ vector, cohort, clip: 1, budget, quantize: { bits: 16 } }),
    });
    const quantize = { bits: 16, range: 2 };
    const root = rootPlan(noisy, { edges: 2, clients: each, quantize, masking: { kind: 'none' } });
    const server = await startRoot({
      task: {
        rounds: 2,
        plan: root,
        clients: two,
      },
    });
    const edges = await Promise.all(range(2).map(() => startEdge(server.url, { plan: noisy })));
    const clients = edges.flatMap(({ url }, edge) => clientsOf(url, edge, { weight: 1 }));
    const played = edges.map(play);
    const rounds = server.rounds();
    expect((await rounds.next()).value?.weight).toBe(2 * each);
    const next = rounds.next();
    for (const {
      rounds: [first],
      error,
    } of await Promise.all(played)) {
      expect(first?.own?.privacy?.epsilon).toBeLessThanOrEqual(8);
      expect(error).toMatchObject({ code: 'edge.rounds' });
    }
    await server.close();
    await next;
    await Promise.all(clients);
  });
});

describe('upstream', () => {
  it('the root closes in the middle: edges and clients end, nobody throws', async () => {
    const server = await startRoot({ task: { rounds: 5, clients: two } });
    const edges = await Promise.all(range(2).map(() => startEdge(server.url, { plan })));
    let training = 0;
    const train = async (): Promise<void> => {
      training += 1;
      if (training === 2 * each) void server.close();
      await new Promise((resolve) => setTimeout(resolve, 300));
    };
    const clients = edges.flatMap(({ url }, edge) => clientsOf(url, edge, { train }));
    const played = edges.map(play);
    expect((await server.rounds().next()).done).toBe(true);
    for (const { rounds, error } of await Promise.all(played)) {
      expect(error).toBeUndefined();
      expect(rounds.map(({ outcome }) => outcome)).toMatchObject([{ status: 'satOut', code: 'edge.late' }]);
    }
    for (const { error } of await Promise.all(clients)) expect(error).toBeUndefined();
  });

  it('the root is lost: the edge throws, its clients are told, its port is free', async () => {
    const server = await startRoot({ task: { rounds: 5, clients: two } });
    const cut = await proxyTo(server.port);
    const edges = await Promise.all(range(2).map(() => startEdge(`ws://127.0.0.1:${cut.port}`, { plan })));
    const clients = edges.flatMap(({ url }, edge) => clientsOf(url, edge, { train: async () => cut.cut() }));
    const next = server.rounds().next();
    for (const { rounds, error } of await Promise.all(edges.map(play))) {
      expect(error).toMatchObject({ code: 'connection.lost' });
      expect(rounds.every(({ outcome }) => outcome.status === 'satOut')).toBe(true);
    }
    for (const { error } of await Promise.all(clients)) expect(error).toBeUndefined();
    const again = await startEdge(server.url, { plan, downstream: { port: edges[0]?.port ?? 0 } });
    await again.close();
    await server.close();
    await next;
  });

  it('a root that isn’t there: connection.failed, once there are clients', async () => {
    const edge = await startEdge('ws://127.0.0.1:9', { plan });
    const clients = clientsOf(edge.url, 0);
    expect((await play(edge)).error).toMatchObject({ code: 'connection.failed' });
    for (const { error } of await Promise.all(clients)) expect(error).toBeUndefined();
  });

  it('a root whose plan doesn’t fit is refused before a client trains', async () => {
    const server = await startRoot({
      task: { plan: rootPlan(plan, { edges: 3, clients: 2 }), clients: { min: 3, max: 3 } },
    });
    const edges = await Promise.all(range(3).map(() => startEdge(server.url, { plan })));
    const clients = edges.flatMap(({ url }, edge) => clientsOf(url, edge));
    const rounds = server.rounds();
    const next = rounds.next().catch(() => undefined);
    for (const { error } of await Promise.all(edges.map(play))) expect(error).toMatchObject({ code: 'edge.weights' });
    await server.close();
    await next;
    for (const { outcomes } of await Promise.all(clients)) expect(outcomes).toEqual([]);
  });

  it('a root below the edge’s policy gets nothing', async () => {
    const server = await startRoot({ task: { plan: masked, clients: { min: 3, max: 3 } }, retries: 0 });
    const strict = { ...policy, minClients: 4 };
    const edges = await Promise.all(range(3).map(() => startEdge(server.url, { plan, upstream: { policy: strict } })));
    const clients = edges.flatMap(({ url }, edge) => clientsOf(url, edge));
    const played = edges.map(play);
    await expect(allRounds(server)).rejects.toMatchObject({ code: 'round.failed' });
    for (const { rounds } of await Promise.all(played))
      expect(rounds[0]).toMatchObject({ own: {}, outcome: { status: 'satOut', code: 'policy.clients' } });
    await Promise.all(clients);
  });

  it('a round that failed before anything was told is tried again with the same contribution', async () => {
    const { server, clients, played, back } = await withLeaver('share');
    const results = await allRounds(server);
    expect(results[0]?.failures.length).toBe(1);
    for (const { rounds } of await Promise.all(played)) {
      expect(rounds.map(({ outcome }) => outcome)).toMatchObject([
        { status: 'aborted', sent: false },
        { status: 'summed', survivors: 3 },
      ]);
      expect(rounds[1]?.own).toBe(rounds[0]?.own);
    }
    expect((await back).outcomes).toMatchObject([{ status: 'summed' }]);
    for (const { outcomes } of await Promise.all(clients)) expect(outcomes.length).toBe(1);
  });

  it('but anew if the root may have a sum of what was told', async () => {
    const { server, clients, played, back } = await withLeaver('unmask');
    await allRounds(server);
    for (const { rounds } of await Promise.all(played)) {
      expect(rounds.map(({ outcome }) => outcome)).toMatchObject([
        { status: 'aborted', sent: true },
        { status: 'summed', survivors: 3 },
      ]);
      expect(rounds[1]?.own).not.toBe(rounds[0]?.own);
      expect(rounds[1]?.own?.round).toBe(1);
    }
    await back;
    for (const { outcomes } of await Promise.all(clients)) expect(outcomes.length).toBe(2);
  });
});

describe('an edge that closes', () => {
  it('in the middle of its round: the root goes on, its clients are told, the loop ends', async () => {
    const server = await startRoot();
    const edges = await Promise.all(range(3).map(() => startEdge(server.url, { plan })));
    const clients = edges.flatMap(({ url, close }, edge) => clientsOf(url, edge, edge === 2 ? { train: close } : {}));
    const played = edges.map(play);
    const results = await allRounds(server);
    expect(distance(model(results), meanOf(weights(0, 1)))).toBeLessThan(tolerance);
    expect(await played[2]).toEqual({ rounds: [] });
    for (const { error } of await Promise.all(clients)) expect(error).toBeUndefined();
  });

  it('in the middle of the root’s session: five edges, masked, spare one', async () => {
    const fivePlan = rootPlan(plan, { edges: 5, clients: each });
    const task = { plan: fivePlan, clients: { min: 5, max: 5 }, assumptions: { corrupt: 0.1, dropout: 0.2 } };
    const server = await startRoot({ task });
    const edges: Edge[] = [];
    for (const edge of range(5)) {
      const onPhase = async (phase: string): Promise<void> => {
        if (edge === 4 && phase === 'input') await edges[4]?.close();
      };
      edges.push(await startEdge(server.url, { plan, upstream: { onPhase } }));
    }
    const clients = edges.flatMap(({ url }, edge) => clientsOf(url, edge));
    const played = edges.map(play);
    const results = await allRounds(server);
    expect(results[0]?.cohorts[0]).toMatchObject({ roster: 5, survivors: 4, dropouts: { input: 1 } });
    expect(distance(model(results), meanOf(weights(0, 1, 2, 3)))).toBeLessThan(tolerance);
    expect(await played[4]).toEqual({ rounds: [] });
    await Promise.all(clients);
  });

  it('and one that is started again at its place goes on', async () => {
    const server = await startRoot({ task: { rounds: 2, clients: { min: 3, max: 3 } } });
    const identity = await newIdentity();
    const edges = await Promise.all(
      range(3).map((edge) => startEdge(server.url, { plan, ...(edge === 2 ? { identity } : {}) })),
    );
    const clients = edges.flatMap(({ url }, edge) => clientsOf(url, edge));
    const played = edges.map(play);
    const rounds = server.rounds();
    const { value: first } = await rounds.next();
    await edges[2]?.close();
    const again = await startEdge(server.url, { plan, identity, downstream: { port: edges[2]?.port ?? 0 } });
    const back = clientsOf(again.url, 2);
    const replayed = play(again);
    const { value: second } = await rounds.next();
    expect(first?.cohorts[0]?.clients).toContain(Buffer.from(identity.certificate.identityKey).toString('hex'));
    expect(new Set(second?.cohorts[0]?.clients)).toEqual(new Set(first?.cohorts[0]?.clients));
    expect((await replayed).rounds).toMatchObject([{ round: 1, outcome: { status: 'summed' } }]);
    await server.close();
    await Promise.all([...clients, ...back, ...played]);
  });

  it('is closed by leaving the loop, and may be closed twice, and before it began', async () => {
    const server = await startRoot({ task: { clients: two } });
    const edges = await Promise.all(range(2).map(() => startEdge(server.url, { plan })));
    const clients = edges.flatMap(({ url }, edge) => clientsOf(url, edge));
    const left = edges.map(async ({ rounds }) => {
      for await (const { outcome } of rounds()) return outcome.status;
      return 'none';
    });
    await server.rounds().next();
    expect(await Promise.all(left)).toEqual(['summed', 'summed']);
    for (const { error } of await Promise.all(clients)) expect(error).toBeUndefined();
    for (const { close } of edges) await close();
    const unused = await startEdge(server.url, { plan });
    await unused.close();
    expect(await play(unused)).toEqual({ rounds: [] });
    await server.close();
  });

  it('has one who iterates at a time', async () => {
    const edge = await startEdge('ws://127.0.0.1:9', { plan });
    const first = edge.rounds().next();
    await expect(edge.rounds().next()).rejects.toMatchObject({ code: 'usage.order' });
    await edge.close();
    expect((await first).done).toBe(true);
  });
});

describe('options', () => {
  const good = async (): Promise<EdgeOptions> => ({
    upstream: { url: 'ws://127.0.0.1:9', identity: await newIdentity(), authority: authority.publicKey, policy },
    downstream: { authority: authority.publicKey, task: { name: 'edge', plan, clients: { min: 5, max: 5 } } },
  });

  it.each<[string, (options: EdgeOptions) => unknown, string]>([
    ['nothing', () => undefined, 'usage.options'],
    ['no upstream', (o) => ({ ...o, upstream: undefined }), 'usage.options'],
    ['no address', (o) => ({ ...o, upstream: { ...o.upstream, url: 'root' } }), 'usage.url'],
    ['another’s key', (o) => ({ ...o, upstream: { ...o.upstream, authority: new Uint8Array(31) } }), 'usage.bytes'],
    ['no downstream', (o) => ({ ...o, downstream: null }), 'usage.options'],
    ['no task', (o) => ({ ...o, downstream: { ...o.downstream, task: 'edge' } }), 'usage.options'],
    ['no plan', (o) => ({ ...o, downstream: { ...o.downstream, task: { name: 'edge' } } }), 'usage.plan'],
    ['a port that is none', (o) => ({ ...o, downstream: { ...o.downstream, port: -1 } }), 'usage.range'],
    ['unit 0', (o) => ({ ...o, unit: 0 }), 'usage.range'],
    ['deadline 0', (o) => ({ ...o, deadline: 0 }), 'usage.range'],
    ['a deadline below its own', (o) => ({ ...o, deadline: 60_000 }), 'edge.deadline'],
  ])('refuse %s', async (_, change, code) => {
    await expect(runEdge(change(await good()) as EdgeOptions)).rejects.toMatchObject({ code });
  });

  it('say how long a round may take', async () => {
    const { downstream } = await good();
    expect(edgeRoundTime(downstream)).toBe(1000 + 120_000 + 30_000 + 120_000 + 30_000 + 30_000);
    expect(edgeRoundTime({ ...downstream, retries: 1, gather: 0, deadlines: { advertise: 1 } })).toBe(2 * 210_001);
    expect(() => edgeRoundTime({ ...downstream, gather: -1 })).toThrow(
      expect.objectContaining({ code: 'usage.range' }),
    );
  });
});

interface Proxy {
  readonly port: number;
  /** Cuts all connections, and takes no more. */
  readonly cut: () => void;
}

async function proxyTo(port: number): Promise<Proxy> {
  const sockets: Socket[] = [];
  const server = createServer((from) => {
    const to = connect(port, '127.0.0.1');
    sockets.push(from, to);
    for (const socket of [from, to]) socket.on('error', () => undefined);
    from.pipe(to).pipe(from);
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const address = server.address();
  return {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    cut: () => {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}
