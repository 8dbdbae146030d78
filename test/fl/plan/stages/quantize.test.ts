import { describe, expect, it } from 'vitest';
import { clientPipeline, definePlan, ringShape, serverPipeline } from '../../../../src/fl/index.js';
import { asPlain, type PlainVector, zeroVector } from '../../../../src/ring/vector.js';
import { draws } from '../../../support/draws.js';

describe('a norm bound', () => {
  const strict = definePlan({
    vector: { dimension: 3 },
    cohort: { maxClients: 8 },
    masking: { kind: 'none' },
    clip: { kind: 'l2', norm: 1 },
    quantize: { bits: 16, range: 1 },
  });
  const { bits, length } = ringShape(strict);
  const sumWith = (weight: number, ...values: readonly number[]): PlainVector => {
    const sum = asPlain(zeroVector(bits, length));
    values.forEach((value, i) => {
      sum.lanes[i] = value;
    });
    sum.lanes[3] = weight;
    return sum;
  };

  it('catches a client that did not clip, and nobody who did', () => {
    const server = serverPipeline(strict);
    expect(() => server.decode(sumWith(1, 32767, 32767, 0), 1)).toThrow(expect.objectContaining({ code: 'sum.norm' }));
    expect(() => server.decode(sumWith(2, 65534, 65534, 0), 2)).toThrow(expect.objectContaining({ code: 'sum.norm' }));
    server.decode(sumWith(2, 65534, 0, 0), 2);
    const encode = clientPipeline(strict);
    for (let seed = 0; seed < 200; seed += 1)
      server.decode(encode(Float32Array.of(3, 3, 3), { rounding: draws(seed) }), 1);
  });
});
