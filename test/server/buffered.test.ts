/**
 * Buffered asynchronous rounds over real sockets: fast and slow clients, several sessions at once, and what they come
 * to.
 */
import { describe, expect, it } from 'vitest';
import { type ClientRound, join, type RoundOutcome } from '../../src/client/index.js';
import { type Phase, phases } from '../../src/secagg/index.js';
import type { RoundResult } from '../../src/server/index.js';
import { bufferedPlan, Crowd, collect, Gate, startBuffered, until } from './buffered-fixtures.js';
import { allRounds, authority, distance, newIdentity, policy, range, step, updateOf } from './fixtures.js';

describe('buffers', () => {
  it('fast and slow clients: each update counts by its own age, each sum by the age of its cohort', async () => {
    const plan = bufferedPlan({ bufferSize: 3 });
    const server = await startBuffered(plan, { task: { rounds: 8 } });
    const crowd = await Crowd.of(server.url, 8);
    const results: RoundResult[] = [];
    const done = collect(server, results);
    // Two need three versions' time for their first update.
    const slow = (round: ClientRound): Promise<void> => (round.round === 0 ? until(results, 3) : Promise.resolve());
    const taken = range(8).map((i) => crowd.join(i, i < 2 ? { train: slow } : {}));
    await done;
    expect(results.map(({ round }) => round)).toEqual(range(8));
    const ages = results.flatMap(({ cohorts }) =>
      cohorts.flatMap(({ versions }) => versions?.trained.map((trained) => versions.formed - trained) ?? []),
    );
    expect(Math.max(...ages)).toBeGreaterThanOrEqual(3);
    // Nobody's update of one version is in two sums: the difference of the sums would be that of the groups.
    const updates = results.flatMap(({ cohorts }) =>
      cohorts.flatMap(({ clients, versions }) => clients.map((client, k) => `${client} ${versions?.trained[k]}`)),
    );
    expect(new Set(updates).size).toBe(updates.length);
    for (const [k, { model, failures }] of results.entries()) {
      expect(failures).toEqual([]);
      // Rounding costs at most a step of the grid in each version's mean.
      expect(distance(model, crowd.replay(results.slice(0, k + 1)))).toBeLessThan((k + 1) * step);
    }
    // The control: counted in full, the stale updates would have moved the model elsewhere.
    const last = results.at(-1)?.model ?? new Float32Array();
    expect(distance(last, crowd.replay(results, { kind: 'constant' }))).toBeGreaterThan(50 * step);
    const outcomes = (await Promise.all(taken)).flatMap(({ outcomes: all, error }) => {
      expect(error).toBeUndefined();
      return all;
    });
    expect(outcomes.filter(({ status }) => status === 'summed').length).toBe(24);
    for (const outcome of outcomes)
      if (outcome.status !== 'summed') expect(outcome).toMatchObject({ code: 'connection.closed', sent: false });
  });

  it('go on beside each other: one that is held up goes into a later version, and counts less', async () => {
    const server = await startBuffered(bufferedPlan(), { task: { rounds: 3 } });
    const crowd = await Crowd.of(server.url, 8);
    const results: RoundResult[] = [];
    const [seated, release] = [new Gate(), new Gate()];
    const done = collect(server, results);
    const held = range(4).map((i) =>
      crowd.join(i, {
        onPhase: async (phase) => {
          if (i !== 0 || phase !== 'confirm') return;
          seated.open();
          await release.opened;
        },
      }),
    );
    await seated.opened;
    const others = range(4).map((i) => crowd.join(4 + i));
    await until(results, 2);
    release.open();
    await done;
    await Promise.all([...held, ...others]);
    expect(results.map(({ cohorts }) => cohorts[0]?.versions)).toMatchObject([
      { trained: [0, 0, 0, 0], formed: 0, applied: 0, weight: 1 },
      { trained: [1, 1, 1, 1], formed: 1, applied: 1, weight: 1 },
      { trained: [0, 0, 0, 0], formed: 0, applied: 2, weight: 3 ** -0.5 },
    ]);
    expect(crowd.numbers(results[2]?.cohorts[0]?.clients ?? []).sort()).toEqual([0, 1, 2, 3]);
    expect(distance(results[2]?.model ?? new Float32Array(), crowd.replay(results))).toBeLessThan(3 * step);
  });

  it('come to the same without masking, whatever the ages', async () => {
    const models = await Promise.all(
      ['pairwise', 'none'].map(async (masking) => {
        const plan = bufferedPlan({ bufferSize: 3 }, { masking: { kind: masking } });
        const server = await startBuffered(plan, { task: { rounds: 3 } });
        const crowd = await Crowd.of(server.url, 5);
        const results: RoundResult[] = [];
        const done = collect(server, results);
        /** Trains a version until there are as many results as it says. */
        const pace = (count: (version: number) => number) => ({
          allowUnmasked: true,
          train: (round: ClientRound) => until(results, count(round.round), round.signal),
        });
        // 2, 3 and 4 make the first two versions; 0 and 1 come to the third with an update of the first.
        const parts = [
          ...range(2).map((i) =>
            crowd.join(
              i,
              pace((version) => (version === 0 ? 2 : 3)),
            ),
          ),
          crowd.join(
            2,
            pace((version) => version),
          ),
          ...range(2).map((i) =>
            crowd.join(
              3 + i,
              pace((version) => (version < 2 ? version : 3)),
            ),
          ),
        ];
        await done;
        await Promise.all(parts);
        expect(results[2]?.cohorts[0]?.versions?.trained.slice().sort()).toEqual([0, 0, 2]);
        expect(distance(results[2]?.model ?? new Float32Array(), crowd.replay(results))).toBeLessThan(3 * step);
        return results[2]?.model ?? new Float32Array();
      }),
    );
    expect(distance(models[0] ?? new Float32Array(), [...(models[1] ?? [])])).toBeLessThan(6 * step);
  });

  it.each(phases)('go on without a client that dies before %s', async (phase) => {
    const server = await startBuffered(bufferedPlan({ bufferSize: 6 }), {
      task: { rounds: 2, assumptions: { corrupt: 0, dropout: 0.3, correctnessBits: 1 } },
    });
    const crowd = await Crowd.of(server.url, 7);
    const parts = range(7).map((i) => crowd.join(i, i === 0 ? { vanishAt: phase } : {}));
    // Six make the first buffer; if that has client 0, the others and the seventh make the second.
    const results = await allRounds(server);
    const [dead, ...others] = await Promise.all(parts);
    expect(results.map(({ round }) => round)).toEqual([0, 1]);
    const last = results.at(-1)?.model ?? new Float32Array();
    expect(distance(last, crowd.replay(results))).toBeLessThan(2 * step);
    for (const { error } of others) expect(error).toBeUndefined();
    expect(dead?.error).toMatchObject({ name: 'AbortError' });
  });

  it("an update that is too old isn't sent, and its client trains anew", async () => {
    const server = await startBuffered(bufferedPlan({ maxStaleness: 1 }), { task: { rounds: 4 } });
    const crowd = await Crowd.of(server.url, 6);
    const results: RoundResult[] = [];
    const done = collect(server, results);
    const trained: number[] = [];
    const late = crowd.join(0, {
      train: async ({ round }) => {
        trained.push(round);
        if (round === 0) await until(results, 2);
      },
    });
    const others = range(5).map((i) => crowd.join(i + 1));
    await done;
    const { outcomes, error } = await late;
    await Promise.all(others);
    expect(error).toBeUndefined();
    expect(outcomes[0]).toMatchObject({ status: 'aborted', code: 'async.stale', sent: false });
    expect(trained[1]).toBeGreaterThanOrEqual(2);
    const ages = results.flatMap(({ cohorts }) =>
      cohorts.flatMap(({ versions }) => versions?.trained.map((version) => versions.formed - version) ?? []),
    );
    expect(Math.max(...ages)).toBeLessThanOrEqual(1);
    expect(distance(results[3]?.model ?? new Float32Array(), crowd.replay(results))).toBeLessThan(4 * step);
  });

  it('that fail are told of, and do not keep others from the next version', async () => {
    const server = await startBuffered(bufferedPlan(), { task: { rounds: 1, clients: { min: 4, max: 4 } } });
    const crowd = await Crowd.of(server.url, 8);
    const results: RoundResult[] = [];
    const done = collect(server, results);
    // Two of four gone before confirm: too few.
    const doomed = range(4).map((i) => crowd.join(i, i < 3 ? { vanishAt: 'confirm' } : {}));
    await Promise.all(doomed.slice(0, 3));
    const others = range(4).map((i) => crowd.join(4 + i));
    await done;
    await Promise.all([...doomed, ...others]);
    expect(results).toHaveLength(1);
    expect(results[0]?.failures).toMatchObject([{ code: 'confirm.few' }]);
    expect(results[0]?.cohorts).toMatchObject([{ survivors: 4 }]);
    expect(distance(results[0]?.model ?? new Float32Array(), crowd.replay(results))).toBeLessThan(step);
  });

  it('that fail again and again end the iteration with a type; asking anew goes on', async () => {
    const server = await startBuffered(bufferedPlan(), { retries: 0, task: { clients: { min: 4, max: 4 } } });
    const crowd = await Crowd.of(server.url, 4);
    const failing = server.rounds().next();
    const doomed = range(4).map((i) => crowd.join(i, { vanishAt: 'share' }));
    await expect(failing).rejects.toMatchObject({ name: 'AbortError', code: 'round.failed' });
    await Promise.all(doomed);
    const parts = range(4).map((i) => crowd.join(i));
    const [result] = await allRounds(server);
    await Promise.all(parts);
    expect(result?.cohorts).toMatchObject([{ survivors: 4 }]);
  });

  it('go on from a checkpoint at the version that it has', async () => {
    const plan = bufferedPlan({}, { optimizer: { kind: 'fedavgm', momentum: 0.5 } });
    const first = await startBuffered(plan, { task: { rounds: 2 } });
    const crowd = await Crowd.of(first.url, 4);
    const parts = range(4).map((i) => crowd.join(i));
    const { value: result } = await first.rounds().next();
    await first.close();
    await Promise.all(parts);
    const checkpoint = result?.checkpoint() ?? new Uint8Array();
    const second = await startBuffered(plan, { task: { rounds: 3, checkpoint } });
    const again = new Crowd(second.url, crowd.identities);
    const trained: number[] = [];
    const more = range(4).map((i) => again.join(i, { train: async ({ round }) => void trained.push(round) }));
    const results = await allRounds(second);
    await Promise.all(more);
    expect(results.map(({ round }) => round)).toEqual([1, 2]);
    expect(results[0]?.cohorts[0]?.versions).toMatchObject({ trained: [1, 1, 1, 1], formed: 1, applied: 1 });
    expect(Math.min(...trained)).toBe(1);
    // Momentum: the second step is half again the first.
    const moved = results[0]?.model.map((value, j) => value - (result?.model[j] ?? 0)) ?? new Float32Array();
    expect(
      distance(
        moved,
        [...(result?.model ?? [])].map((value) => 1.5 * value),
      ),
    ).toBeLessThan(3 * step);
  });

  it('closing ends both loops, whoever trains, waits or is in a session', async () => {
    const server = await startBuffered(bufferedPlan(), { task: { rounds: 5 } });
    const crowd = await Crowd.of(server.url, 6);
    const [seated, training] = [new Gate(), new Gate()];
    const sat = range(4).map((i) =>
      crowd.join(i, {
        onPhase: async (phase) => {
          if (phase !== 'input') return;
          seated.open();
          await new Promise((resolve) => setTimeout(resolve, 100));
        },
      }),
    );
    const iterating = server.rounds().next();
    await seated.opened;
    const waits = crowd.join(4);
    const trains = crowd.join(5, {
      train: async ({ signal }) => {
        training.open();
        await new Promise((resolve) => signal.addEventListener('abort', resolve));
      },
    });
    await training.opened;
    await server.close();
    expect(await iterating).toEqual({ done: true, value: undefined });
    const outcomes = (await Promise.all([...sat, waits, trains])).map(({ outcomes: [outcome], error }) => {
      expect(error).toBeUndefined();
      return outcome;
    });
    for (const outcome of outcomes.slice(0, 4)) expect(outcome).toMatchObject({ code: 'session.cancelled' });
    for (const outcome of outcomes.slice(4)) expect(outcome).toMatchObject({ code: 'connection.closed' });
  });

  it('a late answer costs its phase only, and training has all the time that it wants', async () => {
    const server = await startBuffered(bufferedPlan(), { deadlines: { advertise: 300 }, task: { rounds: 2 } });
    const crowd = await Crowd.of(server.url, 5);
    const results: RoundResult[] = [];
    const done = collect(server, results);
    const parts = range(5).map((i) =>
      crowd.join(i, {
        // Longer than any deadline.
        train: () => new Promise((resolve) => setTimeout(resolve, 500)),
        ...(i === 0 ? { onPhase: (phase: Phase) => hang(phase, 'advertise', 600) } : {}),
      }),
    );
    await done;
    await Promise.all(parts);
    expect(results.map(({ cohorts }) => cohorts[0]?.survivors)).toContain(3);
    expect(distance(results[1]?.model ?? new Float32Array(), crowd.replay(results))).toBeLessThan(2 * step);
  });

  it('a client that skips a version is handed the next', async () => {
    const server = await startBuffered(bufferedPlan(), { task: { rounds: 2 } });
    const crowd = await Crowd.of(server.url, 5);
    const results: RoundResult[] = [];
    const done = collect(server, results);
    const others = range(4).map((i) => crowd.join(i));
    const seen: number[] = [];
    const outcomes: RoundOutcome[] = [];
    const identity = crowd.identities[4] ?? (await newIdentity());
    for await (const round of join(server.url, { identity, authority: authority.publicKey, policy })) {
      seen.push(round.round);
      if (seen.length === 1) await until(results, 1);
      else if (seen.length > 2) outcomes.push(await round.submit(updateOf(4), { weight: 5 }));
    }
    await done;
    await Promise.all(others);
    expect(seen.slice(0, 2)).toEqual([0, 1]);
    expect(seen.length).toBeGreaterThan(2);
  });
});

async function hang(phase: Phase, at: Phase, milliseconds: number): Promise<void> {
  if (phase === at) await new Promise((resolve) => setTimeout(resolve, milliseconds));
}
