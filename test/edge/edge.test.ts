/** Edges between a root and their own clients, over real WebSockets. */
import { describe, expect, it } from 'vitest';
import { definePlan, type Plan, type PlanInput, rootPlan } from '../../src/fl/index.js';
import type { RoundResult, Server } from '../../src/server/index.js';
import {
  allRounds,
  dimension,
  distance,
  meanOf,
  newIdentity,
  range,
  startServer,
  step,
  type Taken,
  type TestClient,
  type TestServerOptions,
  takePart,
} from '../server/fixtures.js';
import { edgePlan, grid, keyOf, type Played, play, startEdge, type TestEdge } from './fixtures.js';

const each = 5;
const root = rootPlan(edgePlan(), { edges: 3, clients: each });
/** Rounding once at the edge and once at the root, each by less than a step. */
const tolerance = 2 * step;

function startRoot(options: TestServerOptions = {}): Promise<Server> {
  const { task, ...rest } = options;
  return startServer({
    ...rest,
    task: { plan: root, clients: { min: 3, max: 3 }, assumptions: { corrupt: 0, dropout: 0 }, ...task },
  });
}

interface Run {
  readonly results: readonly RoundResult[];
  readonly edges: readonly Played[];
  readonly clients: readonly Taken[];
}

/** A root, edges, and `each` clients for every edge, numbered through. */
async function run(
  server: Server,
  edges: readonly TestEdge[],
  client: (i: number) => Partial<TestClient> = () => ({}),
): Promise<Run> {
  const started = await Promise.all(edges.map((edge) => startEdge(server.url, edge)));
  const clients = started.flatMap(({ url }, edge) =>
    range(each).map((j) => {
      const i = edge * each + j;
      return takePart(url, { i, metrics: { right: i % 10 }, ...client(i) });
    }),
  );
  const played = started.map(play);
  const results = await allRounds(server);
  return { results, edges: await Promise.all(played), clients: await Promise.all(clients) };
}

const all = range(3 * each);
const weightOf = (i: number): number => i + 1;
const weightedBy = (clients: readonly number[]): { i: number; weight: number }[] =>
  clients.map((i) => ({ i, weight: weightOf(i) }));
const total = (clients: readonly number[]): number => clients.reduce((sum, i) => sum + weightOf(i), 0);

describe('three edges', () => {
  it('come to the mean of all their clients, masked among each other, round after round', async () => {
    const models = new Map<number, number[]>();
    const identities = await Promise.all(range(3).map(newIdentity));
    const { results, edges, clients } = await run(
      await startRoot({ task: { rounds: 2, name: 'root' } }),
      identities.map((identity) => ({ identity })),
      () => ({
        train: async ({ round, model }) => {
          models.set(round, [...(models.get(round) ?? []), model[3] ?? Number.NaN]);
        },
      }),
    );
    const mean = meanOf(weightedBy(all));
    expect(distance(results[0]?.model ?? new Float32Array(), mean)).toBeLessThan(tolerance);
    expect(
      distance(
        results[1]?.model ?? new Float32Array(),
        mean.map((value) => 2 * value),
      ),
    ).toBeLessThan(2 * tolerance);
    for (const result of results) {
      expect(result.weight).toBe(total(all));
      expect(result.metrics).toEqual({ right: all.reduce((sum, i) => sum + (i % 10), 0) });
      expect(result.cohorts.map(({ survivors }) => survivors)).toEqual([3]);
      expect([...(result.cohorts[0]?.clients ?? [])].sort()).toEqual(identities.map(keyOf).sort());
    }
    // In the second round all clients had the root's model.
    expect(models.get(1)).toEqual(all.map(() => results[0]?.model[3]));
    for (const { rounds, error } of edges) {
      expect(error).toBeUndefined();
      expect(rounds).toMatchObject([
        { round: 0, outcome: { status: 'summed', survivors: 3 } },
        { round: 1, outcome: { status: 'summed', survivors: 3 } },
      ]);
      expect(rounds.map(({ own }) => own?.cohorts.map(({ survivors }) => survivors))).toEqual([[each], [each]]);
    }
    // The root has no more rounds, so neither have the edges.
    for (const { outcomes, error } of clients) {
      expect(error).toBeUndefined();
      expect(outcomes.map(({ status }) => status)).toEqual(['summed', 'summed']);
    }
  });

  it('count for those of their clients that survived', async () => {
    const gone = [1, 6];
    const { results, edges } = await run(await startRoot(), [{}, {}, {}], (i) =>
      gone.includes(i) ? { vanishAt: 'input' } : {},
    );
    const survivors = all.filter((i) => !gone.includes(i));
    expect(results[0]?.weight).toBe(total(survivors));
    expect(distance(results[0]?.model ?? new Float32Array(), meanOf(weightedBy(survivors)))).toBeLessThan(tolerance);
    expect(edges.map(({ rounds }) => rounds[0]?.own?.cohorts[0]?.survivors)).toEqual([4, 4, 5]);
  });

  it('count weights in units, and each the same where the root says so', async () => {
    const unit = 4;
    const plan = rootPlan(edgePlan(), { edges: 3, clients: each, unit });
    const coarse = await run(await startRoot({ task: { plan } }), [{ unit }, { unit }, { unit }]);
    const sums = range(3).map((edge) => total(range(each).map((j) => edge * each + j)));
    expect(coarse.results[0]?.weight).toBe(sums.reduce((sum, weight) => sum + Math.round(weight / unit), 0));

    const even = edgePlan({ weight: { kind: 'uniform' }, metrics: [] });
    const uniform = await run(await startRoot({ task: { plan: even } }), [{}, {}, {}]);
    const means = range(3).map((edge) => meanOf(weightedBy(range(each).map((j) => edge * each + j))));
    const expected = range(dimension).map((k) => means.reduce((sum, mean) => sum + (mean[k] ?? 0), 0) / 3);
    expect(uniform.results[0]?.weight).toBe(3);
    expect(distance(uniform.results[0]?.model ?? new Float32Array(), expected)).toBeLessThan(tolerance);
  });
});

it('a root that buffers takes edges as they are ready', async () => {
  const { version: _, ...fields } = root;
  const plan = definePlan({ ...fields, schedule: { kind: 'buffered', bufferSize: 3 } } as PlanInput);
  const { results, edges, clients } = await run(await startRoot({ task: { plan, rounds: 2 } }), [{}, {}, {}]);
  const mean = meanOf(weightedBy(all));
  expect(distance(results[0]?.model ?? new Float32Array(), mean)).toBeLessThan(tolerance);
  expect(results.map(({ weight }) => weight)).toEqual([total(all), total(all)]);
  for (const { rounds, error } of edges) {
    expect(error).toBeUndefined();
    expect(rounds.slice(0, 2).map(({ outcome }) => outcome.status)).toEqual(['summed', 'summed']);
  }
  for (const { error } of clients) expect(error).toBeUndefined();
});

describe('a robust rule over edges', () => {
  const robust = { edges: 5, aggregator: { kind: 'multi-krum', f: 1 } } as const;
  const planOf = (rule?: typeof robust): Plan =>
    rootPlan(edgePlan({ weight: { kind: 'uniform' }, metrics: [] }), {
      edges: 5,
      clients: each,
      ...(rule === undefined ? {} : { masking: { kind: 'none' }, robust: rule }),
    });
  const honest = (i: number): Float32Array =>
    Float32Array.from({ length: dimension }, (_, j) => 0.1 + Math.sin(i * 7 + j) / 100);
  const error = (model: Float32Array | undefined): number =>
    Math.max(...(model ?? new Float32Array(1).fill(9)).map((value) => Math.abs(value - 0.1)));

  /** Four honest edges, and one that doesn't contribute what its clients do. */
  async function attacked(plan: Plan): Promise<{ results: readonly RoundResult[]; liar: string; honest: string[] }> {
    const server = await startRoot({ task: { plan, clients: { min: 5, max: 5 }, minSurvivors: 5 } });
    const identities = await Promise.all(range(5).map(newIdentity));
    const [liar, ...others] = identities;
    if (liar === undefined) throw new Error('no identity');
    const lying = takePart(server.url, {
      i: 0,
      identity: liar,
      allowUnmasked: true,
      weight: 4,
      update: new Float32Array(dimension).fill(-grid.range),
    });
    const { results } = await run(
      server,
      others.map((identity) => ({ identity, plan: edgePlan({ weight: { kind: 'uniform' }, metrics: [] }) })),
      (i) => ({ update: honest(i), weight: 1, metrics: {} }),
    );
    await lying;
    return { results, liar: keyOf(liar), honest: others.map(keyOf) };
  }

  it('rejects the one that lies, and names it', async () => {
    const { results, liar, honest: others } = await attacked(planOf(robust));
    const [result] = results;
    expect(error(result?.model)).toBeLessThan(0.02);
    const kept = (name: string): boolean | undefined =>
      result?.verdicts?.[result.judged?.findIndex((clients) => clients.includes(name)) ?? -1]?.kept;
    expect(kept(liar)).toBe(false);
    expect(others.map(kept)).toContain(true);
    expect(result?.suspicions?.[0]?.client).toBe(liar);
  });

  it('the control: their mean is spoiled by it', async () => {
    const { results } = await attacked(planOf());
    expect(error(results[0]?.model)).toBeGreaterThan(0.15);
    expect(results[0]?.verdicts).toBeUndefined();
  });
});
