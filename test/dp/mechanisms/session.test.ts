/**
 * Noise components as application seeds of a real session: what the survivors release is what the server takes back.
 */
import { describe, expect, it } from 'vitest';
import { DistributedMechanism, type DistributedSettings } from '../../../src/dp/mechanisms/distributed-mechanism.js';
import { planDistributed } from '../../../src/dp/mechanisms/plan-distributed.js';
import { seededRandom } from '../../../src/simulation/random.js';
import { complete, makeWorld, type Outcome, play, type Seat } from '../../support/session.js';
import { moments } from '../samplers/statistics.js';

const dimension = 4096;
const clients = 10;
const rotation = new Uint8Array(32).fill(3);

const { settings } = planDistributed({
  noise: 'skellam',
  dimension,
  clip: 1,
  ringBits: 20,
  clients,
  minSurvivors: 6,
  colluders: 1,
  removable: 4,
  rounds: 1,
  epsilon: 10,
  delta: 1e-5,
});
const mechanism = new DistributedMechanism(settings);

/** A session whose clients add zeros under distributed noise; the last `leaving` send no input. */
async function session(leaving: number): Promise<Outcome> {
  const { ringBits, releaseAt } = settings;
  const world = await makeWorld({
    n: clients,
    parameters: complete(5),
    seed: `noise ${leaving}`,
    context: { ringBits, releaseAt, vectorLength: mechanism.length, maxClients: clients },
    inputs: () => Array.from({ length: mechanism.length }, () => 0),
  });
  const seats = await Promise.all(
    world.seats.map(async (seat, i): Promise<Seat> => {
      const input = mechanism.encode(new Float32Array(dimension), {
        rotation,
        random: seededRandom(i, `own ${leaving}`),
        applicationSeeds: seat.secrets.applicationSeeds,
      });
      return { ...seat, input };
    }),
  );
  const left = new Set(seats.slice(clients - leaving).map(({ peer }) => peer));
  return play(
    { ...world, seats },
    { up: (message, { peer, name }) => (left.has(peer) && name.startsWith('input') ? undefined : message) },
  );
}

const noiseOf = (sum: Parameters<DistributedMechanism['decode']>[0]): number =>
  moments(mechanism.decode(sum, rotation)).variance / settings.granularity ** 2;

describe('application seeds', () => {
  it.each([0, 2, 4])('with %d clients gone leave the noise that was agreed', async (leaving) => {
    const { result, refusals } = await session(leaving);
    expect(refusals).toEqual([]);
    if (result === undefined) throw new Error('the session gave no sum');
    const survivors = clients - leaving;
    expect(result.survivors).toHaveLength(survivors);
    const uploaded = (survivors * settings.variance) / 5;
    expect(noiseOf(result.sum) / uploaded).toBeCloseTo(1, 0.8);
    const seeds = [...result.applicationSeeds.values()];
    expect(seeds).toHaveLength(survivors);
    mechanism.removeExcess(result.sum, seeds);
    // 5 of the fewest 6 count; each set of survivors here is an edge of its own, so there is no excess at all.
    const agreed = (settings.variance * survivors) / (survivors - 1);
    expect(noiseOf(result.sum) / agreed).toBeGreaterThan(0.9);
    expect(noiseOf(result.sum) / agreed).toBeLessThan(1.1);
  });

  it('of another session are refused: nothing else can be taken out', async () => {
    const { result } = await session(2);
    if (result === undefined) throw new Error('the session gave no sum');
    const all = [...result.applicationSeeds.values()].map(
      (released) => new Map([...released, [0, new Uint8Array(32)]]),
    );
    expect(() => mechanism.removeExcess(result.sum, all)).toThrow(expect.objectContaining({ code: 'usage.seeds' }));
  });

  it('fit the settings that the session was made with', () => {
    const copied: DistributedSettings = JSON.parse(JSON.stringify(settings));
    expect(new DistributedMechanism(copied).components.removable.map(({ releaseAt }) => releaseAt)).toEqual([
      10, 9, 8, 7,
    ]);
  });
});
