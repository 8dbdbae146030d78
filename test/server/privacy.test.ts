/** Rounds with noise: what they come to, what they cost, who pays before whom, and who refuses. */
import { expect, it } from 'vitest';
import { policyFor } from '../../src/client/budget.js';
import { PeerError } from '../../src/core/errors.js';
import { Ledger, memoryStorage, privacyBudget, spentEpsilon } from '../../src/dp/index.js';
import {
  centralPrivacy,
  definePlan,
  distributedPrivacy,
  epsilonOf,
  type Plan,
  privacyEvent,
  worstEvent,
} from '../../src/fl/index.js';
import { completePolicy } from '../../src/secagg/policy.js';
import type { LogEntry } from '../../src/server/index.js';
import { allRounds, dimension, policy, range, startServer, takePart } from './fixtures.js';

const vector = { dimension };
const cohort = { maxClients: 8 };
const budget = { epsilon: 8, delta: 1e-5, rounds: 3 };
/** So much that the noise hardly shows: the mean is there to see. */
const lavish = { ...budget, epsilon: 1e5 };

const distributed = (allowed: typeof budget, more: { readonly colluders?: number } = {}): Plan =>
  definePlan({
    vector,
    cohort,
    ...distributedPrivacy({ vector, cohort, clip: 1, minSurvivors: 4, budget: allowed, ...more }),
  });
const central = (allowed: typeof budget): Plan =>
  definePlan({
    vector,
    cohort,
    ...centralPrivacy({
      vector,
      cohort,
      clip: 1,
      quantize: { bits: 16 },
      budget: allowed,
      rotate: { kind: 'hadamard' },
    }),
  });

/** Update i, of norm below the clip norm 1. */
const updateOf = (i: number): Float32Array => Float32Array.from({ length: dimension }, (_, j) => Math.sin(i + j) / 10);
const meanOf = (clients: readonly number[]): number[] =>
  Array.from(
    { length: dimension },
    (_, j) => clients.reduce((sum, i) => sum + Math.sin(i + j) / 10, 0) / clients.length,
  );
const error = (model: Float32Array, expected: readonly number[]): number =>
  Math.sqrt(model.reduce((sum, value, j) => sum + (value - (expected[j] ?? Number.NaN)) ** 2, 0) / dimension);

const task = { clients: { min: 5, max: 8 }, minSurvivors: 4, model: new Float32Array(dimension) };
const weight = 1;

it.each([
  ['distributed', distributed(lavish)],
  ['central', central(lavish)],
])('sums with %s noise are the mean, nearly, whoever drops out', async (_kind, plan) => {
  const server = await startServer({ task: { ...task, plan, rounds: 2 } });
  const clients = range(6).map((i) =>
    takePart(server.url, { i, weight, update: updateOf(i), ...(i === 5 ? { vanishAt: 'input' as const } : {}) }),
  );
  const [first, second] = await allRounds(server);
  await Promise.all(clients);
  const survivors = range(5);
  expect(first?.cohorts.map((each) => each.survivors)).toEqual([5]);
  expect(error(first?.model ?? new Float32Array(), meanOf(survivors))).toBeLessThan(0.02);
  expect(
    error(
      second?.model ?? new Float32Array(),
      meanOf(survivors).map((value) => 2 * value),
    ),
  ).toBeLessThan(0.04);
});

it.each([
  ['distributed', distributed(budget), 'discreteGaussian'],
  ['central', central(budget), 'discreteGaussian'],
])(
  '%s: epsilon follows from the survivors, and is in the ledger before the result is there',
  async (kind, plan, event) => {
    const storage = memoryStorage();
    const ledger = await Ledger.open({ storage });
    const entries: LogEntry[] = [];
    const server = await startServer({
      task: { ...task, plan, rounds: 2 },
      ledger,
      log: (entry) => entries.push(entry),
    });
    const clients = range(7).map((i) => takePart(server.url, { i, weight, update: updateOf(i) }));
    let charged = 0;
    let total = 0;
    for await (const { privacy, round, model } of server.rounds()) {
      charged += 1;
      expect(ledger.charges.length).toBe(charged);
      expect(ledger.charges.at(-1)).toMatchObject({
        task: 'test',
        round,
        event: { kind: event, relation: 'replaceSpecial' },
      });
      const spent = privacyEvent(plan, 7);
      if (spent === undefined || privacy === undefined) throw new Error('the round is free');
      expect(privacy).toMatchObject({ kind, trustsServer: kind === 'central', delta: 1e-5, budget: 8 });
      expect(privacy.roundEpsilon).toBe(epsilonOf(spent, { delta: 1e-5, rounds: 1 }));
      expect(privacy.epsilon).toBeGreaterThan(total);
      total = privacy.epsilon;
      // Noise is there: a control for the test above.
      if (round === 0) expect(error(model, meanOf(range(7)))).toBeGreaterThan(0.02);
    }
    await server.close();
    await Promise.all(clients);
    expect(total).toBe(spentEpsilon(ledger.events('test'), { delta: 1e-5, relation: 'replaceSpecial' }).upper);
    expect(total).toBeLessThan(8);
    expect(entries.some((entry) => entry.event === 'privacy.trusted')).toBe(kind === 'central');
    // What is spent outlives the server.
    await ledger.close();
    expect((await Ledger.open({ storage })).charges.length).toBe(2);
  },
);

it('stops before a round that the budget has no room for, and releases nothing', async () => {
  const plan = distributed(budget);
  const event = JSON.parse(JSON.stringify(worstEvent(plan)));
  const ledger = await Ledger.open({ storage: memoryStorage() });
  for (const round of range(3)) await ledger.charge({ task: 'test', round, context: 'aa', event });
  const server = await startServer({ task: { ...task, plan, rounds: 2 }, ledger });
  const clients = range(5).map((i) => takePart(server.url, { i, weight, update: updateOf(i) }));
  await expect(server.rounds().next()).rejects.toMatchObject({ code: 'ledger.exhausted' });
  expect(ledger.charges.length).toBe(3);
  await server.close();
  await Promise.all(clients);
});

it('a ledger that fails stops the round before its sum is decoded', async () => {
  const ledger = await Ledger.open({ storage: memoryStorage() });
  await ledger.close();
  const server = await startServer({ task: { ...task, plan: distributed(budget) }, ledger });
  const clients = range(5).map((i) => takePart(server.url, { i, weight, update: updateOf(i) }));
  await expect(server.rounds().next()).rejects.toMatchObject({ code: 'ledger.broken' });
  await server.close();
  await Promise.all(clients);
});

it.each([
  ['more rounds than the noise is for', { rounds: 4 }, 'task.rounds'],
  ['fewer clients than it is sized for', { clients: { min: 3, max: 8 } }, 'task.clients.min'],
  ['fewer survivors', { minSurvivors: 3 }, 'task.minSurvivors'],
])('refuses %s', async (_, change, named) => {
  await expect(startServer({ task: { ...task, plan: distributed(budget), ...change } })).rejects.toThrow(named);
});

it('a client wants as many survivors as the noise is sized for, whatever the server says', () => {
  expect(policyFor(distributed(budget), completePolicy({ minSurvivors: 2 })).minSurvivors).toBe(4);
  expect(policyFor(distributed(budget), completePolicy({ minSurvivors: 7 })).minSurvivors).toBe(7);
  expect(policyFor(central(budget), completePolicy({ minSurvivors: 2 })).minSurvivors).toBe(2);
});

it('no round comes of fewer survivors than the noise is sized for', async () => {
  const plan = distributed(lavish);
  const server = await startServer({ task: { ...task, plan }, retries: 0, deadlines: { input: 500 } });
  const clients = range(5).map((i) =>
    takePart(server.url, { i, weight, update: updateOf(i), ...(i > 2 ? { vanishAt: 'input' as const } : {}) }),
  );
  await expect(server.rounds().next()).rejects.toMatchObject({ code: 'round.failed' });
  await server.close();
  await Promise.all(clients);
});

const own = { epsilon: 8, delta: 1e-5 };
it.each<[string, Plan, object, string]>([
  ['a task without noise', definePlan({ vector, cohort, quantize: { bits: 16, range: 1 } }), own, 'budget.none'],
  ['noise that only the server vouches for', central(budget), own, 'budget.trust'],
  ['a task beyond its budget', distributed(budget), { ...own, epsilon: 7 }, 'ledger.exhausted'],
  ['a task beyond it at its own delta', distributed(budget), { ...own, delta: 1e-9 }, 'ledger.exhausted'],
])('a client with a budget refuses %s', async (_, plan, allowed, code) => {
  const server = await startServer({ task: { ...task, plan } });
  const rounds = server.rounds();
  const result = rounds.next();
  const clients = range(5).map((i) =>
    takePart(server.url, { i, weight, update: updateOf(i), budget: allowed as typeof own }),
  );
  for (const { error: refusal, outcomes } of await Promise.all(clients)) {
    expect(refusal).toMatchObject({ code });
    expect(outcomes).toEqual([]);
  }
  await server.close();
  await result;
});

it('a client with a budget refuses noise that reckons with fewer colluders than it does', async () => {
  const server = await startServer({ task: { ...task, plan: distributed(budget) } });
  const result = server.rounds().next();
  const wary = { ...policy, assumptions: { corrupt: 0.2, dropout: 0, threat: 'malicious' as const } };
  const clients = range(5).map((i) => takePart(server.url, { i, budget: own, policy: wary }));
  for (const { error: refusal } of await Promise.all(clients)) {
    expect(refusal).toBeInstanceOf(PeerError);
    expect(refusal).toMatchObject({ code: 'budget.colluders' });
  }
  await server.close();
  await result;
});

it('clients pay in their own ledgers, and a second task is refused', async () => {
  const plan = distributed(budget);
  const storages = range(5).map(() => memoryStorage());
  const run = async (name: string) => {
    const server = await startServer({ task: { ...task, name, plan, rounds: 1 } });
    const clients = storages.map((storage, i) =>
      takePart(server.url, { i, weight, update: updateOf(i), budget: { ...own, storage } }),
    );
    const rounds = server.rounds();
    const first = rounds.next();
    const taken = await Promise.all(clients);
    await server.close();
    await first.catch(() => undefined);
    return taken;
  };
  for (const { outcomes, error: failure } of await run('one')) {
    expect(failure).toBeUndefined();
    expect(outcomes).toMatchObject([{ status: 'summed', survivors: 5 }]);
  }
  for (const storage of storages) {
    const ledger = await Ledger.open({ storage, budget: privacyBudget({ ...own, relation: 'replaceSpecial' }) });
    expect(ledger.charges).toMatchObject([
      { task: 'one', round: 0, event: JSON.parse(JSON.stringify(worstEvent(plan))) },
    ]);
    await ledger.close();
  }
  // A round of the first is spent, three of the second would come on top.
  for (const { error: refusal } of await run('two')) expect(refusal).toMatchObject({ code: 'ledger.exhausted' });
});

it('goes on from a checkpoint as if it had never stopped', async () => {
  const plan = definePlan({
    vector,
    cohort,
    quantize: { bits: 16, range: 1 },
    optimizer: { kind: 'fedadam', learningRate: 0.01 },
  });
  const start = { ...task, plan, clients: { min: 4, max: 4 } };
  const run = async (options: object): Promise<readonly Float32Array[]> => {
    const server = await startServer({ task: { ...start, ...options } });
    // On the grid, so that rounding has nothing to decide.
    const clients = range(4).map((i) =>
      takePart(server.url, { i, weight, update: new Float32Array(dimension).fill((i + 1) / 32767) }),
    );
    const results = await allRounds(server);
    await Promise.all(clients);
    checkpoints.push(...results.map((result) => result.checkpoint()));
    return results.map((result) => result.model);
  };
  const checkpoints: Uint8Array[] = [];
  const whole = await run({ rounds: 3 });
  const [, checkpoint] = checkpoints;
  if (checkpoint === undefined) throw new Error('no checkpoint');
  const resumed = await run({ rounds: 3, checkpoint });
  expect(resumed).toEqual(whole.slice(2));
  await expect(startServer({ task: { ...task, checkpoint } })).rejects.toMatchObject({ code: 'usage.checkpoint' });
  await expect(startServer({ task: { ...start, checkpoint: checkpoint.slice(0, -1) } })).rejects.toBeInstanceOf(
    PeerError,
  );
});

it('goes on from a checkpoint only with the ledger that the rounds before were charged to', async () => {
  const plan = distributed(budget);
  const ledger = await Ledger.open({ storage: memoryStorage() });
  const server = await startServer({ task: { ...task, plan, rounds: 1 }, ledger });
  const clients = range(5).map((i) => takePart(server.url, { i, weight, update: updateOf(i) }));
  const [first] = await allRounds(server);
  await Promise.all(clients);
  const resumed = { ...task, plan, rounds: 2, ...(first === undefined ? {} : { checkpoint: first.checkpoint() }) };
  // Without it the second round would look like the first that is spent.
  await expect(startServer({ task: resumed })).rejects.toMatchObject({ code: 'usage.ledger' });
  const other = await Ledger.open({ storage: memoryStorage() });
  await expect(startServer({ task: resumed, ledger: other })).rejects.toMatchObject({ code: 'usage.ledger' });
  // The control.
  const again = await startServer({ task: resumed, ledger });
  const back = range(5).map((i) => takePart(again.url, { i, weight, update: updateOf(i) }));
  const [second] = await allRounds(again);
  await Promise.all(back);
  expect(second?.privacy?.epsilon).toBeGreaterThan(first?.privacy?.epsilon ?? Number.POSITIVE_INFINITY);
});
