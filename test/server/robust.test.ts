/** Robust rules in rounds: over masked cohorts, and over updates in the clear. */
import { expect, it } from 'vitest';
import { definePlan, type Plan, type PlanInput } from '../../src/fl/index.js';
import { seededSource } from '../../src/robust/seeded.js';
import type { LogEntry, RoundResult } from '../../src/server/index.js';
import { shuffledBy } from '../../src/server/lobby.js';
import { allRounds, dimension, newIdentity, range, startServer, type TestClient, takePart } from './fixtures.js';

const base = {
  vector: { dimension },
  cohort: { maxClients: 16 },
  quantize: { bits: 16, range: 1 },
} satisfies PlanInput;
const nnm = { kind: 'nnm', f: 1, inner: { kind: 'trimmed-mean', f: 1 } } as const;
const overCohorts = (cohorts: number): Plan =>
  definePlan({ ...base, combine: { kind: 'robust', over: 'cohorts', cohorts, aggregator: nnm } });
const unmasked = { kind: 'none' } as const;
const overClients = definePlan({
  ...base,
  masking: unmasked,
  combine: { kind: 'robust', over: 'clients', clients: 5, aggregator: { kind: 'multi-krum', f: 1 } },
});

const task = { model: new Float32Array(dimension), minSurvivors: 3 };
/** Honest clients agree, but for a little; the other one says the opposite, as loudly as it can. */
const honest = (i: number): Float32Array =>
  Float32Array.from({ length: dimension }, (_, j) => 0.1 + Math.sin(i * 7 + j) / 100);
const byzantine = new Float32Array(dimension).fill(-1);
const error = (model: Float32Array): number => Math.max(...model.map((value) => Math.abs(value - 0.1)));

async function run(
  plan: Plan,
  options: { readonly clients: number; readonly each: number; readonly cohorts?: number; readonly rounds?: number },
  join: Partial<TestClient> = {},
): Promise<{ readonly results: readonly RoundResult[]; readonly villain: string; readonly log: readonly LogEntry[] }> {
  const { clients, each, cohorts, rounds = 1 } = options;
  const log: LogEntry[] = [];
  const server = await startServer({
    log: (entry) => log.push(entry),
    task: {
      ...task,
      minSurvivors: Math.min(5, each),
      plan,
      rounds,
      clients: { min: each, max: each },
      ...(cohorts === undefined ? {} : { cohorts }),
    },
  });
  const identities = await Promise.all(range(clients).map(() => newIdentity()));
  const parts = identities.map((identity, i) =>
    takePart(server.url, { i, weight: 1, identity, update: i === 0 ? byzantine : honest(i), ...join }),
  );
  const results = await allRounds(server);
  for (const { error: failure } of await Promise.all(parts)) expect(failure).toBeUndefined();
  const villain = Buffer.from(identities[0]?.certificate.identityKey ?? []).toString('hex');
  return { results, villain, log };
}

it('masked cohorts: one client spoils one cohort, which the rule rejects', async () => {
  const { results, villain } = await run(overCohorts(4), { clients: 12, each: 3 });
  const [result] = results;
  expect(error(result?.model ?? byzantine)).toBeLessThan(0.02);
  expect(result?.cohorts.map(({ survivors }) => survivors)).toEqual([3, 3, 3, 3]);
  expect(result?.verdicts?.length).toBe(4);
  expect(result?.judged?.flat().length).toBe(12);
  const spoiled = result?.judged?.findIndex((clients) => clients.includes(villain)) ?? -1;
  const scores = result?.verdicts?.map(({ score }) => score) ?? [];
  expect(scores.indexOf(Math.max(...scores))).toBe(spoiled);
});

it('the control: a mean is spoiled by the same client', async () => {
  const { results } = await run(definePlan(base), { clients: 12, each: 3, cohorts: 4 });
  expect(error(results[0]?.model ?? new Float32Array())).toBeGreaterThan(0.08);
  expect(results[0]?.verdicts).toBeUndefined();
});

it('without masking the rule sees each client, which the server says loudly', async () => {
  const { results, villain, log } = await run(overClients, { clients: 6, each: 6 }, { allowUnmasked: true });
  const [result] = results;
  expect(error(result?.model ?? byzantine)).toBeLessThan(0.02);
  const rejected = result?.judged?.filter((_, i) => result.verdicts?.[i]?.kept === false).flat();
  expect(rejected).toContain(villain);
  expect(result?.judged?.every((clients) => clients.length === 1)).toBe(true);
  expect(result?.cohorts).toMatchObject([{ roster: 6, survivors: 6, degree: 0, threshold: 0 }]);
  expect(log.find((entry) => entry.event === 'masking.none')).toMatchObject({ level: 'warn' });
});

it('without masking a mean is that of the updates, whoever drops out', async () => {
  const plan = definePlan({ ...base, masking: unmasked });
  const server = await startServer({
    task: { ...task, plan, clients: { min: 4, max: 5 } },
    deadlines: { input: 500, advertise: 500 },
  });
  const parts = range(5).map((i) =>
    takePart(server.url, {
      i,
      weight: 1,
      update: honest(i),
      allowUnmasked: true,
      ...(i === 4 ? { vanishAt: 'input' as const } : {}),
    }),
  );
  const [result] = await allRounds(server);
  expect(result?.cohorts).toMatchObject([{ survivors: 4, dropouts: { input: 1 } }]);
  const taken = await Promise.all(parts);
  expect(taken.slice(0, 4).map(({ outcomes }) => outcomes)).toEqual(
    Array(4).fill([{ status: 'summed', survivors: 4 }]),
  );
  const mean = Array.from(
    { length: dimension },
    (_, j) => range(4).reduce((sum, i) => sum + (honest(i)[j] ?? 0), 0) / 4,
  );
  mean.forEach((value, j) => {
    expect(Math.abs(value - (result?.model[j] ?? Number.NaN))).toBeLessThan(2 ** -15);
  });
});

it('a client refuses a task without masking unless it says that it may', async () => {
  const server = await startServer({
    task: { ...task, minSurvivors: 5, plan: overClients, clients: { min: 5, max: 5 } },
  });
  const result = server.rounds().next();
  const parts = range(5).map((i) => takePart(server.url, { i, weight: 1 }));
  for (const { error: refusal } of await Promise.all(parts)) expect(refusal).toMatchObject({ code: 'policy.unmasked' });
  await server.close();
  await result;
});

it('nobody is in two cohorts of a round', async () => {
  const log: LogEntry[] = [];
  const server = await startServer({
    log: (entry) => log.push(entry),
    gather: 50,
    deadlines: { advertise: 3000 },
    task: { ...task, plan: overCohorts(3), clients: { min: 3, max: 5 }, cohorts: 3, minSurvivors: 3 },
  });
  const twice = await newIdentity();
  const parts = range(13).map((i) =>
    takePart(server.url, { i, weight: 1, update: honest(i), ...(i < 3 ? { identity: twice } : {}) }),
  );
  const [result] = await allRounds(server);
  await Promise.all(parts);
  const clients = result?.judged?.flat() ?? [];
  expect(new Set(clients).size).toBe(clients.length);
  expect(log.some((entry) => /advertise\.(elsewhere|duplicate)/.test(entry.message))).toBe(true);
});

it('who keeps spoiling cohorts is narrowed down over rounds, from verdicts alone', { timeout: 120_000 }, async () => {
  const plan = definePlan({
    ...base,
    combine: { kind: 'robust', over: 'cohorts', cohorts: 4, aggregator: { kind: 'krum', f: 0 } },
  });
  const { results, villain } = await run(plan, { clients: 12, each: 3, rounds: 8 });
  const ranking = results.at(-1)?.suspicions ?? [];
  expect(ranking.length).toBe(12);
  // Krum keeps one cohort of four: the villain's never.
  expect(ranking.find(({ client }) => client === villain)).toMatchObject({ rounds: 8, rejected: 8 });
  // Groups are fresh in each round.
  expect(new Set(results.map(({ cohortSeed }) => cohortSeed)).size).toBe(8);
});

it('groups follow from the seed, and from nothing else', () => {
  const seed = seededSource(new Uint8Array(32).fill(1))(32);
  const items = range(30);
  expect(shuffledBy(seed, items)).toEqual(shuffledBy(seed, items));
  expect([...shuffledBy(seed, items)].sort((a, b) => a - b)).toEqual(items);
  expect(shuffledBy(new Uint8Array(32), items)).not.toEqual(shuffledBy(seed, items));
});
