import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { definePlan, type Plan, planCost, ringShape } from '../../../src/fl/index.js';
import { clientPipeline } from '../../../src/fl/plan/pipeline.js';
import { plainInputCoding } from '../../../src/fl/plan/plain-input.js';
import { pack, packedLength } from '../../../src/ring/pack.js';
import { plainVector } from '../../../src/ring/vector.js';
import { smallest, unmasked } from './fixtures.js';

const planOf = (dimension: number, fraction: number, bits = 12): Plan =>
  definePlan({
    ...smallest,
    vector: { dimension },
    quantize: { bits, range: 1 },
    weight: { kind: 'examples', max: 100 },
    metrics: [{ name: 'right', max: 100 }],
    masking: unmasked,
    compress: { kind: 'top-k', fraction },
  });

const rounding = (words: number): Uint32Array => new Uint32Array(words).fill(2 ** 31);

describe('inputs in the clear', () => {
  it('come back as they were, in the length that is said', () => {
    fc.assert(
      fc.property(
        fc.array(fc.float({ min: -1, max: 1, noNaN: true }), { minLength: 1, maxLength: 300 }),
        fc.double({ min: 0.001, max: 1, noNaN: true }),
        (values, fraction) => {
          const plan = planOf(values.length, fraction);
          const coding = plainInputCoding(plan);
          const contribution = { weight: 7, metrics: { right: 5 }, rounding, publicSeed: new Uint8Array(32) };
          const vector = clientPipeline(plan)(Float32Array.from(values), contribution);
          const bytes = coding.encode(vector);
          expect(bytes.length).toBe(coding.length);
          expect(pack(coding.decode(bytes))).toEqual(pack(vector));
        },
      ),
    );
  });

  it('under top-k take the places that it kept, and never more than all', () => {
    const dimension = 10_000;
    const whole = plainInputCoding(definePlan({ ...smallest, vector: { dimension }, masking: unmasked })).length;
    const plan = planOf(dimension, 0.05);
    const { bits } = ringShape(plan);
    // 14 bits say which of 10,000.
    expect(plainInputCoding(plan).length).toBe(packedLength(14, 500) + packedLength(bits, 502));
    expect(plainInputCoding(plan).length).toBeLessThan(whole / 8);
    const most = planOf(dimension, 0.9);
    expect(plainInputCoding(most).length).toBe(packedLength(bits, dimension + 2));
    expect(planCost(plan).client.inputBytes).toBe(plainInputCoding(plan).length);
  });

  it('without top-k are packed as they would be masked', () => {
    const coding = plainInputCoding(definePlan({ ...smallest, vector: { dimension: 50_890 }, masking: unmasked }));
    const { bits, length } = ringShape(definePlan({ ...smallest, vector: { dimension: 50_890 } }));
    expect(coding.length).toBe(packedLength(bits, length));
  });

  it('are refused where no client could have made them', () => {
    const plan = planOf(200, 0.02); // 4 places of 8 bits each
    const coding = plainInputCoding(plan);
    const { bits, length } = ringShape(plan);
    const bytes = coding.encode(plainVector(bits, new Uint32Array(length).fill(1, 100, 104)));
    expect([...bytes.subarray(0, 4)]).toEqual([100, 101, 102, 103]);
    const changed = (...places: readonly number[]): Uint8Array => {
      const copy = bytes.slice();
      copy.set(places);
      return copy;
    };
    const wrongly = (fault: object): unknown => expect.objectContaining(fault);
    for (const places of [
      [100, 100, 101, 102],
      [101, 100, 102, 103],
      [0, 1, 2, 200],
      [255, 255, 255, 255],
    ])
      expect(() => coding.decode(changed(...places))).toThrow(wrongly({ code: 'compression.index' }));
    expect(() => coding.decode(bytes.slice(1))).toThrow(wrongly({ code: 'input.length' }));
    expect(() => coding.decode(new Uint8Array(1000))).toThrow(wrongly({ code: 'input.length' }));
    expect(() => Reflect.apply(coding.decode, undefined, ['bytes'])).toThrow(wrongly({ code: 'usage.bytes' }));
    const padded = bytes.slice();
    padded[padded.length - 1] = 0xff;
    expect(() => coding.decode(padded)).toThrow(wrongly({ code: 'input.padding' }));
    const shape = wrongly({ code: 'input.shape' });
    expect(() => coding.encode(plainVector(bits, new Uint32Array(length + 1)))).toThrow(shape);
    expect(() => coding.encode(plainVector(bits, new Uint32Array(length).fill(1)))).toThrow(shape);
  });
});
