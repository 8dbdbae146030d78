import { describe, expect, it } from 'vitest';
import { BitSource } from '../../../src/dp/samplers/bits.js';
import { coinGaussian } from '../../../src/dp/samplers/coins.js';
import { discreteGaussian, discreteLaplace } from '../../../src/dp/samplers/gaussian.js';
import { poisson, skellam } from '../../../src/dp/samplers/poisson.js';
import { rational } from '../../../src/dp/samplers/rational.js';
import type { Draw } from '../../../src/dp/samplers/sampler.js';
import { seededRandom } from '../../../src/simulation/random.js';
import { welch } from './statistics.js';

/**
 * A dudect-style test (Reparaz, Balasch and Verbauwhede 2017) whose clock is the number of random words that a draw
 * consumes: a draw's loops are its words, and words don't depend on how busy the machine is. The wall clock's turn is
 * in `timing.nightly.ts`.
 */
function leak(draw: Draw, options: { draws: number; small: number; large: number }): number {
  const random = seededRandom(4, 'timing');
  let words = 0;
  const source = new BitSource((length) => {
    words += length / 4;
    return random(length);
  }, 1);
  const used: { small: number[]; large: number[] } = { small: [], large: [] };
  for (let i = 0; i < options.draws; i += 1) {
    const before = words;
    const size = Math.abs(draw(source));
    if (size <= options.small) used.small.push(words - before);
    else if (size >= options.large) used.large.push(words - before);
  }
  // Where every draw takes the same, there is no variance to divide by.
  if (new Set([...used.small, ...used.large]).size === 1) return 0;
  return Math.abs(welch(used.small, used.large));
}

const centered =
  (draw: Draw, mean: number): Draw =>
  (source) =>
    draw(source) - mean;

describe('what a draw costs says nothing of how large it is', () => {
  it.each([
    ['discrete Gaussian', discreteGaussian({ variance: 10_000 }).draw, { small: 30, large: 150 }],
    ['discrete Laplace', discreteLaplace({ scale: 100 }).draw, { small: 30, large: 200 }],
    ['scanned Skellam', skellam({ variance: 100 }).draw, { small: 3, large: 15 }],
    ['climbed Poisson', centered(poisson({ mean: 10_000 }).draw, 10_000), { small: 30, large: 150 }],
    ['climbed Skellam', skellam({ variance: 10_000 }).draw, { small: 30, large: 150 }],
  ] as const)('%s', (_, draw, classes) => {
    expect(leak(draw, { draws: 100_000, ...classes })).toBeLessThan(4.5);
  });

  it('the test has teeth: the coin algorithms cost more for larger draws', () => {
    const draw: Draw = (source) => Number(coinGaussian(source, rational(10_000)));
    expect(leak(draw, { draws: 20_000, small: 30, large: 150 })).toBeGreaterThan(4.5);
  });
});
