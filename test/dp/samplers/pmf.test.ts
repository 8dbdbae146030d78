import { describe, expect, it } from 'vitest';
import { BitSource } from '../../../src/dp/samplers/bits.js';
import { coinGaussian, coinLaplace } from '../../../src/dp/samplers/coins.js';
import { discreteGaussian } from '../../../src/dp/samplers/gaussian.js';
import { rational } from '../../../src/dp/samplers/rational.js';
import { seededRandom } from '../../../src/simulation/random.js';
import { pmfCases } from './pmf-cases.js';
import { chiSquarePValue, gaussianWeight, histogram, laplaceWeight, roundedGaussian } from './statistics.js';

const draws = 1_000_000;

describe('draws have the distribution they claim', () => {
  it.each(pmfCases.map((pmf) => [pmf.name, pmf] as const))('%s', (name, { sampler, weight, least, most }) => {
    const counts = histogram(sampler, { draws, least, most, random: seededRandom(4, name) });
    expect(chiSquarePValue(counts, weight)).toBeGreaterThan(1e-4);
  });

  it('the coin algorithms as printed agree', () => {
    const source = new BitSource(seededRandom(4, 'coins'));
    const gaussian = {
      fill: (target: Int32Array | Float64Array) => draw(target, () => coinGaussian(source, rational(47, 10))),
    };
    const laplace = {
      fill: (target: Int32Array | Float64Array) => draw(target, () => coinLaplace(source, rational(8, 5))),
    };
    const options = { draws: 30_000, least: -40, most: 40, random: seededRandom(4, 'unused') };
    expect(chiSquarePValue(histogram(gaussian, options), gaussianWeight(4.7))).toBeGreaterThan(1e-4);
    expect(chiSquarePValue(histogram(laplace, options), laplaceWeight(1.6))).toBeGreaterThan(1e-4);
  });

  it('the probabilities that mpmath gives at 60 digits', () => {
    const total = (variance: number): number => {
      let sum = 0;
      for (let k = -200; k <= 200; k += 1) sum += gaussianWeight(variance)(k);
      return sum;
    };
    expect(1 / total(0.203)).toBeCloseTo(0.8543692640126768, 14);
    expect(1 / total(94.6)).toBeCloseTo(0.04101705712994815, 15);
  });
});

describe('the test has teeth', () => {
  const options = { draws, least: -40, most: 40 };

  it.each([0.7, 1, 2])('a rounded Gaussian of sigma %f fails', (sigma) => {
    const counts = histogram(roundedGaussian(sigma), { ...options, random: seededRandom(4, 'rounded') });
    expect(chiSquarePValue(counts, gaussianWeight(sigma ** 2))).toBeLessThan(1e-9);
  });

  it('three percent more variance fails', () => {
    const counts = histogram(discreteGaussian({ variance: 9.27 }), { ...options, random: seededRandom(4, 'wide') });
    expect(chiSquarePValue(counts, gaussianWeight(9))).toBeLessThan(1e-9);
  });

  it('a zero that counts twice fails', () => {
    const right = discreteGaussian({ variance: 25 });
    const twice = {
      fill: (target: Int32Array | Float64Array, random: (length: number) => Uint8Array) => {
        right.fill(target, random);
        for (let i = 0; i < target.length; i += 12) target[i] = 0;
      },
    };
    const counts = histogram(twice, { ...options, random: seededRandom(4, 'zero') });
    expect(chiSquarePValue(counts, gaussianWeight(25))).toBeLessThan(1e-9);
  });

  it('a tail cut at four sigma fails', () => {
    const right = discreteGaussian({ variance: 100 });
    const cut = {
      fill: (target: Int32Array | Float64Array, random: (length: number) => Uint8Array) => {
        right.fill(target, random);
        for (let i = 0; i < target.length; i += 1) target[i] = Math.max(-38, Math.min(38, target[i] ?? 0));
      },
    };
    const counts = histogram(cut, { draws, least: -60, most: 60, random: seededRandom(4, 'cut') });
    expect(chiSquarePValue(counts, gaussianWeight(100))).toBeLessThan(1e-9);
  });
});

function draw(target: Int32Array | Float64Array, one: () => bigint): void {
  for (let i = 0; i < target.length; i += 1) target[i] = Number(one());
}
