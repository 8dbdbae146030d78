import { webcrypto } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { pmfCases } from './pmf-cases.js';
import { chiSquarePValue, gaussianWeight, histogram, roundedGaussian } from './statistics.js';

const draws = 100_000_000;
const fresh = (length: number): Uint8Array => webcrypto.getRandomValues(new Uint8Array(length));

/** Fresh randomness each night: a right sampler fails one case in 10^8. */
describe('10^8 draws', () => {
  it.each(pmfCases.map((pmf) => [pmf.name, pmf] as const))(
    '%s',
    (_, { sampler, weight, least, most }) => {
      const counts = histogram(sampler, { draws, least, most, random: fresh });
      expect(chiSquarePValue(counts, weight)).toBeGreaterThan(1e-8);
    },
    900_000,
  );

  it('a rounded Gaussian of sigma 5 fails', () => {
    const counts = histogram(roundedGaussian(5), { draws: 30_000_000, least: -40, most: 40, random: fresh });
    expect(chiSquarePValue(counts, gaussianWeight(25))).toBeLessThan(1e-9);
  }, 900_000);
});
