import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { UsageError } from '../../src/core/errors.js';
import { MAX_CLIENTS, MAX_DEGREE } from '../../src/secagg/graph.js';
import {
  chooseParameters,
  type ParameterOptions,
  parameterWeaknesses,
  type SessionParameters,
} from '../../src/secagg/parameters.js';
import { MAX_POPULATION } from '../../src/secagg/tails.js';
import { chosen, THREATS } from './chosen.js';
import { exactParameters } from './exact.js';

function refusalOf(options: ParameterOptions): string {
  try {
    chooseParameters(options);
  } catch (error) {
    if (error instanceof UsageError && error.code === 'parameters.impossible') return error.message;
    throw error;
  }
  throw new Error('was not refused');
}

describe('chooseParameters', () => {
  it.each([
    { n: 100, corrupt: 0.1, dropout: 0.1, semiHonest: [22, 11], malicious: [32, 22] },
    { n: 1_000, corrupt: 0.05, dropout: 0.05, semiHonest: [34, 18], malicious: [62, 43] },
    { n: 1_000, corrupt: 0.2, dropout: 0.05, semiHonest: [60, 40], malicious: [104, 80] },
    { n: 10_000, corrupt: 0.05, dropout: 0.05, semiHonest: [38, 21], malicious: [74, 51] },
  ])('gives the known values for n = $n, corrupt $corrupt, dropout $dropout', (values) => {
    const { n, corrupt, dropout, semiHonest, malicious } = values;
    const options = { n, corrupt, dropout, securityBits: 40, correctnessBits: 30, grindingBits: 0 };
    const pair = ({ degree, threshold }: SessionParameters): readonly number[] => [degree, threshold];
    expect(pair(chooseParameters({ ...options, threat: 'semi-honest' }))).toEqual(semiHonest);
    expect(pair(chooseParameters({ ...options, threat: 'malicious' }))).toEqual(malicious);
  });

  it('is what a search of every degree by exact arithmetic finds', () => {
    const counts = fc.integer({ min: 2, max: 90 }).chain((n) =>
      fc.record({
        n: fc.constant(n),
        corrupt: fc.integer({ min: 0, max: Math.ceil(n / 3) }).map((count) => Math.min(count, n - 1)),
        dropped: fc.integer({ min: 0, max: Math.ceil(n / 2) }).map((count) => Math.min(count, n - 1)),
        sigma: fc.integer({ min: 2, max: 60 }),
        eta: fc.integer({ min: 1, max: 30 }),
        threat: fc.constantFrom(...THREATS),
      }),
    );
    fc.assert(
      fc.property(counts, ({ n, corrupt, dropped, sigma, eta, threat }) => {
        const found = chosen({
          n,
          corrupt: corrupt / n,
          dropout: dropped / n,
          securityBits: sigma - 1,
          correctnessBits: eta,
          grindingBits: 1,
          threat,
        });
        expect(found).toEqual(exactParameters({ n, corrupt, dropped, sigma, eta, threat }));
      }),
      { numRuns: 250, seed: 704 },
    );
  });

  it('adds the grinding bits, 40 unless given, to the security bits, 40 unless given', () => {
    const options: ParameterOptions = { n: 10_000, corrupt: 0.05, dropout: 0.05, threat: 'malicious' };
    const all = chooseParameters(options);
    expect(all).toEqual({ n: 10_000, degree: 94, threshold: 68 });
    expect(chooseParameters({ ...options, securityBits: 80, correctnessBits: 30, grindingBits: 0 })).toEqual(all);
  });

  it('is monotone: no weaker assumption gives a lower degree or threshold, or makes a refused request lawful', () => {
    const raised = (most: number): fc.Arbitrary<number> =>
      fc.oneof(fc.constant(0), fc.double({ min: 0, max: most, noNaN: true }));
    const fraction = fc.double({ min: 0, max: 0.45, noNaN: true });
    const options = fc.record({
      n: fc.oneof(fc.integer({ min: 2, max: 60 }), fc.integer({ min: 61, max: 3_000 }), fc.constant(1_000_000)),
      corrupt: fraction,
      dropout: fraction,
      securityBits: fc.integer({ min: 1, max: 80 }),
      correctnessBits: fc.integer({ min: 1, max: 60 }),
      grindingBits: fc.integer({ min: 0, max: 60 }),
      threat: fc.constantFrom(...THREATS),
    });
    const step = fc.record({
      corrupt: raised(0.1),
      dropout: raised(0.1),
      securityBits: fc.nat(3),
      correctnessBits: fc.nat(3),
      grindingBits: fc.nat(3),
      harden: fc.boolean(),
    });
    fc.assert(
      fc.property(options, step, (before, more) => {
        const after: ParameterOptions = {
          n: before.n,
          corrupt: before.corrupt + more.corrupt,
          dropout: before.dropout + more.dropout,
          securityBits: before.securityBits + more.securityBits,
          correctnessBits: before.correctnessBits + more.correctnessBits,
          grindingBits: before.grindingBits + more.grindingBits,
          threat: more.harden ? 'malicious' : before.threat,
        };
        const low = chosen(before);
        const high = chosen(after);
        if (low === undefined) expect(high).toBeUndefined();
        if (low === undefined || high === undefined) return;
        expect(high.degree).toBeGreaterThanOrEqual(low.degree);
        expect(high.threshold).toBeGreaterThanOrEqual(low.threshold);
      }),
      { numRuns: 1_000, seed: 704 },
    );
  });

  it('is monotone in single clients and bits, all the way to refusal', () => {
    const base = { n: 60, corrupt: 0, dropout: 0, securityBits: 20, correctnessBits: 10, grindingBits: 0 };
    for (const threat of THREATS)
      for (const raise of ['corrupt', 'dropout', 'securityBits', 'correctnessBits', 'grindingBits'] as const) {
        const fixed = { ...base, corrupt: 0.1, dropout: 0.1, threat };
        const unit = raise === 'corrupt' || raise === 'dropout' ? 1 / 60 : 1;
        const degrees = Array.from({ length: 59 }, (_, i) => {
          const parameters = chosen({ ...fixed, [raise]: (i + (unit === 1 ? 1 : 0)) * unit });
          return parameters?.degree ?? Infinity;
        });
        expect(degrees, `${threat}, ${raise}`).toEqual([...degrees].sort((a, b) => a - b));
      }
  });

  it('states what small cohorts can have', () => {
    const none: Omit<ParameterOptions, 'n' | 'threat'> = { corrupt: 0, dropout: 0 };
    expect(chosen({ ...none, n: 2, threat: 'semi-honest' })).toEqual({ n: 2, degree: 1, threshold: 1 });
    expect(chosen({ ...none, n: 2, threat: 'malicious' })).toBeUndefined();
    expect(chosen({ ...none, n: 2, corrupt: 0.5, threat: 'semi-honest' })).toBeUndefined();
    expect(chosen({ ...none, n: 2, dropout: 0.5, threat: 'semi-honest' })).toBeUndefined();
    expect(chosen({ ...none, n: 3, threat: 'semi-honest' })).toEqual({ n: 3, degree: 2, threshold: 2 });
    expect(chosen({ ...none, n: 3, threat: 'malicious' })).toEqual({ n: 3, degree: 2, threshold: 2 });
    expect(chosen({ ...none, n: 3, corrupt: 1 / 3, threat: 'semi-honest' })).toEqual({ n: 3, degree: 2, threshold: 2 });
    expect(chosen({ ...none, n: 3, corrupt: 1 / 3, threat: 'malicious' })).toBeUndefined();
    expect(chosen({ ...none, n: 3, dropout: 1 / 3, threat: 'semi-honest' })).toBeUndefined();
    // Two of four neighbors: a ring, which holds because nobody is assumed to leave it.
    expect(chosen({ ...none, n: 4, threat: 'semi-honest' })).toEqual({ n: 4, degree: 2, threshold: 2 });
    expect(chosen({ ...none, n: 4, corrupt: 0.25, threat: 'semi-honest' })).toEqual({ n: 4, degree: 2, threshold: 2 });
    expect(chosen({ ...none, n: 5, dropout: 0.2, threat: 'malicious' })).toEqual({ n: 5, degree: 4, threshold: 3 });
    expect(chosen({ n: 5, corrupt: 0.2, dropout: 0.2, threat: 'malicious' })).toBeUndefined();
    expect(chosen({ n: 6, corrupt: 0.17, dropout: 0.17, threat: 'malicious' })).toEqual({
      n: 6,
      degree: 4,
      threshold: 3,
    });
  });

  it('falls back to the complete graph, and no further', () => {
    // On an odd n the widest ring has two neighbors fewer.
    expect(chosen({ n: 101, corrupt: 0.32, dropout: 0.33, threat: 'malicious' })).toEqual({
      n: 101,
      degree: 100,
      threshold: 67,
    });
    expect(chosen({ n: 100, corrupt: 0.48, dropout: 0.5, threat: 'semi-honest' })).toEqual({
      n: 100,
      degree: 99,
      threshold: 49,
    });
    expect(chosen({ n: 100, corrupt: 0.3, dropout: 0.34, threat: 'malicious' })).toBeUndefined();
    // Only a complete graph serves where everyone but two is corrupt or drops, and it has no more than MAX_DEGREE + 1.
    const all = (n: number): ParameterOptions => ({
      n,
      corrupt: Math.ceil(n / 2 - 1) / n,
      dropout: Math.floor(n / 2 - 1) / n,
      threat: 'semi-honest',
    });
    expect(chosen(all(MAX_DEGREE + 1))).toEqual({ n: MAX_DEGREE + 1, degree: MAX_DEGREE, threshold: 32_768 });
    expect(chosen(all(MAX_DEGREE + 2))).toBeUndefined();
    expect(MAX_CLIENTS).toBeLessThanOrEqual(MAX_POPULATION);
  });

  it('takes a decimal fraction for what it says', () => {
    // 0.29 * 100 is 28.999999999999996 in doubles.
    const options: ParameterOptions = { n: 100, corrupt: 0.29, dropout: 0.4, threat: 'semi-honest' };
    expect(chosen(options)?.threshold).toBe(30);
    expect(chosen({ ...options, corrupt: 0.2899 })?.threshold).toBe(29);
  });

  it('says which of corrupt and dropout to lower, and to what', () => {
    const advised = (options: ParameterOptions, name: 'corrupt' | 'dropout'): number | undefined => {
      const match = new RegExp(`${name} to at most ([0-9.e-]+)`).exec(refusalOf(options));
      return match === null ? undefined : Number(match[1]);
    };
    const both: ParameterOptions = { n: 100, corrupt: 0.3, dropout: 0.4, threat: 'malicious' };
    expect(refusalOf(both)).toBe(
      'no degree and threshold serve 100 clients with 30 corrupt and 40 dropouts, malicious: ' +
        'lower corrupt to at most 0.17 (17 of 100), or dropout to at most 0.33 (33 of 100)',
    );
    for (const threat of THREATS)
      for (const n of [4, 33, 100, 1_000, 100_000])
        for (const [corrupt, dropout] of [
          [0.35, 0.64],
          [0.2, 0.9],
          [0.99, 0.1],
        ] as const) {
          const options: ParameterOptions = { n, corrupt, dropout, threat };
          if (chosen(options) !== undefined) continue;
          for (const name of ['corrupt', 'dropout'] as const) {
            const fraction = advised(options, name);
            if (fraction === undefined) continue;
            expect(chosen({ ...options, [name]: fraction }), `${name} ${fraction}`).toBeDefined();
            expect(chosen({ ...options, [name]: fraction + Math.ceil(n / 1_000) / n })).toBeUndefined();
          }
        }
    expect(refusalOf({ n: 100, corrupt: 0.99, dropout: 0.1, threat: 'malicious' })).toMatch(
      /: lower corrupt to [^,]*$/,
    );
    expect(refusalOf({ n: 100, corrupt: 0.1, dropout: 0.98, threat: 'malicious' })).toMatch(
      /: lower dropout to [^,]*$/,
    );
    expect(refusalOf({ n: 100, corrupt: 0.99, dropout: 0.99, threat: 'malicious' })).toMatch(/one alone isn't enough/);
    expect(refusalOf({ n: 2, corrupt: 0, dropout: 0, threat: 'malicious' })).toMatch(/raise n/);
  });

  it('answers for a million clients, lawful or not, within a second', () => {
    for (const threat of THREATS)
      for (const [corrupt, dropout] of [
        [0, 0],
        [0.05, 0.05],
        [0.2, 0.1],
        [0.3, 0.3],
        [0.33, 0.33],
        [0.499, 0.499],
        [0.5, 0.5],
        [0.9, 0.9],
      ] as const) {
        const started = performance.now();
        chosen({ n: 1_000_000, corrupt, dropout, threat });
        const elapsed = performance.now() - started;
        expect(elapsed, `${threat} ${corrupt} ${dropout}`).toBeLessThan(1_000);
      }
  });

  it('refuses options out of range', () => {
    const good: ParameterOptions = { n: 100, corrupt: 0.1, dropout: 0.1, threat: 'malicious' };
    for (const bad of [
      { n: 1 },
      { n: 0 },
      { n: -5 },
      { n: 2.5 },
      { n: MAX_CLIENTS + 1 },
      { n: '100' },
      { corrupt: -0.1 },
      { corrupt: 1 },
      { corrupt: Number.NaN },
      { corrupt: '0.1' },
      { dropout: 1 },
      { dropout: -1e-9 },
      { dropout: Infinity },
      { dropout: undefined },
      { threat: 'evil' },
      { threat: undefined },
      { threat: ['malicious'] },
      { securityBits: 0 },
      { securityBits: 257 },
      { securityBits: 40.5 },
      { correctnessBits: 0 },
      { correctnessBits: 1e9 },
      { grindingBits: -1 },
      { grindingBits: null },
    ]) {
      const options = { ...good, ...bad } as ParameterOptions;
      expect(() => chooseParameters(options), JSON.stringify(bad)).toThrow(UsageError);
      expect(() => chooseParameters(options), JSON.stringify(bad)).not.toThrow(/no degree and threshold/);
      if (!('n' in bad))
        expect(() => parameterWeaknesses({ n: 100, degree: 99, threshold: 60 }, options)).toThrow(UsageError);
    }
    for (const bad of [null, undefined, 'n', 7])
      expect(() => chooseParameters(bad as unknown as ParameterOptions)).toThrow(UsageError);
  });
});

describe('minDegree', () => {
  const assumptions = { corrupt: 0.1, dropout: 0.1, threat: 'malicious' } as const;

  it.each([
    [8, 7],
    [9, 8],
    [10, 8],
    [20, 8],
  ])('of %i clients, the least lawful degree from 7 on is %i', (n, degree) => {
    expect(chooseParameters({ ...assumptions, n, minDegree: 7 }).degree).toBe(degree);
  });

  it('takes the complete graph where no sparse one is large enough', () => {
    expect(chooseParameters({ ...assumptions, n: 5, minDegree: 7 }).degree).toBe(4);
  });

  it('changes nothing where more neighbors are needed anyway', () => {
    const options = { ...assumptions, n: 100 };
    expect(chooseParameters({ ...options, minDegree: 7 })).toEqual(chooseParameters(options));
  });

  it.each([0, 1.5, Number.NaN, 2 ** 16])('is refused at %d', (minDegree) => {
    expect(() => chooseParameters({ ...assumptions, n: 10, minDegree })).toThrow(/minDegree/);
  });
});
