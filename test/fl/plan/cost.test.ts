import { expect, it } from 'vitest';
import {
  definePlan,
  distributedPrivacy,
  type Plan,
  type PlanInput,
  planBytes,
  planCost,
  plannedEpsilon,
} from '../../../src/fl/index.js';
import { simulate } from '../../../src/simulation/index.js';

const base = {
  vector: { dimension: 1000 },
  cohort: { maxClients: 20 },
  quantize: { bits: 16, range: 1 },
} satisfies PlanInput;
const plain = definePlan(base);

it('reckons the bytes that a session really takes, to a tenth', async () => {
  for (const dimension of [100, 20_000]) {
    const plan = definePlan({ ...base, vector: { dimension } });
    const report = await simulate({ clients: 20, dimension: dimension + 1, ringBits: 21, seed: 1 });
    const { client } = planCost(plan, { clients: 20, degree: report.parameters?.degree ?? 0 });
    // The model and the offer come on top of the session's messages.
    const down = report.perClient.bytesDown.mean + 4 * dimension + planBytes(plan).length + 320;
    const up = report.perClient.bytesUp.mean;
    expect(Math.abs(client.bytesUp / up - 1)).toBeLessThan(0.1);
    expect(Math.abs(client.bytesDown / down - 1)).toBeLessThan(0.1);
  }
});

it('grows with what it depends on', () => {
  const more = (plan: Plan, expectation: object = {}) => planCost(plan, expectation);
  const wide = definePlan({ ...base, vector: { dimension: 2000 } });
  expect(more(wide).client.inputBytes).toBeGreaterThan(1.9 * more(plain).client.inputBytes);
  expect(more(plain, { degree: 5 }).client.cpuSeconds).toBeLessThan(more(plain).client.cpuSeconds);
  expect(more(plain, { cohorts: 3 }).server.cpuSeconds).toBeGreaterThan(2.9 * more(plain).server.cpuSeconds);
  expect(more(plain, { dropout: 0.2 }).server.cpuSeconds).toBeGreaterThan(more(plain).server.cpuSeconds);
  const open = definePlan({ ...base, masking: { kind: 'none' } });
  expect(more(open).client.bytesUp).toBeLessThan(more(plain).client.bytesUp);
  expect(more(open).server.memoryBytes).toBeGreaterThan(more(plain).server.memoryBytes);
});

it('counts what optimizers take and send beside updates and models', () => {
  const scaffold = definePlan({ ...base, optimizer: { kind: 'scaffold', clients: 20 } });
  const fednova = definePlan({ ...base, optimizer: { kind: 'fednova' } });
  const cost = (plan: Plan): ReturnType<typeof planCost>['client'] => planCost(plan, { degree: 5 }).client;
  const bits = 16 + 5;
  expect(cost(plain).inputBytes).toBe(Math.ceil((bits * 1001) / 8));
  expect(cost(fednova).inputBytes).toBe(Math.ceil((bits * 1002) / 8));
  expect(cost(scaffold).inputBytes).toBe(Math.ceil((bits * 2001) / 8));
  expect(cost(scaffold).bytesUp - cost(plain).bytesUp).toBe(cost(scaffold).inputBytes - cost(plain).inputBytes);
  // The texts of the plans differ a little.
  expect(cost(scaffold).bytesDown - cost(plain).bytesDown - 4000).toBeLessThan(400);
  expect(cost(scaffold).bytesDown - cost(plain).bytesDown).toBeGreaterThan(4000);
  expect(cost(fednova).bytesDown - cost(plain).bytesDown).toBeLessThan(400);
  expect(cost(scaffold).cpuSeconds).toBeGreaterThan(cost(plain).cpuSeconds);
  expect(planCost(scaffold).server.memoryBytes).toBeGreaterThan(1.5 * planCost(plain).server.memoryBytes);
});

it('says what a round costs in privacy', () => {
  const { vector, cohort } = base;
  const budget = { epsilon: 4, delta: 1e-6, rounds: 7 };
  const plan = definePlan({
    vector,
    cohort,
    ...distributedPrivacy({ vector, cohort, clip: 1, minSurvivors: 15, budget }),
  });
  const { privacy, client } = planCost(plan);
  expect(privacy).toMatchObject({ epsilon: plannedEpsilon(plan), delta: 1e-6, rounds: 7 });
  expect(privacy?.epsilon).toBeLessThanOrEqual(4);
  expect(privacy?.roundEpsilon).toBeGreaterThan(4 / 7);
  expect(planCost(plain).privacy).toBeUndefined();
  expect(client.cpuSeconds).toBeGreaterThan(planCost(plain).client.cpuSeconds);
});

it.each([
  ['more clients than the plan has', { clients: 21 }],
  ['one client', { clients: 1 }],
  ['more neighbors than clients', { clients: 5, degree: 5 }],
  ['more dropouts than clients', { dropout: 1.1 }],
  ['no cohort', { cohorts: 0 }],
  ['nothing', null],
])('refuses %s', (_, expectation) => {
  expect(() => planCost(plain, expectation as object)).toThrow(/must be/);
});
