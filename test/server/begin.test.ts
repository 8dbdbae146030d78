/** Rounds that begin with a model from elsewhere. */
import { describe, expect, it } from 'vitest';
import type { RoundResult, RoundStart, Server } from '../../src/server/index.js';
import { dimension, distance, float32Tolerance, meanOf, range, startServer, takePart, weighted } from './fixtures.js';

const clients = 4;

async function next(server: Server, start: RoundStart): Promise<RoundResult> {
  const rounds = server.rounds(() => start);
  const { value } = await rounds.next();
  await rounds.return();
  return value as RoundResult;
}

describe('a round that begins with a given model', () => {
  it('is trained on it, and gives the mean apart from it', async () => {
    const server = await startServer({ task: { rounds: 3 } });
    const seen: number[] = [];
    const parts = range(clients).map((i) =>
      takePart(server.url, { i, train: async ({ model }) => void seen.push(model[7] ?? Number.NaN) }),
    );
    const mean = meanOf(weighted(...range(clients)));
    for (const value of [3, -2]) {
      const result = await next(server, { model: new Float32Array(dimension).fill(value) });
      expect(seen.splice(0)).toEqual(range(clients).map(() => value));
      expect(distance(Float32Array.from(result.mean), mean)).toBeLessThan(float32Tolerance);
      const shifted = mean.map((each) => each + value);
      expect(distance(result.model, shifted)).toBeLessThan(4 * float32Tolerance);
    }
    // Without one, it goes on from where it was.
    const rounds = server.rounds();
    const { value: last } = await rounds.next();
    expect(last?.round).toBe(2);
    expect(seen[0]).toBeCloseTo(-2 + (mean[7] ?? 0), 5);
    await Promise.all(parts);
    await server.close();
  });

  it('can be given up while it gathers and while its session runs; the clients are told and take part in the next', async () => {
    const server = await startServer();
    const model = new Float32Array(dimension);
    const early = new AbortController();
    const gathering = next(server, { model, signal: early.signal });
    setTimeout(() => early.abort(), 50);
    await expect(gathering).rejects.toMatchObject({ code: 'round.cancelled' });
    await expect(next(server, { model, signal: early.signal })).rejects.toMatchObject({ code: 'round.cancelled' });

    const late = new AbortController();
    let started = 0;
    const train = async (): Promise<void> => {
      started += 1;
      if (started === clients) late.abort();
    };
    const parts = range(clients).map((i) => takePart(server.url, { i, train }));
    await expect(next(server, { model, signal: late.signal })).rejects.toMatchObject({ code: 'round.cancelled' });
    const result = await next(server, { model });
    expect(result.round).toBe(0);
    expect(result.cohorts[0]?.survivors).toBe(clients);
    for (const { outcomes } of await Promise.all(parts))
      expect(outcomes).toMatchObject([
        { status: 'aborted', code: 'round.cancelled', sent: false },
        { status: 'summed', survivors: clients },
      ]);
    await server.close();
  });

  it.each([
    ['of another length', new Float32Array(dimension - 1)],
    ['with a NaN', new Float32Array(dimension).fill(Number.NaN)],
    ['that is a list', [1, 2, 3]],
  ])('refuses a model %s', async (_, model) => {
    const server = await startServer();
    await expect(next(server, { model: model as Float32Array })).rejects.toMatchObject({ code: 'usage.model' });
    await server.close();
  });
});
