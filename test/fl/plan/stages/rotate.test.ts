import { describe, expect, it } from 'vitest';
import { clientPipeline, contributionCheck, definePlan, serverPipeline } from '../../../../src/fl/index.js';
import { draws } from '../../../support/draws.js';

describe('a rotation', () => {
  const rotated = definePlan({
    vector: { dimension: 100 },
    cohort: { maxClients: 8 },
    rotate: { kind: 'hadamard' },
    quantize: { bits: 16, range: 1 },
  });
  const publicSeed = new Uint8Array(32).fill(7);
  const spike = Float32Array.from({ length: 100 }, (_, i) => (i === 3 ? 5 : 0));

  it('lets a small range hold a large coordinate, and is undone', () => {
    const vector = clientPipeline(rotated)(spike, { rounding: draws(2), publicSeed });
    expect(vector.lanes.length).toBe(129);
    const server = serverPipeline(rotated);
    const { mean } = server.combine([server.decode(vector, 1, { publicSeed })]);
    expect(mean.length).toBe(100);
    mean.forEach((value, i) => {
      expect(Math.abs(value - (spike[i] ?? 0))).toBeLessThan(20 / 32767);
    });
  });

  it('takes a seed, and finite values', () => {
    const encode = clientPipeline(rotated);
    expect(() => encode(spike, { rounding: draws(2) })).toThrow(expect.objectContaining({ code: 'usage.options' }));
    expect(() => encode(spike, { rounding: draws(2), publicSeed: new Uint8Array(31) })).toThrow(
      expect.objectContaining({ code: 'usage.bytes' }),
    );
    const strange = spike.map((value, i) => (i === 9 ? Number.NaN : value));
    expect(() => encode(strange, { rounding: draws(2), publicSeed })).toThrow('update[9]');
    expect(() => contributionCheck(rotated)(strange, {})).toThrow('update[9]');
    expect(() => contributionCheck(rotated)(spike.subarray(1), {})).toThrow(
      expect.objectContaining({ code: 'usage.vector' }),
    );
  });
});
