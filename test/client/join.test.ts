import { afterEach, describe, expect, it, vi } from 'vitest';
import { type ClientRound, type JoinOptions, join, type RoundOutcome } from '../../src/client/index.js';
import { nobleProvider } from '../../src/crypto/provider/noble.js';
import { webProvider } from '../../src/crypto/provider/web.js';
import { definePlan, planBytes } from '../../src/fl/index.js';
import { contextHash } from '../../src/secagg/context.js';
import { ClientSession } from '../../src/secagg/index.js';
import { encodeAbort } from '../../src/secagg/messages/abort.js';
import { decodeOffer } from '../../src/secagg/messages/offer.js';
import {
  allRounds,
  authority,
  dimension,
  distance,
  float32Tolerance,
  meanOf,
  newIdentity,
  planOf,
  policy,
  range,
  startServer,
  takePart,
  updateOf,
  weighted,
} from '../server/fixtures.js';
import { type FakeServer, fakeServer, model, modelBytes, offerOf } from './fake-server.js';

const identity = await newIdentity();
const options: JoinOptions = { identity, authority: authority.publicKey, policy };

const opened: { readonly close: () => unknown }[] = [];
afterEach(async () => {
  for (const server of opened.splice(0)) await server.close();
});

async function fake(...args: Parameters<typeof fakeServer>): Promise<FakeServer> {
  const server = await fakeServer(...args);
  opened.push(server);
  return server;
}

async function firstRound(url: string, more: Partial<JoinOptions> = {}): Promise<ClientRound> {
  const { value } = await join(url, { ...options, ...more }).next();
  if (value === undefined) throw new Error('no round came');
  return value;
}

describe('arguments', () => {
  it.each([
    ['usage.url', 'nowhere', {}],
    ['usage.url', '', {}],
    ['usage.url', 'ftp://example.org', {}],
    ['usage.url', 7, {}],
    ['usage.bytes', 'ws://localhost', { authority: 'key' }],
    ['usage.bytes', 'ws://localhost', { authority: new Uint8Array(33) }],
    ['usage.bytes', 'ws://localhost', { identity: undefined }],
    ['usage.bytes', 'ws://localhost', { identity: { ...identity, privateKey: new Uint8Array(3) } }],
    ['usage.range', 'ws://localhost', { policy: { minSurvivors: 1 } }],
    ['usage.range', 'ws://localhost', { policy: { suites: [] } }],
  ])('refuses at once with %s: %s %o', (code, url, changes) => {
    expect(() => join(url as string, { ...options, ...(changes as Partial<JoinOptions>) })).toThrow(
      expect.objectContaining({ name: 'UsageError', code }),
    );
  });

  it('refuses no options', () => {
    expect(() => join('ws://localhost', undefined as unknown as JoinOptions)).toThrow(
      expect.objectContaining({ code: 'usage.options' }),
    );
  });

  it('takes a URL object and http: as well', async () => {
    const server = await fake({});
    const url = new URL(server.url.replace('ws:', 'http:'));
    for await (const round of join(url, options)) {
      expect(round).toMatchObject({ task: 'test', round: 0 });
      expect(round.model).toEqual(model);
      expect(round.plan).toEqual(planOf());
      break;
    }
  });
});

describe('the connection', () => {
  it('that nobody answers fails with a type', async () => {
    await expect(firstRound('ws://127.0.0.1:1')).rejects.toMatchObject({
      name: 'ConnectionEnd',
      code: 'connection.failed',
    });
  });

  it('that the server ends with goodbye ends the loop', async () => {
    const server = await fake({ hello: (socket) => socket.close(1000) });
    expect(await join(server.url, options).next()).toEqual({ done: true, value: undefined });
  });

  it.each([
    [
      'connection.refused',
      (socket: { close(code: number, reason: string): void }) => socket.close(1008, 'hello.task: none'),
    ],
    ['connection.lost', (socket: { terminate(): void }) => socket.terminate()],
  ] as const)('ends with %s', async (code, end) => {
    const server = await fake({ hello: end });
    await expect(firstRound(server.url)).rejects.toMatchObject({ code });
  });

  it('that is lost in the middle of a round: submit says so, then the loop', async () => {
    const server = await fake({ message: (socket) => socket.terminate() });
    const rounds = join(server.url, options);
    const { value: round } = await rounds.next();
    expect(await round?.submit(updateOf(0), { weight: 1 })).toMatchObject({
      status: 'aborted',
      code: 'connection.lost',
    });
    await expect(rounds.next()).rejects.toMatchObject({ code: 'connection.lost' });
    expect(await rounds.next()).toEqual({ done: true, value: undefined });
  });

  it.each([
    ['offer.unasked', offerOf()],
    ['connection.flood', new Uint8Array([14])],
  ])('a server that floods is left with %s', async (code, message) => {
    const server = await fake({
      hello: (socket) => {
        socket.send(offerOf());
        for (let i = 0; i < 100; i += 1) socket.send(message);
      },
    });
    const loop = async (): Promise<void> => {
      for await (const round of join(server.url, options)) expect(round.round).toBe(0);
    };
    await expect(loop()).rejects.toMatchObject({ name: 'PeerError', code });
  });

  it('leaving the loop closes it', async () => {
    const server = await startServer({ task: { clients: { min: 4, max: 8 } } });
    opened.push(server);
    void server.rounds().next();
    const clients = range(3).map((i) => takePart(server.url, { i }));
    for await (const round of join(server.url, options)) {
      expect(server.connections()).toBe(4);
      expect(round.round).toBe(0);
      break;
    }
    await vi.waitFor(() => expect(server.connections()).toBe(3));
    await server.close();
    await Promise.all(clients);
  });
});

describe('an offer', () => {
  const other = planBytes(planOf({ quantize: { bits: 8, range: 1 } }));
  const badPlan = new TextEncoder().encode('{"version":1}');

  // Rules [offer-1], [offer-2], [offer-3], [offer-4], [enrol-2] and [policy-1] of the protocol.
  it.each<[string, () => Uint8Array, Partial<JoinOptions>?]>([
    ['offer.task', () => offerOf(), { task: 'another' }],
    ['offer.plan', () => offerOf({}, { plan: other })],
    ['offer.plan', () => offerOf({ planHash: new Uint8Array(32) })],
    ['plan.schema', () => offerOf({ planHash: nobleProvider.sha256(badPlan) }, { plan: badPlan })],
    ['offer.shape', () => offerOf({ ringBits: 31 })],
    ['offer.shape', () => offerOf({ vectorLength: dimension })],
    ['offer.shape', () => offerOf({ maxClients: 31 })],
    ['offer.model', () => offerOf({}, { model: 'http://elsewhere.example/model' })],
    ['offer.model', () => offerOf({}, { model: '//elsewhere.example/model' })],
    ['offer.model', () => offerOf({}, { model: 'file:///etc/passwd' })],
    ['offer.model', () => offerOf({}, { model: 'http://[' })],
    ['model.hash', () => offerOf({ modelHash: new Uint8Array(32) })],
    ['policy.authority', () => offerOf({ authority: new Uint8Array(32).fill(7) })],
    ['policy.suite', () => offerOf({ suite: 2 }), { policy: { ...policy, suites: [1] } }],
    ['policy.threat', () => offerOf({ threat: 'semi-honest' })],
    ['codec.malformed', () => offerOf().slice(0, -1)],
    ['codec.malformed', () => new Uint8Array([...offerOf(), 0])],
  ])('is refused with %s', async (code, offer, more) => {
    const server = await fake({ hello: (socket) => socket.send(offer()) });
    await expect(firstRound(server.url, more)).rejects.toMatchObject({ name: 'PeerError', code });
  });

  // Rule [model-1].
  it.each<[string, Parameters<typeof fakeServer>[0]]>([
    ['model.length', { body: modelBytes.slice(1) }],
    ['model.length', { body: new Uint8Array(1_000_000) }],
    ['model.hash', { body: modelBytes.map((byte) => byte ^ 1) }],
    ['model.unavailable', { status: 404 }],
    ['model.unavailable', { redirect: 'http://elsewhere.example/' }],
  ])('whose model is not there or another is refused with %s', async (code, answer) => {
    const server = await fake(answer);
    await expect(firstRound(server.url)).rejects.toMatchObject({ code });
  });

  // Rule [offer-1].
  it('of an earlier round is refused', async () => {
    const server = await fake({ hello: (socket, count) => socket.send(offerOf({ round: 5 - count })) });
    const rounds = join(server.url, options);
    expect((await rounds.next()).value?.round).toBe(5);
    await expect(rounds.next()).rejects.toMatchObject({ code: 'offer.round' });
  });

  it('of the same model again does not fetch it again, and the caller may change it', async () => {
    const server = await fake({});
    const rounds = join(server.url, options);
    const first = (await rounds.next()).value;
    first?.model.fill(0);
    const second = (await rounds.next()).value;
    expect(second?.model).toEqual(model);
    expect(server.fetched()).toBe(1);
    await rounds.return();
  });

  it('that is skipped is left, and the server hears so', async () => {
    const heard: string[] = [];
    const server = await fake({ message: (_socket, name) => heard.push(name) });
    const rounds = join(server.url, options);
    await rounds.next();
    await rounds.next();
    await rounds.return();
    await vi.waitFor(() => expect(heard).toEqual(['abort', 'abort']));
  });
});

describe('submit', () => {
  it.each<[string, unknown, unknown]>([
    ['usage.vector', new Float32Array(dimension - 1), { weight: 1 }],
    ['usage.floats', new Float64Array(dimension), { weight: 1 }],
    ['usage.floats', undefined, { weight: 1 }],
    ['usage.finite', new Float32Array(dimension).fill(Number.NaN), { weight: 1 }],
    ['usage.range', new Float32Array(dimension), { weight: 101 }],
    ['usage.range', new Float32Array(dimension), { weight: 0.5 }],
    ['usage.options', new Float32Array(dimension), {}],
    ['usage.metrics', new Float32Array(dimension), { weight: 1, metrics: { loss: 1 } }],
  ])('refuses with %s before anything is sent, and can be called again', async (code, update, contribution) => {
    const heard: string[] = [];
    const server = await fake({
      message: (socket, name) => {
        heard.push(name);
        socket.close(1000);
      },
    });
    const round = await firstRound(server.url);
    await expect(round.submit(update as Float32Array, contribution as { weight: number })).rejects.toMatchObject({
      name: 'UsageError',
      code,
    });
    expect(heard).toEqual([]);
    expect(await round.submit(updateOf(0), { weight: 1 })).toMatchObject({ code: 'connection.closed' });
    expect(heard).toEqual(['advertise']);
    await expect(round.submit(updateOf(0), { weight: 1 })).rejects.toMatchObject({ code: 'usage.order' });
  });

  it('the server that aborts during training is heard, and submit says why', async () => {
    const offer = offerOf();
    const tag = contextHash(decodeOffer(offer).context).subarray(0, 16);
    const heard: string[] = [];
    const server = await fake({
      hello: (socket) => {
        socket.send(offer);
        setTimeout(() => socket.send(encodeAbort(tag, { code: 'advertise.few', reason: 'too few' })), 50);
      },
      message: (_socket, name) => heard.push(name),
    });
    const round = await firstRound(server.url);
    expect(round.signal.aborted).toBe(false);
    await new Promise((resolve) => round.signal.addEventListener('abort', resolve));
    expect(await round.submit(updateOf(0), { weight: 1 })).toEqual({
      status: 'aborted',
      code: 'advertise.few',
      reason: 'too few',
      sent: false,
    });
    expect(heard).toEqual([]);
  });

  it('the server that aborts while the model is fetched is heard too', async () => {
    const offer = offerOf();
    const tag = contextHash(decodeOffer(offer).context).subarray(0, 16);
    const server = await fake({
      hello: (socket) => {
        socket.send(offer);
        socket.send(encodeAbort(tag, { code: 'advertise.few', reason: 'too few' }));
      },
    });
    const round = await firstRound(server.url);
    expect(round.signal.aborted).toBe(true);
    expect(await round.submit(updateOf(0), { weight: 1 })).toMatchObject({ status: 'aborted', code: 'advertise.few' });
  });

  it.each<[string, (offer: Uint8Array) => Uint8Array]>([
    ['codec.type', () => new Uint8Array([0])],
    ['codec.type', () => new Uint8Array()],
    ['order.unexpected', (offer) => new Uint8Array([5, ...contextHash(decodeOffer(offer).context).subarray(0, 16)])],
    ['order.unexpected', (offer) => new Uint8Array([9, ...contextHash(decodeOffer(offer).context).subarray(0, 16)])],
    ['session.mismatch', () => new Uint8Array(200).fill(4)],
    ['codec.malformed', (offer) => new Uint8Array([4, ...contextHash(decodeOffer(offer).context).subarray(0, 16), 1])],
  ])('a server that answers nonsense: %s is thrown and told, and the next round comes', async (code, nonsense) => {
    const heard: string[] = [];
    const server = await fake({
      message: (socket, name) => {
        heard.push(name);
        if (name === 'advertise') socket.send(nonsense(offerOf()));
      },
    });
    const rounds = join(server.url, options);
    const { value: round } = await rounds.next();
    await expect(round?.submit(updateOf(0), { weight: 1 })).rejects.toMatchObject({ name: 'PeerError', code });
    expect((await rounds.next()).value?.round).toBe(0);
    expect(heard.slice(0, 2)).toEqual(['advertise', 'abort']);
    await rounds.return();
  });

  it.each<[string, Partial<JoinOptions['policy']>]>([
    ['policy.clients', { ...policy, minClients: 11 }],
    ['policy.degree', { ...policy, minDegree: 10 }],
    ['policy.threshold', { ...policy, minThreshold: 10 }],
    ['policy.parameters', { ...policy, assumptions: { corrupt: 0.4, dropout: 0, threat: 'malicious' } }],
    ['survivors.few', { ...policy, minSurvivors: 10 }],
  ])('a server below the floors of the policy: %s; others go on', async (code, floors) => {
    const assumptions = { corrupt: 0, dropout: 0.3, correctnessBits: 1 };
    const server = await startServer({ task: { clients: { min: 9, max: 10 }, assumptions } });
    const picky = (async () => {
      const rounds = join(server.url, { ...options, policy: floors ?? {} });
      const { value: round } = await rounds.next();
      const outcome = await round?.submit(updateOf(9), { weight: 10 }).catch((error: unknown) => error);
      await rounds.next();
      return outcome;
    })();
    // For the floor on survivors, one of ten goes before the sum.
    const absent = code === 'survivors.few' ? 1 : 0;
    const clients = range(9).map((i) => takePart(server.url, i < absent ? { i, vanishAt: 'input' } : { i }));
    const results = await allRounds(server).catch((error: unknown) => error);
    expect(await picky).toMatchObject({ name: 'PeerError', code });
    await Promise.all(clients);
    expect(results).toMatchObject([{ round: 0 }]);
  });

  it('stops uploading when the server says that it is over', async () => {
    const large = 3_000_000;
    const plan = definePlan({
      vector: { dimension: large },
      cohort: { maxClients: 8 },
      quantize: { bits: 16, range: 1 },
    });
    const server = await startServer({
      deadlines: { input: 1500 },
      retries: 0,
      task: { plan, model: new Float32Array(large), clients: { min: 4, max: 4 } },
    });
    const outcomes: RoundOutcome[] = [];
    const clients = range(4).map(async (i) => {
      for await (const round of join(server.url, {
        ...options,
        identity: await newIdentity(),
        // Three never upload.
        onPhase: (phase) =>
          phase === 'input' && i > 0 ? new Promise((resolve) => setTimeout(resolve, 3000)) : undefined,
      }))
        outcomes.push(await round.submit(round.model));
    });
    await expect(server.rounds().next()).rejects.toMatchObject({ code: 'round.failed', message: /input\.few/ });
    await server.close();
    await Promise.all(clients);
    expect(outcomes).toHaveLength(4);
    for (const outcome of outcomes) expect(outcome).toMatchObject({ status: 'aborted', code: 'input.few' });
  });
});

describe('the signal', () => {
  it('aborted before: nothing is connected', async () => {
    const signal = AbortSignal.abort(new Error('never'));
    await expect(firstRound('ws://127.0.0.1:1', { signal })).rejects.toThrow('never');
  });

  it.each(['while connecting', 'while waiting for an offer', 'while the model is fetched'])(
    'aborted %s',
    async (when) => {
      const server = await fake(when === 'while waiting for an offer' ? { hello: () => undefined } : {});
      const controller = new AbortController();
      if (when === 'while connecting') queueMicrotask(() => controller.abort(new Error('gone')));
      else if (when === 'while the model is fetched')
        vi.spyOn(globalThis, 'fetch').mockImplementationOnce(
          (_url, init) =>
            new Promise((_resolve, reject) => {
              init?.signal?.addEventListener('abort', () => reject(init.signal?.reason));
              controller.abort(new Error('gone'));
            }),
        );
      else setTimeout(() => controller.abort(new Error('gone')), 100);
      await expect(firstRound(server.url, { signal: controller.signal })).rejects.toThrow('gone');
    },
  );

  it('aborted while training or submitting: submit rejects, secrets are wiped, the loop ends', async () => {
    const wiped = vi.spyOn(ClientSession.prototype, 'abort');
    const server = await fake({});
    const controller = new AbortController();
    const rounds = join(server.url, { ...options, signal: controller.signal });
    const { value: round } = await rounds.next();
    const submitted = round?.submit(updateOf(0), { weight: 1 });
    controller.abort(new Error('gone'));
    await expect(submitted).rejects.toThrow('gone');
    expect(round?.signal.aborted).toBe(false);
    await expect(rounds.next()).rejects.toThrow('gone');
    expect(wiped).toHaveBeenCalled();
    wiped.mockRestore();
  });

  it('is let go of when the loop is left', async () => {
    const server = await fake({});
    const controller = new AbortController();
    const remove = vi.spyOn(controller.signal, 'removeEventListener');
    for await (const round of join(server.url, { ...options, signal: controller.signal })) {
      expect(round.round).toBe(0);
      break;
    }
    expect(remove).toHaveBeenCalled();
  });
});

it.each([nobleProvider, webProvider])('the provider is the caller’s choice: $name', async (provider) => {
  const server = await startServer({ task: { clients: { min: 4, max: 4 } } });
  const clients = range(4).map((i) => takePart(server.url, i === 0 ? { i, provider } : { i }));
  const [result] = await allRounds(server);
  await Promise.all(clients);
  expect(distance(result?.model ?? new Float32Array(), meanOf(weighted(...range(4))))).toBeLessThan(float32Tolerance);
});
