import { once } from 'node:events';
import { describe, expect, it, vi } from 'vitest';
import { join, type RoundOutcome } from '../../src/client/index.js';
import { AbortError, type Phase, phases } from '../../src/secagg/index.js';
import { Cohort } from '../../src/server/cohort.js';
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
  step,
  takePart,
  updateOf,
  weighted,
} from './fixtures.js';

/** Three of ten may go at once. */
const assumptions = { corrupt: 0, dropout: 0.3, correctnessBits: 1 };

const noDropouts = { advertise: 0, share: 0, input: 0, confirm: 0, unmask: 0 };

describe('rounds over real sockets', () => {
  it('several rounds add the exact weighted mean each time', async () => {
    const server = await startServer({ task: { rounds: 3, clients: { min: 5, max: 5 } } });
    const clients = range(5).map((i) => takePart(server.url, { i }));
    const results = await allRounds(server);
    expect(results.map(({ round }) => round)).toEqual([0, 1, 2]);
    const mean = meanOf(weighted(0, 1, 2, 3, 4));
    for (const [r, { model, weight, cohorts, failures }] of results.entries()) {
      const expected = mean.map((value) => (r + 1) * value);
      expect(distance(model, expected)).toBeLessThan(4 * float32Tolerance);
      expect(weight).toBe(15);
      expect(failures).toEqual([]);
      expect(cohorts).toMatchObject([{ roster: 5, survivors: 5, cheaters: [], dropouts: noDropouts }]);
    }
    for (const { outcomes, error } of await Promise.all(clients)) {
      expect(error).toBeUndefined();
      expect(outcomes).toEqual(range(3).map(() => ({ status: 'summed', survivors: 5 })));
    }
  });

  it('deals clients out to several cohorts and pools their sums by weight', async () => {
    const server = await startServer({ task: { cohorts: 3, clients: { min: 4, max: 4 } } });
    const clients = range(12).map((i) => takePart(server.url, { i }));
    const [result] = await allRounds(server);
    expect(result?.cohorts.map(({ survivors }) => survivors)).toEqual([4, 4, 4]);
    expect(result?.weight).toBe(78);
    expect(distance(result?.model ?? new Float32Array(), meanOf(weighted(...range(12))))).toBeLessThan(
      float32Tolerance,
    );
    for (const { outcomes } of await Promise.all(clients))
      expect(outcomes).toEqual([{ status: 'summed', survivors: 4 }]);
  });

  it('sums metrics, and takes uniform weights', async () => {
    const plan = planOf({ weight: { kind: 'uniform' }, metrics: [{ name: 'correct', max: 50 }] });
    const server = await startServer({ task: { plan, clients: { min: 4, max: 4 }, suite: 2 } });
    const clients = range(4).map((i) => takePartWithMetric(server.url, i));
    const [result] = await allRounds(server);
    await Promise.all(clients);
    expect(result).toMatchObject({ weight: 4, metrics: { correct: 46 } });
  });

  it.each(phases)('goes on without clients that vanish before %s', async (phase) => {
    const server = await startServer({ task: { clients: { min: 6, max: 10 }, rounds: 2, assumptions } });
    const clients = range(10).map((i) => takePart(server.url, i < 3 ? { i, vanishAt: phase } : { i }));
    const [first, second] = await allRounds(server);
    const survives = phase === 'confirm' || phase === 'unmask';
    const expected = meanOf(weighted(...range(10).filter((i) => survives || i >= 3)));
    expect(distance(first?.model ?? new Float32Array(), expected)).toBeLessThan(float32Tolerance);
    const advertised = phase === 'advertise' ? 7 : 10;
    expect(first?.cohorts).toMatchObject([
      { roster: advertised, survivors: survives ? 10 : 7, dropouts: { ...noDropouts, [phase]: 3 } },
    ]);
    expect(second?.cohorts).toMatchObject([{ roster: 7, survivors: 7 }]);
    const taken = await Promise.all(clients);
    for (const { outcomes } of taken.slice(3))
      expect(outcomes.map(({ status }) => status)).toEqual(['summed', 'summed']);
    for (const { outcomes, error } of taken.slice(0, 3)) {
      expect(outcomes).toEqual([]);
      expect(error).toMatchObject({ name: 'AbortError' });
    }
  });

  it('a different phase for each', async () => {
    const server = await startServer({ task: { clients: { min: 6, max: 16 }, assumptions } });
    const clients = range(16).map((i) => {
      const vanishAt = phases[i];
      return takePart(server.url, vanishAt === undefined ? { i } : { i, vanishAt });
    });
    const [result] = await allRounds(server);
    await Promise.all(clients);
    expect(result?.cohorts[0]?.dropouts).toEqual({ advertise: 1, share: 1, input: 1, confirm: 1, unmask: 1 });
    expect(distance(result?.model ?? new Float32Array(), meanOf(weighted(...range(16).slice(3))))).toBeLessThan(
      float32Tolerance,
    );
  });
});

describe('deadlines', () => {
  it.each<Phase>(['advertise', 'share', 'input', 'confirm', 'unmask'])(
    '%s ends without those who are late',
    async (late) => {
      const deadlines = { [late]: 1000 };
      const server = await startServer({ deadlines, task: { clients: { min: 5, max: 6 } } });
      const clients = range(6).map((i) =>
        takePart(server.url, {
          i,
          onPhase: async (phase) => {
            if (i === 0 && phase === late) await new Promise((resolve) => setTimeout(resolve, 2000));
          },
        }),
      );
      const { value: result } = await server.rounds().next();
      // So that the late one still finds the server.
      await new Promise((resolve) => setTimeout(resolve, 1600));
      await server.close();
      if (result === undefined) throw new Error('no round');
      expect(result.cohorts[0]?.dropouts[late]).toBe(1);
      const survives = late === 'confirm' || late === 'unmask';
      expect(result.cohorts[0]?.survivors).toBe(survives ? 6 : 5);
      const [slow] = await Promise.all(clients);
      expect(slow?.error).toBeUndefined();
      const [outcome] = slow?.outcomes ?? [];
      // It was late, but it hears what became of the session.
      if (survives) expect(outcome).toEqual({ status: 'summed', survivors: 6 });
      else if (late === 'advertise') expect(outcome).toMatchObject({ status: 'aborted', code: 'session.late' });
      else expect(outcome).toEqual({ status: 'missed', survivors: 5, sent: late === 'input' });
    },
  );

  it('a late client takes part in the next round', async () => {
    const server = await startServer({
      deadlines: { advertise: 1500 },
      gather: 2000,
      task: { rounds: 2, clients: { min: 4, max: 5 } },
    });
    const slow = takePart(server.url, {
      i: 4,
      train: async ({ round, signal }) => {
        if (round === 0) await once(signal, 'abort');
      },
    });
    const clients = range(4).map((i) => takePart(server.url, { i }));
    const results = await allRounds(server);
    await Promise.all(clients);
    expect(results.map(({ cohorts }) => cohorts[0]?.survivors)).toEqual([4, 5]);
    expect((await slow).outcomes.map(({ status }) => status)).toEqual(['aborted', 'summed']);
  });
});

describe('rounds that fail', () => {
  it('a cohort below its threshold aborts with a type, and the round is tried again', async () => {
    const server = await startServer({ task: { clients: { min: 5, max: 5 } } });
    let first = true;
    const outcomes: RoundOutcome[][] = [];
    const fickle = async (i: number): Promise<void> => {
      const vanishing = first;
      const taken = await takePart(server.url, vanishing && i < 3 ? { i, vanishAt: 'confirm' } : { i });
      outcomes.push([...taken.outcomes]);
      if (!vanishing || i >= 3) return;
      first = false;
      outcomes.push([...(await takePart(server.url, { i })).outcomes]);
    };
    const clients = range(5).map(fickle);
    const [result] = await allRounds(server);
    await Promise.all(clients);
    expect(result?.failures).toMatchObject([{ code: 'confirm.few' }]);
    expect(result?.cohorts).toMatchObject([{ survivors: 5 }]);
    expect(distance(result?.model ?? new Float32Array(), meanOf(weighted(...range(5))))).toBeLessThan(float32Tolerance);
    const stayed = outcomes.filter((list) => list.length === 2);
    expect(stayed).toHaveLength(2);
    for (const [aborted, summed] of stayed) {
      expect(aborted).toMatchObject({ status: 'aborted', code: 'confirm.few' });
      expect(summed).toEqual({ status: 'summed', survivors: 5 });
    }
  });

  it('one cohort of two fails: the other makes the round', async () => {
    const { run } = Cohort.prototype;
    const spy = vi.spyOn(Cohort.prototype, 'run').mockImplementationOnce(function (this: Cohort) {
      setTimeout(() => this.cancel(new AbortError('test.doomed', 'this cohort was to fail')), 20);
      return run.call(this);
    });
    const server = await startServer({ task: { cohorts: 2, clients: { min: 4, max: 4 } } });
    const clients = range(8).map((i) =>
      takePart(server.url, { i, train: () => new Promise((resolve) => setTimeout(resolve, 60)) }),
    );
    const [result] = await allRounds(server);
    spy.mockRestore();
    expect(result?.cohorts).toMatchObject([{ survivors: 4 }]);
    expect(result?.failures).toEqual([{ code: 'test.doomed', reason: 'this cohort was to fail' }]);
    const outcomes = (await Promise.all(clients)).map((taken) => taken.outcomes[0]);
    const summed = range(8).filter((i) => outcomes[i]?.status === 'summed');
    expect(summed).toHaveLength(4);
    expect(outcomes.filter((outcome) => outcome?.status === 'aborted' && outcome.code === 'test.doomed')).toHaveLength(
      4,
    );
    expect(distance(result?.model ?? new Float32Array(), meanOf(weighted(...summed)))).toBeLessThan(float32Tolerance);
  });

  it('fails with a type after the last attempt, and can be asked for again', async () => {
    const server = await startServer({
      retries: 1,
      deadlines: { advertise: 150 },
      task: { clients: { min: 4, max: 4 } },
    });
    let training = true;
    const clients = range(4).map((i) =>
      takePart(server.url, {
        i,
        train: async () => {
          if (training && i === 0) await new Promise((resolve) => setTimeout(resolve, 400));
        },
      }),
    );
    await expect(server.rounds().next()).rejects.toMatchObject({ name: 'AbortError', code: 'round.failed' });
    training = false;
    const [result] = await allRounds(server);
    expect(result?.cohorts).toMatchObject([{ survivors: 4 }]);
    const taken = await Promise.all(clients);
    for (const { error } of taken) expect(error).toBeUndefined();
    expect(taken[1]?.outcomes.map((outcome) => ('code' in outcome ? outcome.code : outcome.status))).toEqual([
      'advertise.few',
      'advertise.few',
      'summed',
    ]);
  });

  it('clients that all weigh nothing have no mean', async () => {
    const server = await startServer({ retries: 0, task: { clients: { min: 4, max: 4 } } });
    const clients = range(4).map((i) => takePart(server.url, { i, weight: 0 }));
    await expect(server.rounds().next()).rejects.toMatchObject({ code: 'round.failed', message: /sum\.empty/ });
    await server.close();
    await Promise.all(clients);
  });

  it('only one may iterate at a time', async () => {
    const server = await startServer();
    const first = server.rounds().next();
    await expect(server.rounds().next()).rejects.toMatchObject({ code: 'usage.order' });
    await server.close();
    await expect(first).resolves.toEqual({ done: true, value: undefined });
  });
});

async function takePartWithMetric(url: string, i: number): Promise<void> {
  for await (const round of join(url, { identity: await newIdentity(), authority: authority.publicKey, policy }))
    await round.submit(updateOf(i), { metrics: { correct: 10 + i } });
}

it('fixtures: an update is made of quantization steps', () => {
  expect(updateOf(3)).toHaveLength(dimension);
  for (const value of updateOf(3)) expect(Math.abs(value / step - Math.round(value / step))).toBeLessThan(1e-2);
});
