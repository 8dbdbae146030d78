import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { clientPipeline, definePlan, serverPipeline } from '../../../../src/fl/index.js';
import { clip } from '../../../../src/fl/plan/stages/clip.js';
import { quantizationLimit } from '../../../../src/ring/quantize.js';
import { draws } from '../../../support/draws.js';
import { input, l2 } from '../support.js';

describe('clipping', () => {
  // 31 bits resolve far more than a float32 has, so the norm that was clipped to shows in what is decoded.
  const clipped = (values: Float32Array, norm: number): Float64Array => {
    const plan = definePlan({
      vector: { dimension: values.length },
      cohort: { maxClients: 2 },
      clip: { kind: 'l2', norm },
      quantize: { bits: 31, range: norm },
    });
    const server = serverPipeline(plan);
    return server.combine([server.decode(clientPipeline(plan)(values, { rounding: draws(5) }), 1)]).mean;
  };

  it('bounds the norm, keeps the direction, and leaves short updates and the caller alone', () => {
    fc.assert(
      fc.property(
        fc.array(fc.float({ min: -100, max: 100, noNaN: true }), { minLength: 1, maxLength: 30 }),
        fc.double({ min: 0.1, max: 50, noNaN: true }),
        (list, norm) => {
          const values = Float32Array.from(list);
          const result = clipped(values, norm);
          const length = l2(values);
          const step = norm / quantizationLimit(32);
          expect(l2(result)).toBeLessThanOrEqual(norm + step * values.length);
          const factor = length > norm ? norm / length : 1;
          result.forEach((value, i) => {
            expect(Math.abs(value - (values[i] ?? 0) * factor)).toBeLessThan(norm * 2 ** -21);
          });
          expect(values).toEqual(Float32Array.from(list));
        },
      ),
    );
  });

  // Rule [enc-2] of the protocol.
  it('never lets a norm above C through, in the float32 values that are quantized', () => {
    fc.assert(
      fc.property(
        fc.float32Array({ minLength: 1, maxLength: 200, noNaN: true, noDefaultInfinity: true }),
        fc.double({ min: 2 ** -64, max: 2 ** 64, noNaN: true }),
        (values, norm) => {
          const plan = definePlan({ ...input, clip: { kind: 'l2', norm }, quantize: { bits: 8, range: norm } });
          expect(l2(clip(plan)({ update: values, weight: 1, metrics: [] }).update)).toBeLessThanOrEqual(norm);
        },
      ),
    );
  });

  it("isn't fooled by sums of squares that float32 can't hold", () => {
    const result = clipped(Float32Array.of(3e38, -3e38, 0, 0, 3e38), 1);
    expect(result[0]).toBeCloseTo(1 / Math.sqrt(3), 5);
    expect(result[1]).toBeCloseTo(-1 / Math.sqrt(3), 5);
  });

  it.each([Number.NaN, Number.POSITIVE_INFINITY])('refuses %d with its place', (strange) => {
    expect(() => clipped(Float32Array.of(1, 2, strange), 1)).toThrow(
      expect.objectContaining({ code: 'usage.finite', message: expect.stringContaining('update[2]') }),
    );
  });
});
