import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { dirichlet, permutation, seededNumbers } from '../../../src/fl/partition/random.js';

describe('seeded numbers', () => {
  it('are even, and unrelated between labels', () => {
    const a = seededNumbers(1, 'a');
    const b = seededNumbers(1, 'b');
    const pairs = Array.from({ length: 20_000 }, () => [a(), b()] as const);
    const mean = pairs.reduce((sum, [x]) => sum + x, 0) / pairs.length;
    const covariance = pairs.reduce((sum, [x, y]) => sum + (x - 0.5) * (y - 0.5), 0) / pairs.length;
    // Standard errors: 0.29 / sqrt(20,000) = 0.002 and (1 / 12) / sqrt(20,000) = 0.0006.
    expect(Math.abs(mean - 0.5)).toBeLessThan(0.01);
    expect(Math.abs(covariance)).toBeLessThan(0.003);
  });

  it('permute without losing any', () => {
    fc.assert(
      fc.property(fc.nat(300), fc.nat(), (length, seed) => {
        const order = permutation(length, seededNumbers(seed, 'order'));
        expect([...order].sort((a, b) => a - b)).toEqual(Array.from({ length }, (_, i) => i));
      }),
    );
  });

  it('differ by seed and by label, and are even', () => {
    const draws = (seed: number, label: string): readonly number[] => {
      const random = seededNumbers(seed, label);
      return Array.from({ length: 10_000 }, random);
    };
    expect(draws(1, 'a')).toEqual(draws(1, 'a'));
    expect(draws(1, 'a').slice(0, 5)).not.toEqual(draws(2, 'a').slice(0, 5));
    expect(draws(1, 'a').slice(0, 5)).not.toEqual(draws(1, 'b').slice(0, 5));
    const sample = draws(3, 'c');
    expect(sample.reduce((sum, x) => sum + x) / sample.length).toBeCloseTo(1 / 2, 1);
    expect(sample.reduce((sum, x) => sum + x * x) / sample.length).toBeCloseTo(1 / 3, 1);
  });

  it('have the moments of the Dirichlet distribution where they are asked for it', () => {
    const random = seededNumbers(5, 'moments');
    for (const alpha of [0.5, 2]) {
      const [size, draws] = [4, 20_000];
      const firsts = Array.from({ length: draws }, () => {
        const parts = dirichlet(size, alpha, random);
        expect(parts.reduce((sum, part) => sum + part)).toBeCloseTo(1, 12);
        return parts[0] ?? 0;
      });
      const mean = firsts.reduce((sum, x) => sum + x) / draws;
      const variance = firsts.reduce((sum, x) => sum + (x - mean) ** 2, 0) / draws;
      expect(Math.abs(mean - 1 / size)).toBeLessThan(0.01);
      expect(Math.abs(variance - ((1 / size) * (1 - 1 / size)) / (size * alpha + 1))).toBeLessThan(0.003);
    }
  });
});
