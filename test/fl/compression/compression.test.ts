import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { UsageError } from '../../../src/core/errors.js';
import {
  type CompressionInput,
  compressionFrom,
  defineCompression,
  encodeTopK,
  wireBytes,
  wireLength,
} from '../../../src/fl/compression/index.js';
import { pack } from '../../../src/ring/pack.js';
import { decodeSum, quantize, ringBitsFor } from '../../../src/ring/quantize.js';
import { addInto, asPlain, zeroVector } from '../../../src/ring/vector.js';
import { contextFor, dimension, heavyTailed, roundingFrom, sumOf } from './support.js';

const single: readonly CompressionInput[] = [
  { kind: 'layer-scales', layers: [4, 20] },
  { kind: 'pruning-mask', fraction: 0.5 },
  { kind: 'random-k', fraction: 0.25 },
  { kind: 'random-k', fraction: 0.25, scaling: 'keep' },
  { kind: 'random-k', fraction: 0.8 },
  { kind: 'count-sketch', rows: 3, columns: 4, top: 5 },
  { kind: 'rotate' },
  { kind: 'rotate', pad: true },
  { kind: 'quantize', bits: 4, range: 2 },
  { kind: 'quantize', bits: 16, range: 2 },
  { kind: 'sign-vote' },
  { kind: 'top-k', fraction: 0.1 },
];
const lists: readonly (readonly CompressionInput[])[] = [
  [],
  ...single.map((spec) => [spec]),
  [
    { kind: 'pruning-mask', fraction: 0.75 },
    { kind: 'random-k', fraction: 0.5 },
    { kind: 'rotate' },
    { kind: 'quantize', bits: 8, range: 4 },
  ],
  [{ kind: 'layer-scales', layers: [20, 4] }, { kind: 'rotate' }],
];

const integers = fc.array(fc.integer({ min: -1000, max: 1000 }), { minLength: dimension, maxLength: dimension });

describe('every compression', () => {
  it('has the length that its spec says, whatever the values', () => {
    for (const list of lists) {
      const compression = compressionFrom(list, dimension);
      for (const seed of [1, 2, 3]) {
        const context = contextFor(compression, seed);
        const sent = compression.client(heavyTailed(dimension, seed), context);
        expect(sent).toHaveLength(compression.length);
        expect(compression.server(Float64Array.from(sent), context)).toHaveLength(dimension);
      }
    }
  });

  it('has the exact size on the wire, packed', () => {
    for (const spec of single) {
      const compression = compressionFrom([spec], dimension);
      expect(wireLength(spec, dimension)).toBe(compression.length);
      const values = heavyTailed(dimension, 3);
      if (spec.kind === 'top-k') {
        expect(wireBytes([spec], dimension, 32)).toBe(encodeTopK(spec, values).length);
        continue;
      }
      const ringBits = ringBitsFor({ bits: compression.integers?.bits ?? 8, maxClients: 10, maxWeight: 1 });
      const sent = compression.client(values, contextFor(compression, 1));
      const { bits, range } = compression.integers ?? { bits: 8, range: 100 };
      const words = roundingFrom(1)(sent.length);
      const vector = quantize(sent, { bits, range, weight: 1, rounding: words, ringBits });
      expect(wireBytes([spec], dimension, ringBits)).toBe(pack(vector).length);
    }
  });

  it('has lengths worked by hand', () => {
    expect(single.map((spec) => wireLength(spec, dimension))).toEqual([24, 12, 6, 6, 19, 12, 24, 32, 24, 24, 24, 24]);
    expect(
      wireBytes(
        [
          { kind: 'random-k', fraction: 0.25 },
          { kind: 'quantize', bits: 4, range: 1 },
        ],
        24,
        8,
      ),
    ).toBe(6);
    // 2 indices of 5 bits and 2 values of 4 bytes.
    expect(wireBytes([{ kind: 'top-k', fraction: 0.1 }], 24, 32)).toBe(2 + 8);
    expect(wireLength({ kind: 'random-k', fraction: 1e-9 }, 24)).toBe(1);
    expect(wireLength({ kind: 'random-k', fraction: 1 }, 24)).toBe(24);
  });

  it('compresses the sum to the sum of the compressed, exactly, where it says that it is linear', () => {
    const claims = lists.map((list) => compressionFrom(list, dimension)).filter(({ linear }) => linear);
    // Rotation is linear up to float rounding, and has a test of its own in test/ring/rotate.test.ts.
    const exact = claims.filter(({ specs }) => specs.every((spec) => spec.kind !== 'rotate'));
    expect(exact.length).toBeGreaterThan(4);
    fc.assert(
      fc.property(integers, integers, fc.nat(50), (a, b, seed) => {
        for (const compression of exact) {
          const context = contextFor(compression, seed);
          const [first, second, both] = [a, b, a.map((value, i) => value + (b[i] ?? 0))].map((values) =>
            compression.client(Float32Array.from(values), context),
          );
          expect(first?.map((value, i) => value + (second?.[i] ?? 0))).toEqual(both);
        }
      }),
    );
  });

  it('fails that test where it says that it is not linear', () => {
    for (const spec of [{ kind: 'sign-vote' }, { kind: 'top-k', fraction: 0.1 }] as const) {
      const compression = compressionFrom([spec], dimension);
      expect(compression.linear).toBe(false);
      const [a, b] = [heavyTailed(dimension, 1), heavyTailed(dimension, 2)];
      const context = contextFor(compression, 1);
      const sum = compression.client(a, context).map((value, i) => value + (compression.client(b, context)[i] ?? 0));
      expect(
        compression.client(
          a.map((value, i) => value + (b[i] ?? 0)),
          context,
        ),
      ).not.toEqual(sum);
    }
  });

  it('comes through the ring as the sum of the integers that clients gave', () => {
    for (const list of lists) {
      const compression = compressionFrom(list, dimension);
      if (compression.integers === undefined) continue;
      const { bits, range } = compression.integers;
      const clients = 9;
      const ringBits = ringBitsFor({ bits, maxClients: clients, maxWeight: 1 });
      const sum = asPlain(zeroVector(ringBits, compression.length));
      const sent = Array.from({ length: clients }, (_, client) =>
        compression.client(heavyTailed(dimension, client), contextFor(compression, 7, client)),
      );
      for (const values of sent) {
        expect(values.every(Number.isInteger)).toBe(true);
        const rounding = new Uint32Array(values.length).fill(2 ** 32 - 1);
        addInto(sum, quantize(values, { bits, range, weight: 1, rounding, ringBits }));
      }
      expect([...decodeSum(sum)]).toEqual([...sumOf(sent)].map((value) => value + 0));
    }
  });

  it('leaves the update as it was', () => {
    for (const list of lists) {
      const compression = compressionFrom(list, dimension);
      const update = heavyTailed(dimension, 4);
      const context = contextFor(compression, 2);
      const sent = compression.client(update, context);
      const sum = Float64Array.from(sent);
      compression.server(sum, context);
      expect(update).toEqual(heavyTailed(dimension, 4));
      expect(sum).toEqual(Float64Array.from(sent));
    }
  });

  it('is the same for the same seed and round, and another for another', () => {
    for (const list of lists) {
      const compression = compressionFrom(list, dimension);
      const context = contextFor(compression, 2);
      const update = heavyTailed(dimension, 9).map((value) => value + 1);
      const send = (seed: Uint8Array, round: number): string =>
        JSON.stringify([...compression.client(update, { ...context, seed, round, rounding: roundingFrom(1) })]);
      const first = send(context.seed, 2);
      expect(send(context.seed, 2)).toBe(first);
      const seeded = list.some(({ kind }) => ['random-k', 'count-sketch', 'rotate'].includes(kind));
      expect(send(context.seed, 3) === first).toBe(!seeded);
      expect(send(new Uint8Array(32), 2) === first).toBe(!seeded);
    }
  });

  const bad = [
    ['an array', [1, 2], 'usage.floats'],
    ['doubles', new Float64Array(dimension), 'usage.floats'],
    ['nothing', undefined, 'usage.floats'],
    ['an empty update', new Float32Array(0), 'usage.vector'],
    ['one value too many', new Float32Array(dimension + 1), 'usage.vector'],
    ['NaN', new Float32Array(dimension).fill(Number.NaN), 'usage.finite'],
    ['infinity', new Float32Array(dimension).fill(Number.NEGATIVE_INFINITY), 'usage.finite'],
  ] as const;
  it.each(bad)('refuses %s', (_, update, code) => {
    for (const list of lists) {
      const compression = compressionFrom(list, dimension);
      expect(() => compression.client(update as Float32Array, contextFor(compression, 1))).toThrow(
        expect.objectContaining({ code }),
      );
    }
  });

  it.each([
    ['single precision', new Float32Array(dimension), 'usage.floats'],
    ['another length', new Float64Array(dimension + 1), 'usage.vector'],
    ['NaN', new Float64Array(dimension).fill(Number.NaN), 'usage.finite'],
  ] as const)('refuses a sum of %s', (_, sum, code) => {
    for (const list of lists) {
      const compression = compressionFrom(list, dimension);
      const given = sum.length === dimension ? sum.subarray(0, Math.min(dimension, compression.length)) : sum;
      if (code === 'usage.finite' && given.length !== compression.length) continue;
      expect(() => compression.server(given as Float64Array, contextFor(compression, 1))).toThrow(
        expect.objectContaining({ code }),
      );
    }
  });
});

describe('specs', () => {
  it('survive JSON', () => {
    for (const input of [...single, { kind: 'error-feedback' } as const]) {
      const spec = defineCompression(input);
      expect(defineCompression(JSON.parse(JSON.stringify(spec)) as CompressionInput)).toEqual(spec);
      expect(Object.isFrozen(spec)).toBe(true);
    }
  });

  it.each([
    ['nothing', undefined, 'compression.kind'],
    ['an unknown kind', { kind: 'zip' }, 'compression.kind'],
    ['a kind of every object', { kind: 'toString' }, 'compression.kind'],
    ['an unknown field', { kind: 'rotate', seed: 1 }, 'compression.schema'],
    ['3 bits', { kind: 'quantize', bits: 3, range: 1 }, 'compression.schema'],
    ['17 bits', { kind: 'quantize', bits: 17, range: 1 }, 'compression.schema'],
    ['no range', { kind: 'quantize', bits: 8 }, 'compression.schema'],
    ['fraction 0', { kind: 'random-k', fraction: 0 }, 'compression.schema'],
    ['more than all', { kind: 'top-k', fraction: 1.1 }, 'compression.schema'],
    ['even rows', { kind: 'count-sketch', rows: 2, columns: 4, top: 1 }, 'compression.schema'],
    ['3 columns', { kind: 'count-sketch', rows: 1, columns: 3, top: 1 }, 'compression.schema'],
    ['no layers', { kind: 'layer-scales', layers: [] }, 'compression.schema'],
    ['an empty layer', { kind: 'layer-scales', layers: [0] }, 'compression.schema'],
    ['decay 1', { kind: 'error-feedback', decay: 1 }, 'compression.schema'],
    ['a vote for infinity', { kind: 'sign-vote', magnitude: Number.POSITIVE_INFINITY }, 'compression.schema'],
  ])('refuse %s', (_, input, code) => {
    expect(() => defineCompression(input as CompressionInput)).toThrow(UsageError);
    expect(() => defineCompression(input as CompressionInput)).toThrow(expect.objectContaining({ code }));
  });

  it.each<[string, readonly CompressionInput[]]>([
    ['something after integers', [{ kind: 'quantize', bits: 8, range: 1 }, { kind: 'rotate' }]],
    ['something after votes', [{ kind: 'sign-vote' }, { kind: 'random-k', fraction: 0.5 }]],
    ['top-k after something', [{ kind: 'rotate' }, { kind: 'top-k', fraction: 0.5 }]],
    [
      'something after top-k',
      [
        { kind: 'top-k', fraction: 0.5 },
        { kind: 'quantize', bits: 8, range: 1 },
      ],
    ],
    ['late error feedback', [{ kind: 'rotate' }, { kind: 'error-feedback' }]],
    ['layers of another length', [{ kind: 'layer-scales', layers: [24, 1] }]],
    ['layers after a rotation', [{ kind: 'rotate' }, { kind: 'layer-scales', layers: [24] }]],
  ])('refuse %s', (_, list) => {
    expect(() => compressionFrom(list, dimension)).toThrow(expect.objectContaining({ code: 'compression.order' }));
  });

  it('refuse what is no list or no dimension', () => {
    expect(() => compressionFrom('rotate' as unknown as [], 4)).toThrow(
      expect.objectContaining({ code: 'usage.options' }),
    );
    for (const wrong of [0, -1, 0.5, 2 ** 28 + 1, Number.NaN, undefined])
      expect(() => compressionFrom([], wrong as number)).toThrow(expect.objectContaining({ code: 'usage.range' }));
  });
});
