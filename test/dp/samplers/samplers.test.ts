import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { binomial } from '../../../src/dp/samplers/binomial.js';
import { BitSource, LazyUniform } from '../../../src/dp/samplers/bits.js';
import { coinGaussian, coinLaplace } from '../../../src/dp/samplers/coins.js';
import { encloseExp } from '../../../src/dp/samplers/enclosure.js';
import { discreteGaussian, discreteLaplace } from '../../../src/dp/samplers/gaussian.js';
import { encloseRatio, poisson, skellam } from '../../../src/dp/samplers/poisson.js';
import { rational, toNumber } from '../../../src/dp/samplers/rational.js';
import type { NoiseSampler } from '../../../src/dp/samplers/sampler.js';
import {
  decide,
  drawStep,
  type EncloseDensity,
  positionDraw,
  staircase,
  threshold,
} from '../../../src/dp/samplers/staircase.js';
import { seededRandom } from '../../../src/simulation/random.js';

/** A random source that plays these words, then zeros. */
function replay(...words: readonly number[]): (length: number) => Uint8Array {
  let at = 0;
  return (length) => {
    const view = new DataView(new ArrayBuffer(length));
    for (let i = 0; i < length; i += 4, at += 1) view.setUint32(i, words[at] ?? 0, true);
    return new Uint8Array(view.buffer);
  };
}

const fill = (sampler: NoiseSampler, length: number, seed: string): Int32Array => {
  const target = new Int32Array(length);
  sampler.fill(target, seededRandom(seed, 'noise'));
  return target;
};

describe('samplers', () => {
  it.each([
    ['a variance of zero', () => discreteGaussian({ variance: 0 }), 'usage.range'],
    ['a negative variance', () => discreteGaussian({ variance: -1 }), 'usage.range'],
    ['a huge variance', () => discreteGaussian({ variance: 2 ** 81 }), 'usage.range'],
    ['NaN', () => discreteGaussian({ variance: Number.NaN }), 'usage.rational'],
    ['infinity', () => discreteLaplace({ scale: Number.POSITIVE_INFINITY }), 'usage.rational'],
    ['text', () => skellam({ variance: '4' as unknown as number }), 'usage.rational'],
    ['a negative denominator', () => poisson({ mean: { numerator: 1n, denominator: -2n } }), 'usage.rational'],
    ['a huge mean', () => poisson({ mean: 2 ** 33 }), 'usage.range'],
    ['a probability above one', () => binomial({ trials: 3, probability: 1.5 }), 'usage.range'],
    ['fractional trials', () => binomial({ trials: 2.5, probability: 0.5 }), 'usage.range'],
    ['zero over zero', () => rational(0, 0), 'usage.rational'],
    ['plain numbers', () => fillAny(discreteGaussian({ variance: 1 }), [1, 2]), 'usage.integers'],
    ['floats', () => fillAny(discreteGaussian({ variance: 1 }), new Float32Array(2)), 'usage.integers'],
    ['a narrow target', () => fillAny(discreteGaussian({ variance: 2 ** 60 }), new Int32Array(2)), 'usage.range'],
    ['a mean above the target', () => fillAny(poisson({ mean: 2 ** 31 }), new Int32Array(2)), 'usage.range'],
    ['no source', () => discreteGaussian({ variance: 1 }).fill(new Int32Array(1), 7 as never), 'usage.random'],
    [
      'a source that gives too little',
      () => discreteGaussian({ variance: 1 }).fill(new Int32Array(1), () => new Uint8Array(3)),
      'usage.random',
    ],
    ['a coin Gaussian of variance zero', () => coinGaussian(new BitSource(replay()), rational(0)), 'usage.range'],
    ['a coin Laplace of negative scale', () => coinLaplace(new BitSource(replay()), rational(-1)), 'usage.range'],
  ])('refuse %s', (_, call, code) => {
    expect(call).toThrow(expect.objectContaining({ code }));
  });

  it('take empty targets and leave the source alone', () => {
    discreteGaussian({ variance: 1 }).fill(new Int32Array(0), () => expect.unreachable());
  });

  it('draw the same from the same bytes, and nothing else', () => {
    for (const sampler of [discreteGaussian({ variance: 1e6 }), skellam({ variance: 1e4 })]) {
      expect(fill(sampler, 1000, 'a')).toEqual(fill(sampler, 1000, 'a'));
      expect(fill(sampler, 1000, 'a')).not.toEqual(fill(sampler, 1000, 'b'));
    }
  });

  /** These draws are what two parties must agree on; a change of them is a change of the protocol. */
  it('draw what they drew when they were written', () => {
    const first = (sampler: NoiseSampler): number[] => [...fill(sampler, 8, 'pinned')];
    expect({
      gaussian: first(discreteGaussian({ variance: 1e6 })),
      laplace: first(discreteLaplace({ scale: rational(100, 3) })),
      scanned: first(skellam({ variance: 30 })),
      climbed: first(skellam({ variance: 1e6 })),
      binomial: first(binomial({ trials: 1000, probability: rational(1, 3) })),
    }).toMatchInlineSnapshot(`
      {
        "binomial": [
          342,
          331,
          329,
          348,
          336,
          317,
          349,
          325,
        ],
        "climbed": [
          24,
          846,
          -84,
          -1341,
          283,
          -1409,
          -255,
          -1259,
        ],
        "gaussian": [
          -238,
          -271,
          -14,
          -1211,
          -744,
          -624,
          -1008,
          887,
        ],
        "laplace": [
          -8,
          -9,
          -9,
          -42,
          -26,
          -22,
          -35,
          31,
        ],
        "scanned": [
          -6,
          -9,
          2,
          11,
          2,
          -6,
          1,
          -1,
        ],
      }
    `);
  });

  it('take Int32Array and Float64Array alike', () => {
    const wide = new Float64Array(500);
    discreteGaussian({ variance: 400 }).fill(wide, seededRandom('x', 'noise'));
    expect([...wide]).toEqual([...fill(discreteGaussian({ variance: 400 }), 500, 'x')]);
  });

  it('work at the largest and smallest parameters', () => {
    const wide = new Float64Array(2000);
    discreteGaussian({ variance: 2 ** 80 }).fill(wide, seededRandom(1, 'wide'));
    expect(wide.every((x) => Number.isSafeInteger(x))).toBe(true);
    expect(Math.max(...wide) / 2 ** 40).toBeGreaterThan(2);
    poisson({ mean: 2 ** 32 }).fill(wide, seededRandom(1, 'wide'));
    expect(wide.every((x) => Math.abs(x - 2 ** 32) < 8 * 2 ** 16)).toBe(true);
    expect(fill(discreteGaussian({ variance: 1e-9 }), 1000, 'x').every((x) => x === 0)).toBe(true);
    expect(fill(discreteLaplace({ scale: 1e-9 }), 1000, 'x').every((x) => x === 0)).toBe(true);
    expect(fill(skellam({ variance: 1e-12 }), 1000, 'x').every((x) => x === 0)).toBe(true);
    expect([...fill(binomial({ trials: 77, probability: 1 }), 3, 'x')]).toEqual([77, 77, 77]);
    expect([...fill(binomial({ trials: 77, probability: 0 }), 3, 'x')]).toEqual([0, 0, 0]);
  });
});

describe('the fast comparison', () => {
  const gaussian =
    (variance: number): EncloseDensity =>
    (x, precision) =>
      encloseExp(rational(Number(x) ** 2, rationalOf(variance)), precision);
  const rationalOf = (variance: number): number => 2 * variance;

  /** The sampler as its comment describes it, every comparison in integers. */
  it.each([1, 94.5, 1e6, 2 ** 60])('never differs from the exact one: Gaussian of variance %d', (variance) => {
    const density = gaussian(variance);
    const steps = staircase(Math.sqrt(variance) * Math.sqrt((2 * Math.LN2) / 3), [density]);
    const position = positionDraw(steps);
    const source = new BitSource(seededRandom('same', 'noise'), 6 * 3000);
    const exact = Float64Array.from({ length: 3000 }, () => {
      for (;;) {
        const first = source.word();
        const step = drawStep(source, first);
        const x = steps.width * step + position(source);
        const word = source.word();
        if (x === 0 && first >= 2 ** 31) continue;
        if (decide(source, word, { density, x: BigInt(x), step, ceiling: steps.ceiling }))
          return first < 2 ** 31 ? x : -x;
      }
    });
    const fast = new Float64Array(3000);
    discreteGaussian({ variance }).fill(fast, seededRandom('same', 'noise'));
    expect(fast).toEqual(exact);
  });

  it.each([64, 200.5, 10_000])('never differs from the exact one: Poisson of mean %d', (mean) => {
    const exactMean = rational(mean);
    const mode = BigInt(Math.floor(mean));
    const right: EncloseDensity = (x, precision) => encloseRatio(exactMean, mode, x, precision);
    const left: EncloseDensity = (x, precision) => encloseRatio(exactMean, mode, -1n - x, precision);
    const steps = staircase(Math.sqrt(mean) * Math.sqrt((2 * Math.LN2) / 3), [right, left]);
    const position = positionDraw(steps);
    const source = new BitSource(seededRandom('same', 'noise'), 6 * 3000);
    const exact = Float64Array.from({ length: 3000 }, () => {
      for (;;) {
        const first = source.word();
        const step = drawStep(source, first);
        const x = steps.width * step + position(source);
        const word = source.word();
        const k = first < 2 ** 31 ? Number(mode) + x : Number(mode) - 1 - x;
        const density = first < 2 ** 31 ? right : left;
        if (k >= 0 && decide(source, word, { density, x: BigInt(x), step, ceiling: steps.ceiling })) return k;
      }
    });
    const fast = new Float64Array(3000);
    poisson({ mean }).fill(fast, seededRandom('same', 'noise'));
    expect(fast).toEqual(exact);
  });
});

it('the threshold of the fast comparison is as close as its slack assumes', () => {
  fc.assert(
    fc.property(fc.double({ min: -1, max: 30.49, noNaN: true }), (t) => {
      expect(Math.abs(threshold(2 ** 33, t) / 2 ** (32 - t) - 1)).toBeLessThan(2 ** -43);
    }),
    { numRuns: 2000 },
  );
});

describe('bits', () => {
  it('read words little-endian, whatever the size of a read', () => {
    const source = new BitSource(replay(1, 2, 0xffffffff, 0x80000000), 1);
    expect([source.word(), source.word(), source.word()]).toEqual([1, 2, 0xffffffff]);
    expect(source.bit()).toBe(true);
    expect(source.bit()).toBe(false);
  });

  it('count the zeros of a step across words', () => {
    expect(drawStep(new BitSource(replay()), 0x40000000)).toBe(0);
    expect(drawStep(new BitSource(replay()), 0xc0000000)).toBe(0);
    expect(drawStep(new BitSource(replay()), 1)).toBe(30);
    expect(drawStep(new BitSource(replay(0x80000000)), 0)).toBe(31);
    expect(drawStep(new BitSource(replay(0, 1)), 0x80000000)).toBe(31 + 32 + 31);
  });

  it('below a bound are uniform', () => {
    const source = new BitSource(seededRandom(2, 'below'));
    const counts = new Map<bigint, number>();
    for (let i = 0; i < 60_000; i += 1) {
      const drawn = source.below(6n);
      counts.set(drawn, (counts.get(drawn) ?? 0) + 1);
    }
    expect([...counts.keys()].sort()).toEqual([0n, 1n, 2n, 3n, 4n, 5n]);
    for (const count of counts.values()) expect(Math.abs(count - 10_000)).toBeLessThan(500);
    expect(source.below(1n)).toBe(0n);
    expect(source.below(2n ** 200n) < 2n ** 200n).toBe(true);
  });

  it('decide a tie by the bits that follow', () => {
    // 1/3 = 0.0101... in binary: the first 32 bits are 0x55555555, so are the next.
    const third = (precision: number) => {
      const lower = 2n ** BigInt(precision) / 3n;
      return { lower, upper: lower + 1n };
    };
    const tie = BigInt(0x55555555);
    expect(new LazyUniform(new BitSource(replay(0x55555554)), tie, 32).isBelow(third)).toBe(true);
    expect(new LazyUniform(new BitSource(replay(0x55555556)), tie, 32).isBelow(third)).toBe(false);
    expect(new LazyUniform(new BitSource(replay(0x55555555, 0)), tie, 32).isBelow(third)).toBe(true);
    expect(new LazyUniform(new BitSource(replay(0x55555555, 0x55555556)), tie, 32).isBelow(third)).toBe(false);
    const source = new BitSource(seededRandom(3, 'thirds'));
    let below = 0;
    for (let i = 0; i < 30_000; i += 1) below += new LazyUniform(source, 0n, 0).isBelow(third) ? 1 : 0;
    expect(Math.abs(below - 10_000)).toBeLessThan(400);
  });

  it('draw no bits for a poor enclosure', () => {
    const poor = (precision: number) => {
      const half = 2n ** BigInt(precision - 1);
      const error = precision < 200 ? half / 2n : 0n;
      return { lower: half - error, upper: half + error };
    };
    const none = new BitSource(() => expect.unreachable());
    expect(new LazyUniform(none, 2n ** 31n, 32).isBelow(poor)).toBe(false);
    expect(new LazyUniform(none, 2n ** 31n - 1n, 32).isBelow(poor)).toBe(true);
  });
});

describe('enclosures', () => {
  it('of e^-x hold it and are tight', () => {
    fc.assert(
      fc.property(
        fc.bigInt(0n, 10n ** 9n),
        fc.bigInt(1n, 10n ** 6n),
        fc.integer({ min: 8, max: 300 }),
        (n, d, precision) => {
          const { lower, upper } = encloseExp(rational(n, d), precision);
          expect(upper - lower <= 1n).toBe(true);
          const value = Math.exp(-Number(n) / Number(d));
          const scale = 2 ** precision;
          expect(Number(lower) / scale).toBeLessThanOrEqual(value * (1 + 1e-9));
          expect(Number(upper) / scale).toBeGreaterThanOrEqual(value * (1 - 1e-9));
        },
      ),
    );
  });

  it('nest as precision grows', () => {
    fc.assert(
      fc.property(fc.bigInt(0n, 1000n), fc.bigInt(1n, 1000n), fc.integer({ min: 8, max: 200 }), (n, d, precision) => {
        const coarse = encloseExp(rational(n, d), precision);
        const fine = encloseExp(rational(n, d), precision + 100);
        expect(coarse.lower << 100n <= fine.upper && fine.lower <= coarse.upper << 100n).toBe(true);
      }),
    );
  });

  it('rationals keep every bit of a double', () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (value) => {
        expect(toNumber(rational(value))).toBe(value === 0 ? 0 : value);
      }),
    );
  });
});

function fillAny(sampler: NoiseSampler, target: unknown): void {
  sampler.fill(target as Int32Array, seededRandom(1, 'any'));
}
