import fc from 'fast-check';
import { describe, expect, expectTypeOf, it } from 'vitest';
import { PeerError, UsageError } from '../../src/core/errors.js';
import {
  definePlan,
  type Plan,
  type PlanFields,
  type PlanInput,
  parsePlan,
  planBytes,
  ringShape,
  rules,
} from '../../src/fl/index.js';

const smallest: PlanInput = {
  vector: { dimension: 10 },
  cohort: { maxClients: 10 },
  quantize: { bits: 16, range: 0.5 },
};

const full: PlanFields = {
  version: 1,
  vector: { dimension: 50_890 },
  cohort: { maxClients: 100 },
  weight: { kind: 'examples', max: 500 },
  clip: { kind: 'l2', norm: 5 },
  quantize: { kind: 'stochastic', bits: 12, range: 0.5 },
  metrics: [
    { name: 'correct', max: 500 },
    { name: 'loss_hundredths', max: 200_000 },
  ],
  combine: { kind: 'mean' },
};

const ascii = (text: string): Uint8Array => Uint8Array.from(text, (character) => character.charCodeAt(0));
const text = (plan: Plan): string => String.fromCharCode(...planBytes(plan));

const lawful: fc.Arbitrary<PlanInput> = fc
  .record({
    dimension: fc.integer({ min: 1, max: 2 ** 27 }),
    maxClients: fc.integer({ min: 2, max: 2 ** 12 }),
    bits: fc.integer({ min: 2, max: 12 }),
    range: fc.double({ min: 2 ** -64, max: 2 ** 60, noNaN: true }),
    clipBy: fc.option(fc.double({ min: 1, max: 8, noNaN: true })),
    weightMax: fc.option(fc.integer({ min: 1, max: 256 })),
    names: fc.uniqueArray(fc.stringMatching(/^[a-z][a-z0-9_]{0,31}$/), { maxLength: 64 }),
  })
  .map(({ dimension, maxClients, bits, range, clipBy, weightMax, names }) => ({
    vector: { dimension },
    cohort: { maxClients },
    weight: weightMax === null ? { kind: 'uniform' } : { kind: 'examples', max: weightMax },
    clip: clipBy === null ? { kind: 'none' } : { kind: 'l2', norm: range * clipBy },
    quantize: { bits, range },
    metrics: names.map((name) => ({ name, max: 1 })),
  }));

describe('definePlan', () => {
  it('fills in what is assumed', () => {
    expect(definePlan(smallest)).toEqual({
      version: 1,
      vector: { dimension: 10 },
      cohort: { maxClients: 10 },
      weight: { kind: 'uniform' },
      clip: { kind: 'none' },
      quantize: { kind: 'stochastic', bits: 16, range: 0.5 },
      metrics: [],
      combine: { kind: 'mean' },
    });
  });

  it('copies and freezes', () => {
    const input = structuredClone(full);
    const plan = definePlan(input);
    expect(plan).toEqual(full);
    (input.metrics as unknown[]).pop();
    (input.vector as { dimension: number }).dimension = 1;
    expect(plan).toEqual(full);
    for (const part of [plan, plan.vector, plan.metrics, plan.metrics[0], plan.weight, plan.clip, plan.quantize])
      expect(Object.isFrozen(part)).toBe(true);
  });

  it('is the only way to a Plan, besides parsePlan', () => {
    expectTypeOf<PlanFields>().not.toExtend<Plan>();
    expectTypeOf<Plan>().toExtend<PlanFields>();
    // @ts-expect-error fields that nobody checked
    expect(ringShape(full)).toEqual({ bits: 28, length: 50_893 });
  });

  it.each<[string, unknown, string]>([
    ['nothing', undefined, 'Expected Object'],
    ['null', null, 'Expected Object'],
    ['text', 'plan', 'Expected Object'],
    ['an array', [], 'Expected'],
    ['an empty object', {}, 'vector'],
    ['an unknown field', { ...smallest, noise: 1 }, 'noise'],
    ['an unknown field inside', { ...smallest, vector: { dimension: 1, shape: [1] } }, 'vector.shape'],
    ['another version', { ...smallest, version: 2 }, 'version'],
    ['a text version', { ...smallest, version: '1' }, 'version'],
    ['no dimension', { ...smallest, vector: {} }, 'vector.dimension'],
    ['dimension 0', { ...smallest, vector: { dimension: 0 } }, 'vector.dimension'],
    ['a fractional dimension', { ...smallest, vector: { dimension: 1.5 } }, 'vector.dimension'],
    ['a huge dimension', { ...smallest, vector: { dimension: 2 ** 40 } }, 'vector.dimension'],
    ['no clients', { ...smallest, cohort: { maxClients: 0 } }, 'cohort.maxClients'],
    ['one client', { ...smallest, cohort: { maxClients: 1 } }, 'cohort.maxClients'],
    ['endless clients', { ...smallest, cohort: { maxClients: Number.POSITIVE_INFINITY } }, 'cohort.maxClients'],
    ['1 bit', { ...smallest, quantize: { bits: 1, range: 1 } }, 'quantize.bits'],
    ['33 bits', { ...smallest, quantize: { bits: 33, range: 1 } }, 'quantize.bits'],
    ['range 0', { ...smallest, quantize: { bits: 8, range: 0 } }, 'quantize.range'],
    ['a negative range', { ...smallest, quantize: { bits: 8, range: -1 } }, 'quantize.range'],
    ['a NaN range', { ...smallest, quantize: { bits: 8, range: Number.NaN } }, 'quantize.range'],
    ['an infinite range', { ...smallest, quantize: { bits: 8, range: Number.POSITIVE_INFINITY } }, 'quantize.range'],
    ['a range that float32 lacks', { ...smallest, quantize: { bits: 8, range: 1e-300 } }, 'quantize.range'],
    ['an unknown weight', { ...smallest, weight: { kind: 'loss', max: 1 } }, 'weight'],
    ['weight 0 at most', { ...smallest, weight: { kind: 'examples', max: 0 } }, 'weight.max'],
    ['uniform with a maximum', { ...smallest, weight: { kind: 'uniform', max: 3 } }, 'weight.max'],
    ['an unknown clip', { ...smallest, clip: { kind: 'l1', norm: 1 } }, 'clip'],
    ['clip norm 0', { ...smallest, clip: { kind: 'l2', norm: 0 } }, 'clip.norm'],
    ['an unknown combine', { ...smallest, combine: { kind: 'median' } }, 'combine'],
    ['metrics as an object', { ...smallest, metrics: {} }, 'metrics'],
    ['65 metrics', { ...smallest, metrics: Array(65).fill({ name: 'a', max: 1 }) }, 'metrics'],
    ['a metric without maximum', { ...smallest, metrics: [{ name: 'a' }] }, 'metrics.0.max'],
    ['a metric name with a capital', { ...smallest, metrics: [{ name: 'A', max: 1 }] }, 'metrics.0.name'],
    ['a metric name __proto__', { ...smallest, metrics: [{ name: '__proto__', max: 1 }] }, 'metrics.0.name'],
    ['an empty metric name', { ...smallest, metrics: [{ name: '', max: 1 }] }, 'metrics.0.name'],
    ['a long metric name', { ...smallest, metrics: [{ name: 'a'.repeat(33), max: 1 }] }, 'metrics.0.name'],
  ])('refuses %s and says where', (_, input, where) => {
    const call = () => definePlan(input as PlanInput);
    expect(call).toThrow(UsageError);
    expect(call).toThrow(expect.objectContaining({ code: 'plan.schema' }));
    expect(call).toThrow(where);
  });
});

describe('the rules', () => {
  const cases: Record<string, PlanInput[]> = {
    'sum-wraps': [
      { ...smallest, cohort: { maxClients: 2 ** 16 + 1 } },
      { ...smallest, weight: { kind: 'examples', max: 6554 } },
      { ...smallest, cohort: { maxClients: 2 ** 20 }, weight: { kind: 'examples', max: 2 ** 32 - 1 } },
      { ...smallest, cohort: { maxClients: 2 }, quantize: { bits: 32, range: 1 } },
    ],
    'metric-wraps': [
      {
        ...smallest,
        metrics: [
          { name: 'fits', max: 1 },
          { name: 'wraps', max: 104_858 },
        ],
      },
      { ...smallest, metrics: [{ name: 'wraps', max: 2 ** 32 - 1 }] },
    ],
    'metric-repeated': [
      {
        ...smallest,
        metrics: [
          { name: 'a', max: 1 },
          { name: 'b', max: 1 },
          { name: 'a', max: 2 },
        ],
      },
    ],
    'range-beyond-clip': [{ ...smallest, clip: { kind: 'l2', norm: 0.4999 } }],
  };

  it('have a case each, and say what, why and what instead', () => {
    expect(Object.keys(cases).sort()).toEqual(rules.map((rule) => rule.id).sort());
    for (const { what, why, instead } of rules) for (const said of [what, why, instead]) expect(said).toMatch(/\w{3}/);
  });

  it.each(rules)('$id', ({ id, what, why, instead }) => {
    for (const input of cases[id] ?? []) {
      const call = () => definePlan(input);
      expect(call).toThrow(UsageError);
      expect(call).toThrow(expect.objectContaining({ code: `plan.${id}` }));
      for (const said of [what, why, instead]) expect(call).toThrow(said);
    }
  });

  it('bind a server as well', () => {
    const bytes = ascii(text(definePlan(smallest)).replace('"maxClients":10', '"maxClients":65537'));
    expect(() => parsePlan(bytes)).toThrow(PeerError);
    expect(() => parsePlan(bytes)).toThrow(expect.objectContaining({ code: 'plan.sum-wraps' }));
  });

  it('let through what just fits', () => {
    definePlan({ ...smallest, cohort: { maxClients: 2 ** 16 } });
    definePlan({ ...smallest, weight: { kind: 'examples', max: 6553 } });
    definePlan({ ...smallest, metrics: [{ name: 'a', max: 104_857 }] });
    definePlan({ ...smallest, clip: { kind: 'l2', norm: 0.5 } });
    definePlan({ ...smallest, cohort: { maxClients: 2 }, quantize: { bits: 31, range: 1 } });
  });
});

describe('plan bytes', () => {
  it('are canonical JSON', () => {
    expect(text(definePlan(smallest))).toBe(
      '{"clip":{"kind":"none"},"cohort":{"maxClients":10},"combine":{"kind":"mean"},"metrics":[],' +
        '"quantize":{"bits":16,"kind":"stochastic","range":0.5},"vector":{"dimension":10},"version":1,"weight":{"kind":"uniform"}}',
    );
  });

  it("don't depend on the order in which fields are given", () => {
    const reversed = Object.fromEntries(Object.entries(full).reverse()) as unknown as PlanFields;
    expect(planBytes(definePlan(reversed))).toEqual(planBytes(definePlan(full)));
  });

  it('are parsed to the same plan, and the same bytes again', () => {
    fc.assert(
      fc.property(lawful, (input) => {
        const plan = definePlan(input);
        const parsed = parsePlan(planBytes(plan));
        expect(parsed).toEqual(plan);
        expect(Object.isFrozen(parsed.quantize)).toBe(true);
        expect(planBytes(parsed)).toEqual(planBytes(plan));
      }),
    );
  });

  it('are refused or unchanged in meaning, whichever bit flips', () => {
    const bytes = planBytes(definePlan(full));
    for (let bit = 0; bit < 8 * bytes.length; bit += 1) {
      const flipped = bytes.slice();
      flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      try {
        // Another lawful plan, in other bytes: the hash tells them apart.
        expect(planBytes(parsePlan(flipped))).toEqual(flipped);
      } catch (error) {
        expect(error).toBeInstanceOf(PeerError);
      }
    }
  });
});

describe('hostile plan bytes', () => {
  const good = text(definePlan(full));
  const nested = (open: string, depth: number): string => open.repeat(depth);
  it.each<[string, string | Uint8Array, string]>([
    ['nothing', '', 'plan.length'],
    ['17 KiB', `${good}${' '.repeat(17 * 1024)}`, 'plan.length'],
    ['100 MB', new Uint8Array(100_000_000), 'plan.length'],
    ['no JSON', 'plan', 'plan.json'],
    ['half of it', good.slice(0, good.length / 2), 'plan.json'],
    ['two of it', good + good, 'plan.json'],
    ['deep arrays', nested('[', 16_384), 'plan.json'],
    ['deep, closed arrays', nested('[', 8192) + nested(']', 8192), 'plan.schema'],
    ['deep objects', nested('{"a":', 3000), 'plan.json'],
    ['deep, closed objects', `${nested('{"a":', 2500)}1${nested('}', 2500)}`, 'plan.schema'],
    ['deep inside', good.replace('"metrics":[', `"metrics":[${nested('[', 7000)}${nested(']', 7000)},`), 'plan.schema'],
    ['many metrics', good.replace(/"metrics":\[.*?\]/, `"metrics":[${'0,'.repeat(7000)}0]`), 'plan.schema'],
    ['null', 'null', 'plan.schema'],
    ['a number', '1', 'plan.schema'],
    ['an own __proto__', good.replace('{', '{"__proto__":{"dimension":1},'), 'plan.schema'],
    ['__proto__ inside', good.replace('"vector":{', '"vector":{"__proto__":{},'), 'plan.schema'],
    ['a constructor', good.replace('{', '{"constructor":{},'), 'plan.schema'],
    ['NaN', good.replace('"range":0.5', '"range":NaN'), 'plan.json'],
    ['Infinity', good.replace('"range":0.5', '"range":1e999'), 'plan.schema'],
    ['a key twice', good.replace('"range":0.5', '"range":0.25,"range":0.5'), 'plan.canonical'],
    ['an object twice', good.replace('"vector":', '"vector":{"dimension":1},"vector":'), 'plan.canonical'],
    ['whitespace', good.replace(',', ', '), 'plan.canonical'],
    ['a final newline', `${good}\n`, 'plan.encoding'],
    ['a zero too many', good.replace('0.5', '0.50'), 'plan.canonical'],
    ['an exponent', good.replace('50890', '5.089e4'), 'plan.canonical'],
    ['an escape', good.replace('"correct"', '"corr\\u0065ct"'), 'plan.canonical'],
    [
      'unsorted keys',
      good.replace('"kind":"stochastic","range":0.5', '"range":0.5,"kind":"stochastic"'),
      'plan.canonical',
    ],
    ['a default left out', good.replace('"combine":{"kind":"mean"},', ''), 'plan.canonical'],
    ['a byte-order mark', Uint8Array.of(0xef, 0xbb, 0xbf, ...ascii(good)), 'plan.encoding'],
    ['UTF-8', ascii(good.replace('correct', 'corr\u00e9ct')), 'plan.encoding'],
    ['a NUL', ascii(good.replace('correct', 'corr\u0000ct')), 'plan.encoding'],
  ])('%s', (_, hostile, code) => {
    const bytes = typeof hostile === 'string' ? ascii(hostile) : hostile;
    const start = performance.now();
    const call = () => parsePlan(bytes);
    expect(call).toThrow(PeerError);
    expect(call).toThrow(expect.objectContaining({ code }));
    expect(performance.now() - start).toBeLessThan(500);
    try {
      call();
    } catch (error) {
      expect((error as Error).message.length).toBeLessThan(500);
    }
    expect(({} as { dimension?: number }).dimension).toBeUndefined();
  });

  it.each([undefined, null, good, [1], new Uint16Array(4)])("isn't even bytes: %s", (value) => {
    expect(() => parsePlan(value as unknown as Uint8Array)).toThrow(UsageError);
  });
});
