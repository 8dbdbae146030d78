import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { clipToNorm, l2Norm } from '../../../src/dp/mechanisms/clip.js';
import {
  addNoise,
  decodeDistributed,
  type EncodeOptions,
  encodeDistributed,
  integerSensitivity,
  subtractNoise,
} from '../../../src/dp/mechanisms/distributed.js';
import { equalTau, type NoisySum, noisySumRdp, sumTau, wrapLog2 } from '../../../src/dp/mechanisms/noisy-sum.js';
import { roundConditionally, roundedNormBound } from '../../../src/dp/mechanisms/rounding.js';
import { type SearchOptions, searchDistributed } from '../../../src/dp/mechanisms/search.js';
import { discreteGaussian } from '../../../src/dp/samplers/gaussian.js';
import { skellam } from '../../../src/dp/samplers/poisson.js';
import { toNumber } from '../../../src/dp/samplers/rational.js';
import { decodeSum } from '../../../src/ring/quantize.js';
import { rotatedLength } from '../../../src/ring/rotate.js';
import { addInto, asPlain, equalVectors, zeroVector } from '../../../src/ring/vector.js';
import { seededRandom } from '../../../src/simulation/random.js';
import { moments } from '../samplers/statistics.js';

const rotation = new Uint8Array(32).fill(9);

/**
 * Epsilon at delta = 1e-5 of `rounds` such sums: RDP over integer orders, converted by Canonne, Kamath and Steinke's
 * proposition 12.
 */
const accountant =
  (rounds: number) =>
  (sum: NoisySum): number => {
    let least = Number.POSITIVE_INFINITY;
    for (let order = 2; order <= 256; order += 1) {
      const rdp = rounds * noisySumRdp(sum, order);
      least = Math.min(least, rdp + Math.log1p(-1 / order) - Math.log(1e-5 * order) / (order - 1));
    }
    return Math.max(0, least);
  };

const search: SearchOptions = {
  noise: 'skellam',
  dimension: 1000,
  clip: 1,
  ringBits: 18,
  clients: 100,
  honestSurvivors: 80,
  epsilon: 6,
  accountant: accountant(10),
};

describe('the pipeline', () => {
  const updates = Array.from({ length: 20 }, (_, client) => {
    const bytes = seededRandom(client, 'update')(4 * 1000);
    return Float32Array.from({ length: 1000 }, (_, i) => ((bytes[4 * i] ?? 0) - 127.5) / 400);
  });
  const found = searchDistributed(search);
  const encoding = (client: number, variance = toNumber(found.clientVariance)): EncodeOptions => ({
    ...found,
    rotation,
    random: seededRandom(client, 'rounding'),
    noise: [{ sampler: skellam({ variance }), random: seededRandom(client, 'noise') }],
  });
  const sumOf = (noisy: boolean): Float64Array => {
    const sum = asPlain(zeroVector(found.ringBits, rotatedLength(1000)));
    updates.forEach((update, client) => {
      addInto(sum, encodeDistributed(update, noisy ? encoding(client) : { ...encoding(client), noise: [] }));
    });
    return decodeDistributed(sum, { ...found, rotation });
  };
  const exact = new Float64Array(1000);
  for (const update of updates) {
    clipToNorm(update, 1).forEach((value, i) => {
      exact[i] = (exact[i] ?? 0) + value;
    });
  }

  it('ends in the sum of the clipped updates, but for rounding', () => {
    const sum = sumOf(false);
    const error = moments(sum.map((value, i) => value - (exact[i] ?? 0)));
    expect(error.variance).toBeLessThan(0.3 * found.granularity ** 2 * updates.length);
    expect(Math.abs(error.mean)).toBeLessThan(found.granularity);
  });

  it('has the noise it says', () => {
    const error = moments(sumOf(true).map((value, i) => value - (exact[i] ?? 0)));
    const expected = found.granularity ** 2 * updates.length * (toNumber(found.clientVariance) + 0.15);
    expect(error.variance / expected).toBeGreaterThan(0.85);
    expect(error.variance / expected).toBeLessThan(1.15);
  });

  it('keeps the norm bound in integers, for any update', () => {
    const { maxSquaredNorm } = integerSensitivity(found);
    for (const scale of [1e-30, 1, 1e30]) {
      const update = Float64Array.from({ length: 1000 }, (_, i) => scale * (i % 7));
      const vector = encodeDistributed(update, { ...encoding(1), noise: [] });
      expect(decodeSum(vector).reduce((sum, value) => sum + value * value, 0)).toBeLessThanOrEqual(maxSquaredNorm);
    }
  });

  it('takes back what it added, draw for draw', () => {
    for (const sampler of [skellam({ variance: 1e9 }), discreteGaussian({ variance: 7 })]) {
      for (const bits of [5, 8, 13, 32]) {
        const vector = asPlain(zeroVector(bits, 5000));
        addNoise(vector, sampler, seededRandom(3, 'noise'));
        expect(equalVectors(vector, zeroVector(bits, 5000))).toBe(false);
        subtractNoise(vector, sampler, seededRandom(3, 'noise'));
        expect(equalVectors(vector, zeroVector(bits, 5000))).toBe(true);
      }
    }
  });

  it.each([
    ['another length', () => encodeDistributed(new Float32Array(999), encoding(0)), 'usage.vector'],
    ['integers', () => encodeDistributed(new Int32Array(1000) as unknown as Float32Array, encoding(0)), 'usage.floats'],
    ['NaN', () => encodeDistributed(new Float32Array(1000).fill(Number.NaN), encoding(0)), 'usage.finite'],
    ['a clip of zero', () => encodeDistributed(new Float32Array(1000), { ...encoding(0), clip: 0 }), 'usage.range'],
    ['a grid too fine', () => integerSensitivity({ dimension: 4, clip: 1, granularity: 1e-9, beta: 0 }), 'usage.range'],
    [
      'a short seed',
      () => encodeDistributed(new Float32Array(1000), { ...encoding(0), rotation: rotation.subarray(1) }),
      'usage.bytes',
    ],
  ])('refuses %s', (_, call, code) => {
    expect(call).toThrow(expect.objectContaining({ code }));
  });
});

describe('clipping', () => {
  it('leaves short vectors and shortens long ones, without overflow', () => {
    expect([...clipToNorm(Float64Array.of(3, 4), 10)]).toEqual([3, 4]);
    expect([...clipToNorm(Float64Array.of(3, 4), 1)]).toEqual([3 * 0.2, 4 * 0.2]);
    expect(l2Norm(Float64Array.of(3e300, 4e300))).toBe(5e300);
    expect(l2Norm(Float64Array.of(3e-320, 0))).toBe(3e-320);
    expect(l2Norm(new Float64Array(0))).toBe(0);
  });
});

describe('conditional rounding', () => {
  it.each([
    [930, 0.505, 3714, 931.1021545548305],
    [4.83, 0, 70, 13.196600265340756],
  ])('bounds a norm of %d as the reference does', (norm, beta, dimension, expected) => {
    expect(roundedNormBound({ norm, beta, dimension })).toBeCloseTo(expected, 10);
  });

  it('is unbiased where the bound is wide', () => {
    const values = new Float64Array(100_000).fill(-2.3);
    const rounded = roundConditionally(values, { maxSquaredNorm: 2 ** 40, random: seededRandom(1, 'rounding') });
    expect(moments(rounded).mean).toBeCloseTo(-2.3, 2);
    expect(new Set(rounded)).toEqual(new Set([-3, -2]));
  });

  it('never passes the bound', () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: -9, max: 9, noNaN: true }), { minLength: 1, maxLength: 40 }), (list) => {
        const values = Float64Array.from(list);
        const bound = Math.floor(roundedNormBound({ norm: l2Norm(values), beta: 0.6, dimension: list.length }) ** 2);
        const rounded = roundConditionally(values, { maxSquaredNorm: bound, random: seededRandom(list.length, 'r') });
        expect(rounded.reduce((sum, value) => sum + value * value, 0)).toBeLessThanOrEqual(bound);
      }),
    );
  });

  it('refuses what is too long', () => {
    const call = () => roundConditionally(Float64Array.of(9), { maxSquaredNorm: 79, random: seededRandom(1, 'r') });
    expect(call).toThrow(expect.objectContaining({ code: 'dp.norm' }));
  });
});

describe('the bounds', () => {
  it('tau is the published sum for equal variances', () => {
    const [n, variance] = [231, (0.0357 / 0.0466) ** 2];
    expect(sumTau(Array(n).fill(variance))).toBeCloseTo(0.06431301939855254, 12);
    expect(equalTau(n, variance)).toBeGreaterThanOrEqual(sumTau(Array(n).fill(variance)));
    expect(equalTau(n, variance)).toBeLessThan(1.05 * sumTau(Array(n).fill(variance)));
    expect(equalTau(20, 0.5)).toBe(sumTau(Array(20).fill(0.5)));
  });

  it('Skellam is the published bound, above the exact divergence', () => {
    const sum: NoisySum = { noise: 'skellam', variance: 21, l1Sensitivity: 1, l2Sensitivity: 1, dimension: 1, tau: 0 };
    expect(noisySumRdp(sum, 4)).toBeCloseTo(0.10260770975056689, 14);
    expect(noisySumRdp(sum, 4)).toBeGreaterThan(0.09467212375529546);
  });

  it('discrete Gaussians without tau cost what a Gaussian does, with it more', () => {
    const sum: NoisySum = {
      noise: 'discreteGaussian',
      variance: 50,
      l1Sensitivity: 9,
      l2Sensitivity: 3,
      dimension: 64,
      tau: 0,
    };
    expect(noisySumRdp(sum, 5)).toBeCloseTo(0.45, 14);
    expect(noisySumRdp({ ...sum, tau: 1e-6 }, 5)).toBeGreaterThan(0.45);
  });

  it.each(['discreteGaussian', 'skellam'] as const)('a sum with %s noise wraps no oftener than is said', (noise) => {
    // One coordinate, seen at a probability that can be seen: the bound is above the frequency, and not by orders of
    // magnitude.
    const variance = 150;
    const options = { noise, ringBits: 6, dimension: 1, clients: 1, norm: 0.001, beta: 0, variance };
    const sampler = noise === 'skellam' ? skellam({ variance }) : discreteGaussian({ variance });
    const draws = new Int32Array(2 ** 18);
    sampler.fill(draws, seededRandom(1, 'wrap'));
    const frequency = draws.filter((draw) => Math.abs(draw) >= 32).length / draws.length;
    expect(Math.log2(frequency)).toBeLessThan(wrapLog2(options));
    expect(Math.log2(frequency)).toBeGreaterThan(wrapLog2(options) - 6);
  });

  it.each([
    [
      'an order of 1',
      () => noisySumRdp({ noise: 'skellam', variance: 1, l1Sensitivity: 1, l2Sensitivity: 1, dimension: 1, tau: 0 }, 1),
    ],
    [
      'no variance',
      () => noisySumRdp({ noise: 'skellam', variance: 0, l1Sensitivity: 1, l2Sensitivity: 1, dimension: 1, tau: 0 }, 2),
    ],
    ['a variance of zero', () => sumTau([1, 0])],
  ])('refuse %s', (_, call) => {
    expect(call).toThrow(expect.objectContaining({ code: 'usage.range' }));
  });
});

describe('the search', () => {
  it.each(['discreteGaussian', 'skellam'] as const)('keeps %s noise within epsilon and the ring', (noise) => {
    const found = searchDistributed({ ...search, noise });
    expect(found.epsilon).toBeLessThanOrEqual(6);
    expect(found.epsilon).toBeGreaterThan(5.99);
    expect(found.wrapLog2).toBeLessThanOrEqual(-40);
    expect(found.wrapLog2).toBeGreaterThan(-45);
    expect(found.sum.variance).toBeCloseTo(80 * toNumber(found.clientVariance), 6);
  });

  it('comes near to central noise with more bits, and no nearer with fewer', () => {
    const errors = [16, 18, 20, 24, 28].map((ringBits) => searchDistributed({ ...search, ringBits }).deviation);
    for (let i = 1; i < errors.length; i += 1) expect(errors[i]).toBeLessThanOrEqual((errors[i - 1] ?? 0) * 1.001);
    // Noise of a central Gaussian at the same budget, times the excess of 100 clients over 80 that count.
    let [low, high] = [0.01, 100];
    for (let i = 0; i < 60; i += 1) {
      const middle = (low + high) / 2;
      const sum: NoisySum = {
        noise: 'discreteGaussian',
        variance: middle ** 2,
        l1Sensitivity: 1,
        l2Sensitivity: 1,
        dimension: 1,
        tau: 0,
      };
      if (accountant(10)(sum) > 6) low = middle;
      else high = middle;
    }
    expect((errors.at(-1) ?? 0) / (high * Math.sqrt(100 / 80))).toBeLessThan(1.01);
  });

  it('doubles the sensitivity where a record is replaced', () => {
    const replaced = searchDistributed({ ...search, neighboring: 'replaceOne', ringBits: 24 });
    const removed = searchDistributed({ ...search, ringBits: 24 });
    expect(replaced.deviation / removed.deviation).toBeCloseTo(2, 1);
  });

  it('says when nothing fits', () => {
    expect(() => searchDistributed({ ...search, ringBits: 6 })).toThrow(
      expect.objectContaining({ code: 'dp.infeasible' }),
    );
    const hopeless = () => searchDistributed({ ...search, accountant: () => Number.NaN });
    expect(hopeless).toThrow(expect.objectContaining({ code: 'dp.infeasible' }));
  });

  it.each([
    ['no accountant', { accountant: undefined }, 'usage.function'],
    ['more survivors than clients', { honestSurvivors: 101 }, 'usage.range'],
    ['Laplace noise', { noise: 'laplace' }, 'usage.choice'],
    ['33 bits', { ringBits: 33 }, 'usage.range'],
    ['a budget of zero', { epsilon: 0 }, 'usage.range'],
    ['no coordinate', { dimension: 0 }, 'usage.range'],
  ])('refuses %s', (_, wrong, code) => {
    expect(() => searchDistributed({ ...search, ...wrong } as SearchOptions)).toThrow(
      expect.objectContaining({ code }),
    );
  });
});
