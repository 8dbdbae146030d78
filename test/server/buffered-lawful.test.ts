/** Buffers under a robust rule and under noise, and clients that don't keep the order. */
import { describe, expect, it } from 'vitest';
import { Ledger, memoryStorage } from '../../src/dp/index.js';
import { definePlan, distributedPrivacy, planCost } from '../../src/fl/index.js';
import { contextHash, tagLength } from '../../src/secagg/context.js';
import { encodeClientAbort } from '../../src/secagg/messages/abort.js';
import { encodeHello } from '../../src/secagg/messages/hello.js';
import { decodeOffer } from '../../src/secagg/messages/offer.js';
import type { RoundResult } from '../../src/server/index.js';
import { bufferedPlan, Crowd, collect, Gate, startBuffered, until } from './buffered-fixtures.js';
import { allRounds, dimension, newIdentity, planOf, range, startServer, takePart } from './fixtures.js';
import { RawClient } from './raw-client.js';

const honest = (i: number): Float32Array =>
  Float32Array.from({ length: dimension }, (_, j) => 0.1 + Math.sin(i * 7 + j) / 100);
const weight = 1;

describe('a robust rule over the sums of buffers', () => {
  const rule = { kind: 'nnm', f: 1, inner: { kind: 'trimmed-mean', f: 1 } } as const;
  const robustPlan = definePlan({
    vector: { dimension },
    cohort: { maxClients: 8 },
    quantize: { bits: 16, range: 1 },
    combine: { kind: 'robust', over: 'cohorts', cohorts: 4, aggregator: rule },
    schedule: { kind: 'buffered', bufferSize: 3 },
  });

  it.each([
    ['rejects the one that a client spoiled, and suspects its clients', robustPlan],
    [
      'the control: the mean is spoiled',
      definePlan({
        vector: { dimension },
        cohort: { maxClients: 8 },
        quantize: { bits: 16, range: 1 },
        schedule: { kind: 'buffered', bufferSize: 3 },
      }),
    ],
  ])('%s', async (_, plan) => {
    const robust = plan.combine.kind === 'robust';
    const server = await startBuffered(plan, { task: { rounds: 3, cohorts: 4 } });
    const identities = await Promise.all(range(14).map(() => newIdentity()));
    const villain = Buffer.from(identities[0]?.certificate.identityKey ?? []).toString('hex');
    const parts = identities.map((identity, i) => {
      const update = i === 0 ? new Float32Array(dimension).fill(-1) : honest(i);
      return takePart(server.url, { i, weight, identity, update });
    });
    const results = await allRounds(server);
    for (const { error } of await Promise.all(parts)) expect(error).toBeUndefined();
    expect(results.map(({ round }) => round)).toEqual([0, 1, 2]);
    for (const { cohorts, verdicts = [], judged = [] } of results) {
      const clients = cohorts.flatMap((cohort) => cohort.clients);
      // Nobody is in two sums of one step.
      expect(new Set(clients).size).toBe(12);
      for (const [i, { kept }] of verdicts.entries())
        if (judged[i]?.includes(villain) === true) expect(kept).toBe(false);
      expect(verdicts.length).toBe(robust ? 4 : 0);
    }
    const last = results.at(-1)?.model ?? new Float32Array();
    const error = Math.max(...last.map((value) => Math.abs(value - 0.3)));
    const spoiled = results.some(({ cohorts }) => cohorts.some(({ clients }) => clients.includes(villain)));
    expect(spoiled).toBe(true);
    if (robust) {
      // A late sum counts less: of three steps of 0.1 none is longer.
      expect(error).toBeLessThan(0.2);
      expect(results[0]?.model.every((value) => value > 0.08)).toBe(true);
      const rejected = results.at(-1)?.suspicions?.find(({ client }) => client === villain);
      expect(rejected?.rejected).toBe(rejected?.rounds);
    } else expect(results.some(({ model }) => Math.min(...model) < 0.05)).toBe(true);
  });

  it('a client that comes back before its last sum is in the model has to wait, and keeps its connection', async () => {
    const plan = planOf({
      combine: { kind: 'robust', over: 'cohorts', cohorts: 2, aggregator: { kind: 'median' } },
      schedule: { kind: 'buffered', bufferSize: 6 },
    });
    const server = await startBuffered(plan, {
      task: { rounds: 1, assumptions: { corrupt: 0, dropout: 0.3, correctnessBits: 1 } },
    });
    const crowd = await Crowd.of(server.url, 11);
    const results: RoundResult[] = [];
    const done = collect(server, results);
    const begun = new Gate();
    const first = [
      crowd.join(0, { vanishAt: 'unmask' }),
      ...[1, 2, 3, 4, 5].map((i) =>
        crowd.join(i, {
          onPhase: (phase) => {
            if (phase === 'share') begun.open();
          },
        }),
      ),
    ];
    await begun.opened;
    // The same client by another connection, after its own is lost.
    const again = crowd.join(0);
    const others = range(5).map((i) => crowd.join(6 + i));
    await done;
    const [back, lost, ...rest] = await Promise.all([again, ...first, ...others]);
    expect(lost?.error).toMatchObject({ name: 'AbortError' });
    expect(back?.error).toBeUndefined();
    expect(back?.outcomes[0]).toMatchObject({ status: 'aborted', code: 'advertise.early', sent: false });
    for (const { error } of rest) expect(error).toBeUndefined();
    expect(results[0]?.cohorts.map(({ survivors }) => survivors)).toEqual([6, 5]);
  });
});

describe('noise', () => {
  const cohort = { maxClients: 8 };
  const vector = { dimension };
  const budget = { epsilon: 1e5, delta: 1e-5, rounds: 3 };
  const plan = definePlan({
    vector,
    cohort,
    ...distributedPrivacy({ vector, cohort, clip: 1, minSurvivors: 4, budget }),
    schedule: { kind: 'buffered', bufferSize: 5 },
  });

  it('of every sum is paid for before it is released; no more sessions begin than can be', async () => {
    const ledger = await Ledger.open({ storage: memoryStorage() });
    const server = await startServer({
      ledger,
      task: { plan, rounds: 3, clients: { min: 5, max: 8 }, minSurvivors: 4 },
    });
    const parts = range(12).map((i) => takePart(server.url, { i, weight, update: honest(i) }));
    const results = await allRounds(server);
    const outcomes = (await Promise.all(parts)).flatMap((taken) => taken.outcomes);
    expect(ledger.charges.map(({ round }) => round)).toEqual([0, 1, 2]);
    for (const { privacy } of results) expect(privacy?.epsilon).toBeLessThanOrEqual(budget.epsilon);
    // Nobody gave an update that no version wanted.
    expect(outcomes.filter(({ status }) => status === 'summed').length).toBe(15);
    const model = results[0]?.model ?? new Float32Array();
    expect(Math.abs(model.reduce((sum, value) => sum + value, 0) / dimension - 0.1)).toBeLessThan(0.02);
  });
});

describe('hostile order', () => {
  async function invited(url: string): Promise<{ readonly raw: RawClient; readonly offer: Uint8Array }> {
    const raw = await RawClient.connect(url);
    raw.send(encodeHello({ task: '' }));
    return { raw, offer: (await raw.next()) ?? new Uint8Array() };
  }

  it('a hello too many is refused', async () => {
    const server = await startBuffered(bufferedPlan());
    const { raw } = await invited(server.url);
    raw.send(encodeHello({ task: '' }));
    raw.send(encodeHello({ task: '' }));
    expect(await raw.closed).toMatchObject({ code: 1008, reason: expect.stringContaining('order.repeated') });
    await server.close();
  });

  it('advertising in the session of an invitation leads nowhere, and costs nobody anything', async () => {
    const server = await startBuffered(bufferedPlan());
    const done = allRounds(server);
    const raw = await RawClient.connect(server.url);
    const session = await raw.begin();
    raw.send(await session.start());
    const crowd = await Crowd.of(server.url, 4);
    const parts = range(4).map((i) => crowd.join(i));
    const [result] = await done;
    await Promise.all(parts);
    expect(result?.cohorts).toMatchObject([{ roster: 4, survivors: 4 }]);
    expect(await raw.next()).toBeUndefined();
  });

  it('one that leaves while it waits is not waited for; one that gives its model back gets the present one', async () => {
    const server = await startBuffered(bufferedPlan(), { task: { rounds: 2 } });
    const results: { round: number }[] = [];
    const done = (async () => {
      for await (const result of server.rounds()) results.push(result);
    })();
    const [gone, back] = [await invited(server.url), await invited(server.url)];
    gone.raw.send(encodeHello({ task: '' }));
    back.raw.send(encodeHello({ task: '' }));
    const first = decodeOffer(back.offer).context;
    expect(first.round).toBe(0);
    // Out of the waiting, and in it no more.
    back.raw.send(encodeClientAbort(contextHash(first).subarray(0, tagLength), new Error('gone')));
    gone.raw.socket.terminate();
    await gone.raw.closed;
    const crowd = await Crowd.of(server.url, 4);
    const parts = range(4).map((i) => crowd.join(i));
    await until(results, 1);
    back.raw.send(encodeHello({ task: '' }));
    const message = await back.raw.next();
    expect(decodeOffer(message ?? new Uint8Array()).context.round).toBeGreaterThan(0);
    await done;
    await server.close();
    await Promise.all(parts);
  });

  it('one identity twice in a buffer is refused, and the others go on', async () => {
    const server = await startBuffered(bufferedPlan({ bufferSize: 5 }));
    const done = allRounds(server);
    const crowd = await Crowd.of(server.url, 4);
    const parts = [...range(4).map((i) => crowd.join(i)), crowd.join(0)];
    const [result] = await done;
    const taken = await Promise.all(parts);
    expect(result?.cohorts[0]?.survivors).toBe(4);
    const refused = taken.flatMap(({ outcomes }) => outcomes).filter(({ status }) => status === 'aborted');
    expect(refused).toMatchObject([{ code: 'advertise.duplicate' }]);
  });
});

it('what buffers cost is reckoned with the second offer and the list of versions', () => {
  const [rounds, buffers] = [planCost(planOf(), { clients: 4 }), planCost(bufferedPlan({ maxStaleness: 9 }))];
  expect(buffers.client.bytesDown - rounds.client.bytesDown).toBeGreaterThan(320);
  expect(buffers.client.bytesDown - rounds.client.bytesDown).toBeLessThan(320 + 2000);
  expect(buffers.client.inputBytes).toBe(rounds.client.inputBytes);
});
