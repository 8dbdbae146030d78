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

  /** The control: a discrete Gaussian that is a rounded one. The wider, the harder it is to tell them apart. */
  it.each([1, 5])(
    'a rounded Gaussian of sigma %f fails',
    (sigma) => {
      const counts = histogram(roundedGaussian(sigma), { draws, least: -8 * sigma, most: 8 * sigma, random: fresh });
      expect(chiSquarePValue(counts, gaussianWeight(sigma ** 2))).toBeLessThan(1e-9);
    },
    900_000,
  );
});
