import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PeerError, UsageError } from '../../../src/core/errors.js';
import { definePlan, type PlanInput, parsePlan, planBytes } from '../../../src/fl/index.js';
import { ascii, distributed, full, smallest, text, unmasked } from './fixtures.js';

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

describe('plan bytes', () => {
  it('are canonical JSON', () => {
    expect(text(definePlan(smallest))).toBe(
      '{"clip":{"kind":"none"},"cohort":{"maxClients":10},"combine":{"kind":"mean"},"metrics":[],' +
        '"quantize":{"bits":16,"kind":"stochastic","range":0.5},"vector":{"dimension":10},"version":1,"weight":{"kind":"uniform"}}',
    );
    // What version 1 can't say is version 2, with all fields.
    expect(text(definePlan({ ...smallest, masking: unmasked }))).toBe(
      '{"clip":{"kind":"none"},"cohort":{"maxClients":10},"combine":{"kind":"mean"},"compress":{"kind":"none"},' +
        '"errorFeedback":{"kind":"none"},"masking":{"kind":"none"},"metrics":[],' +
        '"optimizer":{"kind":"fedavg","learningRate":1},"privacy":{"kind":"none"},"quantize":{"bits":16,"kind":"stochastic","range":0.5},' +
        '"rotate":{"kind":"none"},"vector":{"dimension":10},"version":2,"weight":{"kind":"uniform"}}',
    );
  });

  it('say a schedule only where it is none of rounds, so that earlier plans keep their text', () => {
    const rounds = definePlan({ ...smallest, masking: unmasked, schedule: { kind: 'rounds' } });
    expect(text(rounds)).toBe(text(definePlan({ ...smallest, masking: unmasked })));
    const buffers = definePlan({ ...smallest, schedule: { kind: 'buffered', bufferSize: 4, maxStaleness: 7 } });
    expect(text(buffers)).toContain(
      '"schedule":{"bufferSize":4,"kind":"buffered","maxStaleness":7,"staleness":{"exponent":0.5,"kind":"polynomial"}},',
    );
    expect(parsePlan(planBytes(buffers))).toEqual(buffers);
    expect(parsePlan(planBytes(rounds))).toEqual(rounds);
  });

  it("don't depend on the order in which fields are given", () => {
    const reversed = Object.fromEntries(Object.entries(full).reverse()) as unknown as PlanInput;
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
  const rich = text(definePlan(distributed));
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
    ['version 2 of what version 1 can say', good.replace('"version":1', '"version":2'), 'plan.schema'],
    ["version 1 of what it can't", rich.replace('"version":2', '"version":1'), 'plan.schema'],
    ['an assumed field', good.replace('"metrics":', '"masking":{"kind":"pairwise"},"metrics":'), 'plan.canonical'],
    ['a schedule of rounds', rich.replace('"vector":', '"schedule":{"kind":"rounds"},"vector":'), 'plan.canonical'],
    ['a field of version 2 left out', rich.replace('"sampling":{"kind":"none"},', ''), 'plan.canonical'],
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
