import { describe, expect, test } from 'vitest';
import { AbortError, PeerError, UsageError } from '../../../src/core/errors.js';
import { addInto, asPlain, zeroVector } from '../../../src/ring/vector.js';
import { ClientSession } from '../../../src/secagg/client/session.js';
import { tagLength } from '../../../src/secagg/context.js';
import { removeMasks, splitRemoval } from '../../../src/secagg/mask-removal.js';
import { decodeAbort } from '../../../src/secagg/messages/abort.js';
import { messageTypes } from '../../../src/secagg/messages/envelope.js';
import { decodeRoster } from '../../../src/secagg/messages/roster.js';
import { decodeSurvivors } from '../../../src/secagg/messages/survivors.js';
import type { SessionParameters } from '../../../src/secagg/parameters.js';
import { defaultPolicy } from '../../../src/secagg/policy.js';
import { ServerSession, type ServerSessionOptions } from '../../../src/secagg/server/session.js';
import {
  codeOf,
  codes,
  complete,
  laxPolicy,
  makeWorld,
  now,
  plainSum,
  play,
  sparse,
  sumOf,
} from '../../support/session.js';

describe('ServerSession', () => {
  test.each([
    ['two clients', 2, complete(1)],
    ['three', 3, complete(2)],
    ['a sparse graph', 12, sparse(6, 3)],
    ['the complete graph', 12, complete(7)],
  ] as const)('sums the inputs of %s', async (_, n, parameters) => {
    const world = await makeWorld({ n, parameters, seed: 'sums' });
    const outcome = await play(world);
    const peers = world.seats.map(({ peer }) => peer);
    expect(sumOf(outcome)).toEqual(plainSum(world, peers));
    expect([...(outcome.result?.survivors ?? [])].sort()).toEqual([...peers].sort());
    expect(outcome.result?.cheaters).toEqual([]);
    expect(outcome.result?.parameters).toEqual(parameters(n));
  });

  test.each([1, 2, 7, 8, 9, 16, 17, 31, 32])('in a ring of %i bits, wrapping as it should', async (ringBits) => {
    const top = 2 ** ringBits - 1;
    const world = await makeWorld({
      n: 4,
      seed: `ring ${ringBits}`,
      context: { ringBits, vectorLength: 9 },
      inputs: (client) => Array.from({ length: 9 }, (_, i) => (i % 2 === 0 ? top : (client * i) % (top + 1))),
    });
    const outcome = await play(world);
    expect(sumOf(outcome)).toEqual(
      plainSum(
        world,
        world.seats.map(({ peer }) => peer),
      ),
    );
  });

  test('counts what is missing down to nothing, phase by phase', async () => {
    const { server, seats } = await makeWorld({ n: 3, parameters: complete(2), context: { maxClients: 3 } });
    expect(server.missing).toBe(3);
    const messages = await Promise.all(seats.map(({ client }) => client.start()));
    for (const [i, message] of messages.entries()) {
      await server.receive(`client ${i}`, message);
      expect(server.missing).toBe(2 - i);
    }
    await server.close();
    expect(server.missing).toBe(3);
    await server.leave('client 1');
    expect(server.missing).toBe(2);
    await server.leave('client 1');
    await server.leave('nobody');
    expect(server.missing).toBe(2);
  });

  test('doesn’t wait in a later phase for one that left after its answer', async () => {
    const { server, seats } = await makeWorld({ n: 6, parameters: complete(3), context: { maxClients: 6 } });
    for (const { peer, client } of seats) await server.receive(peer, await client.start());
    for (const { to, message } of await server.close()) {
      const step = await seats.find(({ peer }) => peer === to)?.client.receive(message);
      if (step?.kind === 'send') await server.receive(to, step.message);
    }
    expect(server.missing).toBe(0);
    await server.leave('client 2');
    await server.close();
    expect(server.missing).toBe(5);
  });

  test('one that left before the roster was frozen may come back', async () => {
    const world = await makeWorld({ n: 5, seed: 'back' });
    const { context, authority, provider } = world;
    const [seat] = world.seats;
    if (seat === undefined) throw new Error('a world without seats');
    const { identity, peer } = seat;
    const early = new ClientSession({
      context,
      identity,
      authority: authority.publicKey,
      time: now,
      policy: laxPolicy,
    });
    await world.server.receive(peer, await early.start());
    await world.server.leave(peer);
    const outcome = await play({ ...world, provider });
    expect(codes(outcome)).toEqual([]);
    expect(sumOf(outcome)).toEqual(
      plainSum(
        world,
        world.seats.map((other) => other.peer),
      ),
    );
  });

  test('a client that leaves by an abort message is out, and the rest go on', async () => {
    const world = await makeWorld({ n: 6, parameters: complete(4) });
    const outcome = await play(world, {
      up: (message, { peer, name }) =>
        peer === 'client 1' && name === 'share' ? (world.seats[1]?.client.abort() ?? message) : message,
    });
    expect(sumOf(outcome)).toEqual(plainSum(world, ['client 0', 'client 2', 'client 3', 'client 4', 'client 5']));
    expect(outcome.result?.dropouts.share).toEqual(['client 1']);
  });

  test('calls that overlap are handled in the order they were made', async () => {
    const { server, seats } = await makeWorld({ n: 5 });
    const messages = await Promise.all(seats.map(({ client }) => client.start()));
    const received = messages.map((message, i) => server.receive(`client ${i}`, message));
    const closed = server.close();
    await expect(server.receive('late', messages[0] ?? new Uint8Array())).rejects.toThrow(/advertise came/);
    expect(await Promise.all(received)).toEqual(messages.map(() => 'taken'));
    expect([...(await closed)].length).toBe(5);
  });

  test('tells clients why it ended', async () => {
    const { server, seats } = await makeWorld({ n: 5 });
    const [seat] = seats;
    if (seat === undefined) throw new Error('a world without seats');
    await seat.client.start();
    const message = await server.abort(new AbortError('session.cancelled', 'maintenance'));
    expect(server.state).toBe('aborted');
    expect(await seat.client.receive(message)).toEqual({
      kind: 'aborted',
      code: 'session.cancelled',
      reason: 'maintenance',
    });
    expect(seat.client.state).toBe('aborted');
    const untyped = server.refusal(new Error('secret path /etc'));
    expect(decodeAbort(untyped.subarray(1, 17), untyped)).toEqual({
      code: 'server.failed',
      reason: 'the server failed',
    });
    const long = server.refusal(new AbortError('session.cancelled', 'ü'.repeat(2000)));
    expect(decodeAbort(long.subarray(1, 17), long).reason.length).toBeGreaterThan(10);
  });

  test('takes no more clients than the ring has room for, and needs its minimum', async () => {
    const world = await makeWorld({ n: 5, context: { maxClients: 4 } });
    const { server, seats } = world;
    for (const { peer, client } of seats.slice(0, 4)) await server.receive(peer, await client.start());
    const fifth = await seats[4]?.client.start();
    const error = await server.receive('client 4', fifth ?? new Uint8Array()).catch((refusal: unknown) => refusal);
    expect(codeOf(error)).toBe('advertise.full');
    const { context, privateKey, provider } = world;
    const strict = new ServerSession({
      context,
      privateKey,
      provider,
      time: now,
      parameters: complete(2),
      minClients: 3,
    });
    await expect(strict.close()).rejects.toThrow(AbortError);
    expect(strict.state).toBe('aborted');
  });

  test('no lawful parameters is an abort of its own', async () => {
    const { context, privateKey, provider, seats } = await makeWorld({ n: 3 });
    const server = new ServerSession({
      context,
      privateKey,
      provider,
      time: now,
      assumptions: { corrupt: 0.9, dropout: 0.9 },
    });
    for (const { peer, client } of seats) await server.receive(peer, await client.start());
    const error = await server.close().catch((failure: unknown) => failure);
    expect(codeOf(error)).toBe('advertise.parameters');
    expect(error).toBeInstanceOf(AbortError);
  });

  test.each<readonly [string, (n: number) => unknown]>([
    ['nothing', () => undefined],
    ['those of another roster', (n) => ({ n: n + 1, degree: 2, threshold: 2 })],
    ['a threshold above the degree', (n) => ({ n, degree: 2, threshold: 3 })],
    ['no numbers', (n) => ({ n, degree: '2', threshold: null })],
  ])('a function that gives %s for parameters is an abort before anybody gets them', async (_what, parameters) => {
    const { context, privateKey, provider, seats } = await makeWorld({ n: 3 });
    const given = parameters as (n: number) => SessionParameters; // what a caller without types may give
    const server = new ServerSession({ context, privateKey, provider, time: now, parameters: given });
    for (const { peer, client } of seats) await server.receive(peer, await client.start());
    await expect(server.close()).rejects.toMatchObject({ code: 'advertise.parameters' });
  });

  test("an undefined minDegree is the default policy's, and one out of range is found at once", async () => {
    const { context, contextHash, privateKey, provider, seats } = await makeWorld({ n: 20 });
    const assumptions = { corrupt: 0.1, dropout: 0.1, minDegree: undefined as unknown as number };
    const base = { context, privateKey, provider, time: now };
    const server = new ServerSession({ ...base, assumptions });
    for (const { peer, client } of seats) await server.receive(peer, await client.start());
    const [first] = await server.close();
    const roster = decodeRoster(contextHash.subarray(0, tagLength), first?.message ?? new Uint8Array());
    expect(roster.parameters.degree).toBeGreaterThanOrEqual(defaultPolicy.minDegree);
    expect(() => new ServerSession({ ...base, assumptions: { ...assumptions, minDegree: 0 } })).toThrow(/minDegree/);
  });

  test('masks can be removed in parts elsewhere', async () => {
    for (const parts of [1, 2, 3, 50]) {
      const world = await makeWorld({ n: 8, seed: 'parts', parameters: complete(5) });
      const { context, privateKey, provider, seats } = world;
      const server = new ServerSession({
        context,
        privateKey,
        provider,
        time: now,
        parameters: complete(5),
        removeMasks: async (removal) => {
          const sum = asPlain(zeroVector(removal.ringBits, removal.vectorLength));
          for (const part of splitRemoval(removal, parts)) {
            const lanes = await removeMasks(structuredClone(part), provider);
            addInto(sum, asPlain({ bits: removal.ringBits, lanes }));
          }
          return sum.lanes;
        },
      });
      const outcome = await play(
        { ...world, server, seats },
        {
          up: (message, { peer, name }) =>
            (peer === 'client 2' || peer === 'client 5') && name === 'inputEnd' ? undefined : message,
        },
      );
      const left = seats.map(({ peer }) => peer).filter((peer) => peer !== 'client 2' && peer !== 'client 5');
      expect(sumOf(outcome), `${parts} parts`).toEqual(plainSum(world, left));
    }
  });

  test('announces exactly those whose inputs came', async () => {
    const world = await makeWorld({ n: 6, parameters: complete(4) });
    const bitmaps = new Set<string>();
    const outcome = await play(world, {
      up: (message, { peer, name }) => (peer === 'client 3' && name === 'inputEnd' ? undefined : message),
      down: (message, { name }) => {
        if (name === 'survivors') bitmaps.add([...decodeSurvivors(message.subarray(1, 17), message)].join());
        return message;
      },
    });
    expect(bitmaps.size).toBe(1);
    const out = outcome.result?.roster.indexOf('client 3') ?? -1;
    expect([...bitmaps]).toEqual([`${0b11_1111 ^ (1 << out)}`]);
  });

  test("a private key that is not that of the context's serverKey ends the session before anything is shared", async () => {
    const { context, provider, seats } = await makeWorld({ n: 3 });
    const privateKey = new Uint8Array(32).fill(1);
    const server = new ServerSession({ context, privateKey, provider, time: now, parameters: complete(2) });
    for (const { peer, client } of seats) await server.receive(peer, await client.start());
    const error = await server.close().catch((failure: unknown) => failure);
    expect(codeOf(error)).toBe('usage.key');
    expect(server.state).toBe('aborted');
  });

  test("keeps a copy of its private key: the caller's may be wiped, and is left alone", async () => {
    const world = await makeWorld({ n: 3 });
    const privateKey = world.privateKey.slice();
    const { context, provider } = world;
    const server = new ServerSession({ context, privateKey, provider, time: now, parameters: complete(2) });
    privateKey.fill(0);
    const outcome = await play({ ...world, server });
    expect(codes(outcome)).toEqual([]);
    expect(sumOf(outcome)).toEqual(plainSum(world, outcome.result?.survivors ?? []));
    const again = await makeWorld({ n: 3 });
    const before = again.privateKey.slice();
    const second = new ServerSession({ ...again, time: now, parameters: complete(2) });
    await play({ ...again, server: second });
    expect(again.privateKey).toEqual(before);
  });

  test('names the sender in every refusal, whoever found the fault', async () => {
    const { server, seats } = await makeWorld({ n: 3 });
    const [seat] = seats;
    const start = (await seat?.client.start()) ?? new Uint8Array();
    const unknown = Uint8Array.of(99);
    const early = start.map((byte, i) => (i === 0 ? messageTypes.confirm : byte));
    const flipped = start.map((byte, i) => (i === 60 ? byte ^ 1 : byte));
    for (const message of [new Uint8Array(), unknown, early, start.subarray(1), start.subarray(0, 40), flipped]) {
      const error = await server.receive('somebody', message).catch((refusal: unknown) => refusal);
      expect(error).toBeInstanceOf(PeerError);
      expect(error).toMatchObject({ peer: 'somebody' });
    }
  });

  test('checks its options', async () => {
    const { context, privateKey, provider } = await makeWorld({ n: 2, parameters: complete(1) });
    const base: ServerSessionOptions = { context, privateKey, provider, time: now, parameters: complete(1) };
    const wrong: readonly (readonly [string, unknown])[] = [
      ['time', -1],
      ['minClients', 1],
      ['minSurvivors', 1],
      ['minSurvivors', 2.5],
      ['uploadBudget', -1],
      ['uploadBudget', 'much'],
      ['privateKey', undefined],
      ['privateKey', new Uint8Array(31)],
      ['parameters', { n: 2, degree: 1, threshold: 1 }],
      ['parameters', undefined],
      ['assumptions', { corrupt: 0.1, dropout: 0.1 }],
    ];
    for (const [name, value] of wrong)
      expect(() => new ServerSession({ ...base, [name]: value }), name).toThrow(UsageError);
    expect(() => new ServerSession({ ...base, context: { ...context, ringBits: 0 } })).toThrow(/ringBits/);
    // @ts-expect-error not bytes
    expect(() => new ServerSession(base).receive('peer', 'text')).toThrow(/message/);
  });
});
