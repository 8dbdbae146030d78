/** Every way to call a rule wrongly, and what faulty clients do. */
import { describe, expect, it } from 'vitest';
import { asMasked, type MaskedVector } from '../../src/ring/vector.js';
import {
  type AggregateOptions,
  alie,
  alieZ,
  bucketing,
  Collector,
  centeredClipping,
  clipping,
  dnc,
  type FloatVector,
  flipLabel,
  fltrust,
  gaussian,
  geometricMedian,
  infinity,
  krum,
  mean,
  median,
  mimic,
  modelReplacement,
  monna,
  multiKrum,
  nnm,
  optimizedIpm,
  rfa,
  trimmedMean,
} from '../../src/robust/index.js';

const rows = (...lists: readonly (readonly number[])[]): Float64Array[] => lists.map((list) => Float64Array.from(list));
const five = rows([1, 1], [2, 2], [3, 3], [4, 4], [5, 5]);
/** Hands in what the types refuse. */
const wrong = (value: unknown): never => value as never;

describe('what is no list of vectors', () => {
  for (const [name, value] of Object.entries<unknown>({
    undefined: undefined,
    null: null,
    number: 3,
    string: 'vectors',
    empty: [],
    numbers: [1, 2],
    arrays: [[1, 2]],
    integers: [new Int32Array(2)],
    hole: [new Float32Array(2), undefined],
    mixed: [new Float32Array(2), new Float64Array(2)],
    noCount: { values: new Float32Array(4) },
    count: { values: new Float32Array(4), count: 3 },
    zero: { values: new Float32Array(4), count: 0 },
    values: { values: [1, 2], count: 1 },
    length: { length: 2 },
  }))
    it(name, () => {
      expect(() => mean().aggregate(wrong(value))).toThrow(expect.objectContaining({ name: 'UsageError' }));
    });

  it('is not a masked vector either: that does not compile', () => {
    const masked: MaskedVector = asMasked({ bits: 32, lanes: new Uint32Array(4) } as never);
    // @ts-expect-error masked vectors are sums that no rule can compare
    expect(() => mean().aggregate([masked, masked])).toThrow(/Float32Array or Float64Array/);
    // @ts-expect-error nor are their lanes
    expect(() => krum({ f: 0 }).aggregate([masked.lanes, masked.lanes, masked.lanes])).toThrow(/Float32Array/);
  });
});

describe('options', () => {
  const refused: readonly (readonly [string, AggregateOptions, RegExp])[] = [
    ['options', wrong(7), /options must be an object/],
    ['weights of another length', { weights: [1, 2] }, /weights must be 5 numbers/],
    ['weights of another type', { weights: wrong('many') }, /weights must be/],
    ['maxWeight', { weights: [1, 1, 1, 1, 1], maxWeight: -1 }, /maxWeight must be/],
    ['dimension', { dimension: 1.5 }, /dimension must be an integer/],
    ['reference of another length', { reference: new Float64Array(3), dimension: 2 }, /reference must have 2 values/],
    ['reference with NaN', { reference: Float64Array.of(1, Number.NaN) }, /reference must be a vector of finite/],
    ['reference of another type', { reference: wrong([1, 2]) }, /reference must be a Float32Array/],
    ['executor', { executor: wrong({ columns: () => {} }) }, /executor must be one such as a ThreadPool/],
    ['executor of another type', { executor: wrong(2) }, /executor must be/],
    ['short seed', { seed: new Uint8Array(3) }, /seed must be a Uint8Array of 16/],
    ['short history', { history: [] }, /history must be a list of 5/],
    [
      'overlarge history',
      { history: [...five.slice(1), Float64Array.of(1, 1e141)] },
      /history\[4\] .* at most 1e\+140/,
    ],
    ['faulty history', { history: [...five.slice(1), Float64Array.of(1, Number.NaN)] }, /history\[4\]/],
  ];
  for (const [name, options, message] of refused)
    it(`refuses ${name}`, () => {
      expect(() => mean().aggregate(five, options)).toThrow(message);
    });

  it('refuses a reference of doubles that float32 vectors would make infinite', () => {
    const three = [1, 2, 3].map((x) => Float32Array.of(x));
    for (const rule of [fltrust(), centeredClipping({ tau: 1 })])
      expect(() => rule.aggregate(three, { reference: Float64Array.of(1e39) })).toThrow(
        /finite values, in the vectors/,
      );
  });

  it('takes weights whose sum is beyond all numbers', () => {
    const three = [1, 2, 6].map((x) => Float32Array.of(x));
    for (const rule of [mean(), rfa(), geometricMedian(), clipping(mean(), { bound: 9 })]) {
      const [huge, plain] = [1e308, 1].map(
        (w) => rule.aggregate(three, { weights: [w, w, w], maxWeight: 'none' }).vector,
      );
      expect(huge).toEqual(plain);
    }
  });

  it('keeps what FLTrust scales past float32 at its largest', () => {
    const most = 3.4028234663852886e38;
    const two = [Float32Array.of(1, 0), Float32Array.of(1, 0)];
    const { vector } = fltrust().aggregate(two, { reference: Float32Array.of(most, most) });
    expect(vector).toEqual(Float32Array.of(most, 0));
  });

  it('refuses weights where they have no meaning', () => {
    expect(() => median().aggregate(five, { weights: [1, 1, 1, 1, 1] })).toThrow(/takes no weights/);
  });

  it('refuses randomness without a seed', () => {
    expect(() => bucketing(median(), { size: 2 }).aggregate(five)).toThrow(/nothing here is random without a seed/);
    expect(() => dnc({ f: 1 }).aggregate(five)).toThrow(/seed/);
    expect(() => gaussian().craft(five)).toThrow(/seed/);
  });

  it('refuses FLTrust without a reference, or with a zero one', () => {
    expect(() => fltrust().aggregate(five)).toThrow(/server's own update/);
    expect(() => fltrust().aggregate(five, { reference: new Float64Array(2) })).toThrow(/not zero/);
    expect(() => fltrust().aggregate(five, { reference: Float64Array.of(-1, -1) })).toThrow(/points the way/);
  });
});

describe('faulty clients', () => {
  const faulty = [...five, Float64Array.of(Number.NaN, 1), Float64Array.of(1, 2, 3)];

  it('are rejected by name, and the rule runs on the rest with f lowered by as many', () => {
    const { vector, verdicts, f } = trimmedMean({ f: 3 }).aggregate(faulty);
    expect(f).toBe(1);
    expect([...vector]).toEqual([3, 3]);
    expect(verdicts.map(({ fault }) => fault)).toEqual([...Array(5).fill(undefined), 'not-finite', 'wrong-size']);
    expect(verdicts[5]).toMatchObject({ client: 5, kept: false, score: Number.POSITIVE_INFINITY });
  });

  it('are more than the rule allows: no result', () => {
    expect(() => trimmedMean({ f: 1 }).aggregate(faulty)).toThrow(expect.objectContaining({ code: 'robust.faults' }));
  });

  it('are all: no result', () => {
    expect(() => mean().aggregate(rows([Number.NaN]))).toThrow(expect.objectContaining({ code: 'robust.no-vectors' }));
  });

  it('can be those with a weight that is no weight', () => {
    const { verdicts } = mean().aggregate(five, { weights: [1, Number.NaN, -1, Number.POSITIVE_INFINITY, 1] });
    expect(verdicts.map(({ fault }) => fault)).toEqual([undefined, 'weight', 'weight', 'weight', undefined]);
  });

  it('do not set the length: most do, or the caller', () => {
    const short = [Float64Array.of(9), ...five];
    expect(mean().aggregate(short).vector.length).toBe(2);
    expect(mean().aggregate(short, { dimension: 1 }).vector.length).toBe(1);
  });

  it('shift no numbers: a pivot and a permutation name clients, not rows', () => {
    const given = [Float64Array.of(Number.NaN, 0), ...five];
    expect([...monna({ f: 2, pivot: 5 }).aggregate(given).vector]).toEqual([3.5, 3.5]);
    expect(() => monna({ f: 2, pivot: 0 }).aggregate(given)).toThrow(/the pivot, client 0/);
    expect(() => monna({ f: 2, pivot: 6 }).aggregate(given)).toThrow(/pivot must be below 6/);
    const { vector } = bucketing(mean(), { size: 3, permutation: [1, 2, 3, 0, 4, 5] }).aggregate(given);
    expect([...vector]).toEqual([3.25, 3.25]);
  });
});

it('finds the one value that is not finite, wherever it stands', () => {
  for (let length = 1; length < 12; length++)
    for (let k = 0; k < length; k++)
      for (const value of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])
        for (const make of [Float32Array, Float64Array]) {
          const good = new make(length).fill(3.4e38);
          const bad = good.slice();
          bad[k] = value;
          const { verdicts } = mean().aggregate<FloatVector>([good, bad]);
          expect(verdicts.map(({ fault }) => fault)).toEqual([undefined, 'not-finite']);
        }
});

describe('conditions on n and f', () => {
  it('are enforced in integers, with the number that would do', () => {
    expect(() => krum({ f: 3 }).aggregate(five)).toThrow(/n >= 2f \+ 3.*f = 3.*got 5: 9 vectors would do/);
    expect(() => trimmedMean({ f: 3 }).aggregate(five)).toThrow(/7 vectors would do/);
    expect(() => nnm(krum({ f: 2 })).aggregate(five)).toThrow(/7 vectors would do/);
    expect(() => bucketing(median({ f: 1 }), { size: 2 }).aggregate(five.slice(1))).toThrow(/5 vectors would do/);
    expect(
      krum({ f: 1 })
        .aggregate(five)
        .verdicts.filter(({ kept }) => kept),
    ).toHaveLength(1);
  });

  it('are left aside where asked for in code', () => {
    expect(krum({ f: 2 }, { condition: 'computable' }).aggregate(five).vector).toHaveLength(2);
    expect(() => krum({ f: 3 }, { condition: 'computable' }).aggregate(five)).toThrow(/6 vectors would do/);
    expect(() => krum({ f: 1 }, { condition: wrong('none') })).toThrow(/paper or computable/);
  });

  it('refuse options of a wrong type', () => {
    for (const f of [-1, 0.5, Number.NaN, '2', undefined, 2 ** 40])
      expect(() => trimmedMean({ f: wrong(f) })).toThrow(expect.objectContaining({ name: 'UsageError' }));
    expect(() => krum(wrong(undefined))).toThrow(/options must be an object/);
    expect(() => multiKrum({ f: 1, m: 5 }).aggregate(five)).toThrow(/m must be at most n - f = 4/);
    expect(() => nnm(wrong({}))).toThrow(/inner must be an aggregator/);
    expect(() => nnm(median())).toThrow(/needs f/);
    expect(() => nnm(krum({ f: 1 }), { f: 2 })).toThrow(/f = 2 and krum inside it f = 1/);
  });
});

describe('row-major and collected vectors', () => {
  const flat = { values: Float64Array.from(five.flatMap((row) => [...row])), count: 5 };

  it('give what a list gives', () => {
    const rule = nnm(trimmedMean({ f: 1 }));
    const collector = new Collector<Float64Array>({ dimension: 2 });
    for (const row of five) expect(collector.add(row)).toBeUndefined();
    expect(rule.aggregate(flat)).toEqual(rule.aggregate(five));
    expect(rule.aggregate(collector)).toEqual(rule.aggregate(five));
  });

  it('are judged as they arrive', () => {
    const collector = new Collector<FloatVector>({ dimension: 2 });
    collector.add(Float64Array.of(1, Number.POSITIVE_INFINITY));
    for (const row of five) collector.add(row);
    expect(collector.add(new Float64Array(3))).toBe('wrong-size');
    expect(collector.count).toBe(7);
    const given = [Float64Array.of(1, Number.POSITIVE_INFINITY), ...five, new Float64Array(3)];
    const rule = krum({ f: 2 }, { condition: 'computable' });
    expect(rule.aggregate(collector)).toEqual(rule.aggregate(given, { dimension: 2 }));
    expect(() => collector.add(wrong([1, 2]))).toThrow(/vector must be/);
    expect(() => collector.add(new Float32Array(2))).toThrow(/same type/);
    expect(() => new Collector({ dimension: 0 })).toThrow(/dimension/);
  });

  it('give the type they have', () => {
    const narrow = five.map((row) => Float32Array.from(row));
    expect(trimmedMean({ f: 1 }).aggregate(narrow).vector).toBeInstanceOf(Float32Array);
    expect(trimmedMean({ f: 1 }).aggregate(five).vector).toBeInstanceOf(Float64Array);
  });
});

describe('attacks', () => {
  it('refuse wrong options and honest vectors that are not', () => {
    expect(() => infinity().craft(rows([1, 1], [1, Number.NaN]))).toThrow(/honest vectors must be finite/);
    expect(() => infinity().craft([])).toThrow(/one vector at least/);
    expect(() => infinity().craft(five, { count: 0 })).toThrow(/count must be/);
    expect(() => mimic({ client: 5 }).craft(five)).toThrow(/client must be below 5/);
    expect(() => modelReplacement({ target: new Float64Array(1) }).craft(five)).toThrow(/target must have 2/);
    expect(() => optimizedIpm({ against: wrong(1) })).toThrow(/against must be/);
    expect(() => alieZ({ n: 4, f: 3 })).toThrow(/give tau yourself/);
    expect(() => flipLabel({ label: 10, classes: 10 })).toThrow(/label must be/);
    expect(flipLabel({ label: 3, classes: 10 })).toBe(6);
  });

  it('make as many vectors as asked for, in the type of the honest', () => {
    const seed = new Uint8Array(32);
    const { vectors } = gaussian({ sigma: 2 }).craft(five, { count: 3, seed });
    expect(vectors).toHaveLength(3);
    expect(vectors[0]).not.toEqual(vectors[1]);
    expect(gaussian({ sigma: 2 }).craft(five, { count: 3, seed }).vectors).toEqual(vectors);
    expect(
      alie().craft(
        five.map((row) => Float32Array.from(row)),
        { count: 2 },
      ).vectors[0],
    ).toBeInstanceOf(Float32Array);
    expect(infinity().craft(five).vectors).toEqual(rows([Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY]));
  });

  it('replace the mean, where nothing stands against it', () => {
    const honest = rows([1, -1], [-1, 1]);
    const { vectors } = modelReplacement({ target: Float64Array.of(5, 6) }).craft(honest);
    expect([...mean().aggregate([...honest, ...vectors]).vector]).toEqual([5, 6]);
  });
});
