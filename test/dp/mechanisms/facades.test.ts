import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CentralMechanism, planCentral, quantizedContribution } from '../../../src/dp/mechanisms/central-mechanism.js';
import { keptVariances } from '../../../src/dp/mechanisms/components.js';
import { DistributedMechanism } from '../../../src/dp/mechanisms/distributed-mechanism.js';
import { type DistributedTarget, planDistributed } from '../../../src/dp/mechanisms/plan-distributed.js';
import { addInto, asPlain, zeroVector } from '../../../src/ring/vector.js';
import { seededRandom } from '../../../src/simulation/random.js';
import { moments } from '../samplers/statistics.js';

const target: DistributedTarget = {
  noise: 'discreteGaussian',
  dimension: 1000,
  clip: 1,
  ringBits: 18,
  clients: 20,
  minSurvivors: 12,
  colluders: 2,
  rounds: 50,
  epsilon: 8,
  delta: 1e-5,
};
const relation = 'addOrRemoveOne';
const rotation = new Uint8Array(32).fill(5);
const code = (expected: string) => expect.objectContaining({ code: expected });

describe('planning distributed noise', () => {
  it.each([
    ['discreteGaussian', 0, 1],
    ['discreteGaussian', 4, 1],
    ['discreteGaussian', 0, 0.2],
    ['skellam', 0, 1],
    ['skellam', 3, 1],
    ['skellam', 0, 0.2],
  ] as const)(
    '%s, %d removable, sampled by %d: within the budget and hardly below it',
    (noise, removable, probability) => {
      const planned = planDistributed({ ...target, noise, removable, samplingProbability: probability });
      expect(planned.epsilon.upper).toBeLessThanOrEqual(8);
      expect(planned.epsilon.upper).toBeGreaterThan(7.99);
      expect(planned.wrapLog2).toBeLessThanOrEqual(-40);
      expect(planned.settings.releaseAt).toHaveLength(removable);
      // Settings are plain data, and all that the other side needs.
      const copied = new DistributedMechanism(JSON.parse(JSON.stringify(planned.settings)));
      const options = { relation, delta: 1e-5, samplingProbability: probability } as const;
      const fewest = Array.from({ length: 50 }, () => 12);
      expect(copied.epsilonAfter({ ...options, survivors: fewest })).toEqual(planned.epsilon);
      // Whatever number survives, the task stays within what was planned.
      for (let survivors = 12; survivors <= 20; survivors += 1) {
        const spent = copied.epsilonAfter({ ...options, survivors: Array.from({ length: 50 }, () => survivors) });
        expect(spent.upper).toBeLessThanOrEqual(planned.epsilon.upper * (1 + 1e-9));
      }
    },
  );

  it('needs less noise the more of it can be taken back', () => {
    const errors = [0, 2, 8].map((removable) => planDistributed({ ...target, ringBits: 22, removable }).deviation);
    expect(errors[1]).toBeLessThan(0.9 * (errors[0] ?? 0));
    expect(errors[2]).toBeLessThan(errors[1] ?? 0);
  });

  it('needs more where colluders know part of it', () => {
    const honest = planDistributed({ ...target, ringBits: 22, colluders: 0 }).deviation;
    const betrayed = planDistributed({ ...target, ringBits: 22, colluders: 6 }).deviation;
    expect(betrayed / honest).toBeCloseTo(Math.sqrt(12 / 6), 1);
  });

  it('draws Skellam noise that the sampler can draw, whatever the ring', () => {
    const { settings } = planDistributed({ ...target, noise: 'skellam', ringBits: 32 });
    expect(settings.variance / 10).toBeLessThanOrEqual(2 ** 33);
  });

  it.each([
    ['a ring too narrow', { ringBits: 4 }, 'dp.infeasible'],
    ['nobody honest', { colluders: 12 }, 'usage.range'],
    ['more survivors than clients', { minSurvivors: 21 }, 'usage.range'],
    ['no round', { rounds: 0 }, 'usage.range'],
    ['a delta of 0', { delta: 0 }, 'usage.range'],
    ['Laplace', { noise: 'laplace' }, 'usage.choice'],
    [
      'a replaced record on samples',
      { relation: 'replaceOne', samplingProbability: 0.1, noise: 'skellam' },
      'dp.unsupported',
    ],
  ])('refuses %s', (_, wrong, expected) => {
    expect(() => planDistributed({ ...target, ...wrong } as DistributedTarget)).toThrow(code(expected));
  });
});

describe('a sum with distributed noise', () => {
  const updates = Array.from({ length: 20 }, (_, client) => {
    const bytes = seededRandom(client, 'facade')(1000);
    return Float32Array.from(bytes, (byte) => (byte - 127.5) / 4000);
  });
  const seed = (client: number, position: number): Uint8Array => new Uint8Array(32).fill(client).fill(position, 16);

  it.each([
    ['skellam', 20],
    ['skellam', 15],
    ['discreteGaussian', 20],
    ['discreteGaussian', 12],
  ] as const)(
    'of %s and %d survivors has the noise that was agreed, once the excess is removed',
    (noise, survivors) => {
      const { settings } = planDistributed({ ...target, noise, removable: 4, ringBits: 20 });
      const mechanism = new DistributedMechanism(settings);
      const sum = asPlain(zeroVector(settings.ringBits, mechanism.length));
      const exact = new Float64Array(1000);
      for (let client = 0; client < survivors; client += 1) {
        const applicationSeeds = settings.releaseAt.map((_, position) => seed(client, position));
        const update = updates[client] as Float32Array;
        addInto(sum, mechanism.encode(update, { rotation, random: seededRandom(client, 'own'), applicationSeeds }));
        update.forEach((value, i) => {
          exact[i] = (exact[i] ?? 0) + value;
        });
      }
      const released = settings.releaseAt.flatMap((least, position) => (survivors >= least ? [position] : []));
      const seeds = Array.from(
        { length: survivors },
        (_, client) => new Map(released.map((p) => [p, seed(client, p)])),
      );
      const error = (): number =>
        moments(mechanism.decode(sum, rotation).map((value, i) => value - (exact[i] ?? 0))).variance;
      const before = error();
      mechanism.removeExcess(sum, seeds);
      const kept = keptVariances(mechanism.components, survivors).reduce(
        (all, { numerator, denominator }) => all + Number(numerator) / Number(denominator),
        0,
      );
      const expected = settings.granularity ** 2 * survivors * (kept + 0.2);
      expect(error() / expected).toBeGreaterThan(0.8);
      expect(error() / expected).toBeLessThan(1.2);
      // The control: without removal there is as much more as was drawn.
      const drawn = settings.granularity ** 2 * survivors * (settings.variance / 10 + 0.2);
      expect(before / drawn).toBeGreaterThan(0.8);
      expect(before / drawn).toBeLessThan(1.2);
    },
  );

  const { settings } = planDistributed({ ...target, removable: 2 });
  const mechanism = new DistributedMechanism(settings);
  const sum = () => asPlain(zeroVector(settings.ringBits, mechanism.length));
  const encode = (options: object) =>
    mechanism.encode(new Float32Array(1000), { rotation, random: seededRandom(1, 'r'), ...options });

  it('charges by who was there, and refuses sums of too few', () => {
    const spent = (survivors: readonly number[]) => mechanism.epsilonAfter({ survivors, relation, delta: 1e-5 }).upper;
    expect(spent([])).toBe(0);
    expect(spent([12, 12])).toBeGreaterThan(spent([12]));
    const beforeRemoval = (settings.releaseAt.at(-1) ?? 0) - 1;
    expect(beforeRemoval).toBeGreaterThan(12);
    expect(spent([beforeRemoval])).toBeLessThan(spent([12]));
    expect(() => spent([11])).toThrow(code('dp.survivors'));
    expect(() => spent([21])).toThrow(code('usage.range'));
    expect(() => mechanism.epsilonAfter({ survivors: 3 as unknown as number[], relation, delta: 1e-5 })).toThrow(
      code('usage.options'),
    );
  });

  it.each([
    ['no seeds', () => encode({}), 'usage.seeds'],
    ['a short seed', () => encode({ applicationSeeds: [seed(1, 0), new Uint8Array(31)] }), 'usage.bytes'],
    ['too few survivors', () => mechanism.removeExcess(sum(), []), 'dp.survivors'],
    [
      'seeds that were not released',
      () => mechanism.removeExcess(sum(), Array(12).fill(new Map([[0, seed(1, 0)]]))),
      'usage.seeds',
    ],
    ['seeds that are missing', () => mechanism.removeExcess(sum(), Array(20).fill(new Map())), 'usage.seeds'],
    [
      'a sum of another ring',
      () => mechanism.decode(asPlain(zeroVector(9, mechanism.length)), rotation),
      'usage.vector',
    ],
    ['a sum of another length', () => mechanism.decode(asPlain(zeroVector(18, 5)), rotation), 'usage.vector'],
    ['no settings', () => new DistributedMechanism(undefined as never), 'usage.options'],
    ['rising thresholds', () => new DistributedMechanism({ ...settings, releaseAt: [15, 18] }), 'usage.range'],
    ['a threshold at the fewest', () => new DistributedMechanism({ ...settings, releaseAt: [15, 12] }), 'usage.range'],
    ['a threshold beyond all', () => new DistributedMechanism({ ...settings, releaseAt: [21, 15] }), 'usage.range'],
    ['no variance', () => new DistributedMechanism({ ...settings, variance: 0 }), 'usage.range'],
    ['NaN', () => new DistributedMechanism({ ...settings, granularity: Number.NaN }), 'usage.range'],
  ])('refuses %s', (_, call, expected) => {
    expect(call).toThrow(code(expected));
  });

  it('settles the components by the thresholds alone', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.integer({ min: 13, max: 20 }), { maxLength: 8 }), (list) => {
        const releaseAt = list.sort((a, b) => b - a);
        const { components } = new DistributedMechanism({ ...settings, releaseAt });
        expect(components.removable.map((component) => component.releaseAt)).toEqual(releaseAt);
      }),
      { numRuns: 20 },
    );
  });
});

describe('central noise', () => {
  const contribution = quantizedContribution({ clip: 1, step: 1 / 32767, dimension: 10_000 });
  const central = { dimension: 10_000, contribution, rounds: 100, epsilon: 4, delta: 1e-6 };

  it.each([
    ['addOrRemoveOne', 1],
    ['addOrRemoveOne', 0.05],
    ['replaceOne', 1],
    ['replaceSpecial', 0.05],
  ] as const)('for %s at %d is as little as the budget allows', (neighbors, samplingProbability) => {
    const { settings, epsilon } = planCentral({ ...central, relation: neighbors, samplingProbability });
    expect(epsilon.upper).toBeLessThanOrEqual(4);
    expect(epsilon.upper).toBeGreaterThan(3.99);
    const mechanism = new CentralMechanism(JSON.parse(JSON.stringify(settings)));
    const options = { relation: neighbors, samplingProbability, delta: 1e-6 };
    expect(mechanism.epsilonAfter({ ...options, rounds: 100 })).toEqual(epsilon);
    expect(mechanism.epsilonAfter({ ...options, rounds: 101 }).upper).toBeGreaterThan(epsilon.upper);
    expect(mechanism.epsilonAfter({ ...options, rounds: 0 }).upper).toBe(0);
  });

  it('is added in integers, with the deviation it says', () => {
    const mechanism = new CentralMechanism(planCentral(central).settings);
    const sum = Int32Array.from({ length: 10_000 }, (_, i) => i * 1000);
    const noise = mechanism.addNoise(sum, seededRandom(1, 'central')).map((value, i) => value - (sum[i] ?? 0));
    expect(noise.every(Number.isInteger)).toBe(true);
    expect(Math.sqrt(moments(noise).variance) / mechanism.deviation).toBeCloseTo(1, 1);
  });

  it('works with noise of a few steps, and on one coordinate', () => {
    for (const dimension of [1, 4]) {
      const { epsilon } = planCentral({ dimension, contribution: 1, rounds: 1, epsilon: 3, delta: 1e-6 });
      expect(epsilon.upper).toBeLessThanOrEqual(3);
      expect(epsilon.upper).toBeGreaterThan(dimension === 1 ? 2.5 : 1);
    }
  });

  const mechanism = new CentralMechanism({ dimension: 3, contribution: 1, variance: 9 });
  it.each([
    ['floats', () => mechanism.addNoise(new Float32Array(3) as never, seededRandom(1, 'x')), 'usage.integers'],
    ['another length', () => mechanism.addNoise(new Int32Array(4), seededRandom(1, 'x')), 'usage.vector'],
    ['no settings', () => new CentralMechanism(null as never), 'usage.options'],
    [
      'infinite noise',
      () => new CentralMechanism({ dimension: 3, contribution: 1, variance: Infinity }),
      'usage.range',
    ],
    ['a negative contribution', () => planCentral({ ...central, contribution: -1 }), 'usage.range'],
    ['a budget of 0', () => planCentral({ ...central, epsilon: 0 }), 'usage.range'],
    ['an unknown relation', () => mechanism.event({ relation: 'other' as never }), 'usage.choice'],
  ])('refuses %s', (_, call, expected) => {
    expect(call).toThrow(code(expected));
  });
});
