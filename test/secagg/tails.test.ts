import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { UsageError } from '../../src/core/errors.js';
import { type Hypergeometric, leastTailBound, log2UpperTail, MAX_POPULATION } from '../../src/secagg/tails.js';
import { binomial, waysAbove } from './exact.js';

/** How far above the true log2 a result may be. */
const SLACK = 2 ** -19;

/** Pr[X > above] exactly, as a fraction. Marked and drawn may change places; the smaller is cheaper to draw. */
function exactTail(distribution: Hypergeometric, above: number): readonly [bigint, bigint] {
  const { population } = distribution;
  const marked = Math.max(distribution.marked, distribution.drawn);
  const drawn = Math.min(distribution.marked, distribution.drawn);
  return [waysAbove(population, marked, drawn, above), binomial(population, drawn)];
}

function log2Big(value: bigint): number {
  const shift = Math.max(0, value.toString(2).length - 60);
  return Math.log2(Number(value >> BigInt(shift))) + shift;
}

function exactLog2Tail(distribution: Hypergeometric, above: number): number {
  const [ways, all] = exactTail(distribution, above);
  return ways === 0n ? -Infinity : log2Big(ways) - log2Big(all);
}

function expectRoundedUp(distribution: Hypergeometric, above: number): void {
  const exact = exactLog2Tail(distribution, above);
  const got = log2UpperTail(distribution, above);
  const where = `${JSON.stringify(distribution)} > ${above}`;
  if (exact === -Infinity || exact === 0) expect(got, where).toBe(exact);
  else {
    // 1e-13 for the logarithm of the exact fraction, near 0.
    expect(got, where).toBeGreaterThanOrEqual(exact - 1e-13);
    expect(got, where).toBeLessThanOrEqual(Math.min(0, exact + SLACK));
  }
}

const distributions = (largest: number): fc.Arbitrary<Hypergeometric> =>
  fc.integer({ min: 0, max: largest }).chain((population) =>
    fc.record({
      population: fc.constant(population),
      marked: fc.integer({ min: 0, max: population }),
      drawn: fc.integer({ min: 0, max: population }),
    }),
  );

describe('log2UpperTail', () => {
  it('is the exact tail, rounded up, for every population up to 14', () => {
    for (let population = 0; population <= 14; population++)
      for (let marked = 0; marked <= population; marked++)
        for (let drawn = 0; drawn <= population; drawn++)
          for (let above = -2; above <= population + 1; above++) expectRoundedUp({ population, marked, drawn }, above);
  });

  it('is the exact tail, rounded up, for populations up to 300', () => {
    fc.assert(
      fc.property(distributions(300), fc.double({ min: 0, max: 1, noNaN: true }), (distribution, part) => {
        expectRoundedUp(distribution, Math.floor(part * distribution.drawn));
      }),
      { numRuns: 500, seed: 704 },
    );
  });

  it('is the exact tail, rounded up, for large populations', () => {
    expectRoundedUp({ population: 999_999, marked: 50_000, drawn: 60 }, 30);
    expectRoundedUp({ population: 999_999, marked: 400_000, drawn: 300 }, 220);
    expectRoundedUp({ population: MAX_POPULATION, marked: MAX_POPULATION / 2, drawn: 100 }, 99);
    expectRoundedUp({ population: MAX_POPULATION, marked: 700, drawn: 524_288 }, 400);
    expectRoundedUp({ population: 5_000, marked: 400, drawn: 2_500 }, 260);
  });

  it('never underflows, and falls as `above` rises', () => {
    const distribution = { population: 1_000_000, marked: 500_000, drawn: 400_000 };
    let last = 0;
    for (let above = 190_000; above < 400_000; above += 5_000) {
      const tail = log2UpperTail(distribution, above);
      expect(tail).toBeGreaterThan(-1e6);
      expect(tail).toBeLessThanOrEqual(last);
      last = tail;
    }
    expect(last).toBeLessThan(-100_000);
  });

  it('refuses what is no distribution', () => {
    const good = { population: 10, marked: 4, drawn: 3 };
    for (const bad of [
      { population: -1 },
      { population: MAX_POPULATION + 1 },
      { population: 1.5 },
      { population: '10' },
      { marked: 11 },
      { marked: Number.NaN },
      { drawn: 11 },
      { drawn: -1 },
      { drawn: undefined },
    ])
      expect(() => log2UpperTail({ ...good, ...bad } as Hypergeometric, 1), JSON.stringify(bad)).toThrow(UsageError);
    for (const bad of [null, undefined, 3])
      expect(() => log2UpperTail(bad as unknown as Hypergeometric, 1)).toThrow(UsageError);
    for (const above of [0.5, Number.NaN, Infinity, '1']) {
      expect(() => log2UpperTail(good, above as number)).toThrow(UsageError);
    }
  });
});

describe('leastTailBound', () => {
  it('is the least bound by exact arithmetic', () => {
    fc.assert(
      fc.property(distributions(150), fc.integer({ min: 1, max: 90 }), (distribution, bits) => {
        const bound = leastTailBound(distribution, -bits);
        const holds = (above: number): boolean => {
          const [ways, all] = exactTail(distribution, above);
          return ways << BigInt(bits) < all;
        };
        expect(holds(bound)).toBe(true);
        // A tail of exactly 2^-bits is the one case where one more is the answer.
        const [ways, all] = exactTail(distribution, bound - 1);
        expect(holds(bound - 1) && ways << BigInt(bits) !== all).toBe(false);
      }),
      { numRuns: 1_000, seed: 704 },
    );
  });

  it('is 0 where nothing is marked or drawn, and everything where all is marked', () => {
    expect(leastTailBound({ population: 9, marked: 0, drawn: 5 }, -40)).toBe(0);
    expect(leastTailBound({ population: 9, marked: 5, drawn: 0 }, -40)).toBe(0);
    expect(leastTailBound({ population: 9, marked: 9, drawn: 5 }, -1e-9)).toBe(5);
    expect(leastTailBound({ population: 0, marked: 0, drawn: 0 }, -40)).toBe(0);
  });

  it('refuses a limit that is no probability below 1', () => {
    for (const limit of [0, 1, Number.NaN, -Infinity, '-40'])
      expect(() => leastTailBound({ population: 9, marked: 5, drawn: 3 }, limit as number)).toThrow(UsageError);
  });
});
