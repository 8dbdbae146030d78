/** Top-k in rounds without masking: what it leaves out isn't sent. */
import { expect, it } from 'vitest';
import { definePlan, type Plan, type PlanInput } from '../../src/fl/index.js';
import type { RoundResult } from '../../src/server/index.js';
import { allRounds, range, startServer, takePart } from './fixtures.js';

const dimension = 20_000;
const clients = 4;
const base = {
  vector: { dimension },
  cohort: { maxClients: clients },
  quantize: { bits: 12, range: 1 },
  masking: { kind: 'none' },
} as const satisfies PlanInput;

/** A few large values each, at places of its own, among small ones. */
function updateOf(client: number): Float32Array {
  return Float32Array.from({ length: dimension }, (_, i) => (i % 100 === client ? 0.5 : 0.01 * Math.sin(i)));
}

async function roundOf(plan: Plan): Promise<RoundResult> {
  const server = await startServer({
    task: { plan, model: new Float32Array(dimension), clients: { min: clients, max: clients }, minSurvivors: clients },
  });
  const parts = range(clients).map((i) =>
    takePart(server.url, { i, weight: 1, update: updateOf(i), allowUnmasked: true }),
  );
  const [result] = await allRounds(server);
  for (const { error } of await Promise.all(parts)) expect(error).toBeUndefined();
  if (result === undefined) throw new Error('there was no round');
  return result;
}

it('sends a tenth of the bytes, and what it kept arrives', async () => {
  const whole = await roundOf(definePlan(base));
  const sparse = await roundOf(definePlan({ ...base, compress: { kind: 'top-k', fraction: 0.01 } }));
  const up = (result: RoundResult): number => result.cohorts.reduce((sum, { bytesUp }) => sum + bytesUp, 0);
  expect(up(sparse)).toBeLessThan(up(whole) / 10);
  expect(sparse.cohorts[0]?.survivors).toBe(clients);
  sparse.model.forEach((value, i) => {
    expect(Math.abs(value - (i % 100 < clients ? 0.5 / clients : 0))).toBeLessThan(1e-3);
  });
});
