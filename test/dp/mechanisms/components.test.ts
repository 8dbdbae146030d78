import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type ComponentOptions,
  keptVariances,
  noiseComponents,
  removedComponents,
  seededNoise,
} from '../../../src/dp/mechanisms/components.js';
import { addNoise, subtractNoise } from '../../../src/dp/mechanisms/distributed.js';
import {
  add,
  compareRationals,
  multiply,
  type Rational,
  rational,
  toNumber,
} from '../../../src/dp/samplers/rational.js';
import { decodeSum } from '../../../src/ring/quantize.js';
import { addInto, asPlain, equalVectors, zeroVector } from '../../../src/ring/vector.js';
import { moments } from '../samplers/statistics.js';

const options: ComponentOptions = {
  clients: 20,
  minSurvivors: 12,
  colluders: 2,
  sumVariance: rational(5000),
  noise: 'skellam',
};

const total = (variances: readonly Rational[]): Rational => variances.reduce(add);

describe('noise components', () => {
  it('leave the honest survivors never less noise than wanted, and hardly more', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 400 }),
        fc.nat(1000),
        fc.nat(1000),
        fc.nat({ max: 16 }),
        (clients, a, b, removable) => {
          const minSurvivors = 1 + (a % clients);
          const colluders = b % minSurvivors;
          const components = noiseComponents({ ...options, clients, minSurvivors, colluders, removable });
          expect(components.removable.length).toBeLessThanOrEqual(removable);
          for (let survivors = minSurvivors; survivors <= clients; survivors += 1) {
            const honest = multiply(rational(survivors - colluders), total(keptVariances(components, survivors)));
            expect(compareRationals(honest, options.sumVariance)).toBeGreaterThanOrEqual(0);
          }
          const fewest = multiply(rational(minSurvivors - colluders), total(keptVariances(components, minSurvivors)));
          expect(compareRationals(fewest, options.sumVariance)).toBe(0);
        },
      ),
      { numRuns: 40 },
    );
  });

  it('are exact for every number of survivors where 16 suffice', () => {
    const components = noiseComponents(options);
    expect(components.removable.map(({ releaseAt }) => releaseAt)).toEqual([20, 19, 18, 17, 16, 15, 14, 13]);
    for (let survivors = 12; survivors <= 20; survivors += 1) {
      const honest = multiply(rational(survivors - 2), total(keptVariances(components, survivors)));
      expect(compareRationals(honest, options.sumVariance)).toBe(0);
    }
    expect(removedComponents(components, 18)).toEqual([2, 3, 4, 5, 6, 7]);
    expect(removedComponents(components, 20)).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
    expect(removedComponents(components, 11)).toEqual([]);
  });

  it('exceed the wanted noise by a few percent for ten thousand clients', () => {
    const components = noiseComponents({ ...options, clients: 10_000, minSurvivors: 5000, colluders: 500 });
    for (let survivors = 5000; survivors <= 10_000; survivors += 1) {
      const honest = (survivors - 500) * toNumber(total(keptVariances(components, survivors)));
      expect(honest / 5000).toBeLessThan(1.055);
    }
  });

  it.each(['skellam', 'discreteGaussian'] as const)('of %s are taken back by the server from their seeds', (noise) => {
    const components = noiseComponents({ ...options, noise });
    const length = 8000;
    const survivors = 16;
    const seed = (client: number, component: number): Uint8Array => new Uint8Array(32).fill(client).fill(component, 16);
    const sum = asPlain(zeroVector(20, length));
    const kept = asPlain(zeroVector(20, length));
    const removed = removedComponents(components, survivors);
    for (let client = 0; client < survivors; client += 1) {
      const vector = asPlain(zeroVector(20, length));
      addNoise(vector, components.base, seededNoise(seed(client, 99)));
      addNoise(kept, components.base, seededNoise(seed(client, 99)));
      components.removable.forEach(({ sampler }, position) => {
        addNoise(vector, sampler, seededNoise(seed(client, position)));
        if (!removed.includes(position)) addNoise(kept, sampler, seededNoise(seed(client, position)));
      });
      addInto(sum, vector);
    }
    const before = moments(decodeSum(sum)).variance;
    for (const position of removed)
      for (let client = 0; client < survivors; client += 1) {
        const component = components.removable[position];
        if (component !== undefined) subtractNoise(sum, component.sampler, seededNoise(seed(client, position)));
      }
    expect(equalVectors(sum, kept)).toBe(true);
    expect(before / (5000 * (16 / 10))).toBeCloseTo(1, 1);
    expect(moments(decodeSum(sum)).variance / (5000 * (16 / 14))).toBeCloseTo(1, 1);
  });

  it('come from a stream that is cut as one likes', () => {
    const seed = new Uint8Array(32).fill(1);
    const whole = seededNoise(seed)(1000);
    const stream = seededNoise(seed);
    const pieces = [0, 1, 63, 64, 65, 300, 507].flatMap((length) => [...stream(length)]);
    expect(pieces).toEqual([...whole]);
  });

  it.each([
    ['no survivor', { minSurvivors: 0 }],
    ['more survivors than clients', { minSurvivors: 21 }],
    ['nobody honest', { colluders: 12 }],
    ['17 removable', { removable: 17 }],
    ['no variance', { sumVariance: rational(0) }],
  ])('refuse %s', (_, wrong) => {
    expect(() => noiseComponents({ ...options, ...wrong })).toThrow(expect.objectContaining({ code: 'usage.range' }));
  });

  it('refuse a short seed', () => {
    expect(() => seededNoise(new Uint8Array(31))).toThrow(expect.objectContaining({ code: 'usage.bytes' }));
  });
});
