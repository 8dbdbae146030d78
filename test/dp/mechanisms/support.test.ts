import { describe, expect, it } from 'vitest';
import type { RandomSource } from '../../../src/core/random.js';
import { addGridNoise, addIntegerNoise, gridSensitivity } from '../../../src/dp/mechanisms/central.js';
import { discreteGaussian, discreteLaplace } from '../../../src/dp/samplers/gaussian.js';
import { seededRandom } from '../../../src/simulation/random.js';
import { boxMuller, moments } from '../samplers/statistics.js';

type Mechanism = (value: number, random: RandomSource) => number;

/**
 * The attack of Mironov 2012: of two inputs, which one gave an output is told from which outputs are possible at all.
 * Returns the fraction of the outputs on the first input that the second gave as well: near 1 where supports agree,
 * near 0 where low bits tell.
 */
function sharedSupport(mechanism: Mechanism, draws = 20_000): number {
  const outputs = (value: number, name: string): number[] => {
    const random = seededRandom(4, name);
    return Array.from({ length: draws }, () => mechanism(value, random));
  };
  const other = new Set(outputs(1 / 3, 'second'));
  return outputs(0, 'first').filter((output) => other.has(output)).length / draws;
}

const sampler = discreteGaussian({ variance: 900 });
const grid: Mechanism = (value, random) =>
  addGridNoise(Float64Array.of(value), { exponent: -5, sampler, random })[0] ?? Number.NaN;

describe('outputs on a grid', () => {
  it('have the same support whatever the input', () => {
    expect(sharedSupport(grid)).toBeGreaterThan(0.99);
  });

  it('are whole steps, for any input', () => {
    const random = seededRandom(4, 'steps');
    const values = Float64Array.from([0, 0.1, -1e9, Math.PI, 2 ** -60, 1 / 3]);
    for (const exponent of [-20, -5, 0, 7]) {
      const noisy = addGridNoise(values, { exponent, sampler, random });
      for (const output of noisy) expect(Number.isInteger(output / 2 ** exponent)).toBe(true);
    }
  });

  it('have the spread of their noise, around the input', () => {
    const random = seededRandom(4, 'moments');
    const noisy = addGridNoise(new Float64Array(100_000).fill(10), { exponent: -5, sampler, random });
    const { mean, variance } = moments(noisy);
    expect(mean).toBeCloseTo(10, 1);
    expect(variance * 1024).toBeGreaterThan(880);
    expect(variance * 1024).toBeLessThan(920);
  });

  it('the test has teeth: a continuous Gaussian in floating point fails, and so does its low bits alone', () => {
    const continuous: Mechanism = (value, random) => value + 0.9375 * boxMuller(random)[0];
    expect(sharedSupport(continuous)).toBeLessThan(0.01);
  });

  it('the test has teeth: integer noise on a value that was not put on the grid fails', () => {
    const unrounded: Mechanism = (value, random) => {
      const noise = new Float64Array(1);
      sampler.fill(noise, random);
      return value + (noise[0] ?? 0) / 32;
    };
    expect(sharedSupport(unrounded)).toBe(0);
  });
});

describe('central noise', () => {
  it('adds to integers, exactly', () => {
    const integers = Int32Array.from([5, -(2 ** 31), 2 ** 31 - 1]);
    const noisy = addIntegerNoise(integers, {
      sampler: discreteGaussian({ variance: 1e-9 }),
      random: seededRandom(1, 'x'),
    });
    expect([...noisy]).toEqual([...integers]);
  });

  it('counts what rounding adds to the sensitivity', () => {
    expect(gridSensitivity({ sensitivity: 1, exponent: -10, dimension: 4 })).toBeCloseTo(1026, 9);
    // The worst case: every coordinate just across a rounding boundary.
    const dimension = 100;
    const [a, b] = [new Float64Array(dimension).fill(0.5), new Float64Array(dimension).fill(0.5 - 1e-9)];
    const zero = discreteLaplace({ scale: 1e-9 });
    const random = seededRandom(1, 'x');
    const [x, y] = [a, b].map((values) => addGridNoise(values, { exponent: 0, sampler: zero, random }));
    const apart = Math.hypot(...Array.from(x ?? [], (value, i) => value - (y?.[i] ?? 0)));
    expect(apart).toBe(10);
    expect(apart).toBeLessThanOrEqual(gridSensitivity({ sensitivity: 1e-8, exponent: 0, dimension }));
  });

  it.each([
    [
      'an array',
      () => addGridNoise([1] as unknown as Float64Array, { exponent: 0, sampler, random: seededRandom(1, 'x') }),
      'usage.floats',
    ],
    [
      'NaN',
      () => addGridNoise(Float64Array.of(Number.NaN), { exponent: 0, sampler, random: seededRandom(1, 'x') }),
      'usage.finite',
    ],
    [
      'a value too large for the grid',
      () => addGridNoise(Float64Array.of(1e9), { exponent: -40, sampler, random: seededRandom(1, 'x') }),
      'dp.grid',
    ],
    [
      'a fractional exponent',
      () => addGridNoise(new Float64Array(1), { exponent: 0.5, sampler, random: seededRandom(1, 'x') }),
      'usage.range',
    ],
    [
      'floats for integers',
      () => addIntegerNoise(new Float64Array(1) as unknown as Int32Array, { sampler, random: seededRandom(1, 'x') }),
      'usage.integers',
    ],
    ['no dimension', () => gridSensitivity({ sensitivity: 1, exponent: 0, dimension: 0 }), 'usage.range'],
  ])('refuses %s', (_, call, code) => {
    expect(call).toThrow(expect.objectContaining({ code }));
  });
});
