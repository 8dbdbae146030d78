import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compressionFrom, layerScales } from '../../../src/fl/compression/index.js';
import { contextOf } from './support.js';

describe('layer scales', () => {
  const spec = { kind: 'layer-scales', layers: [2, 1, 3] } as const;

  it('are the least powers of two that hold the layers', () => {
    const scales = layerScales(spec, Float32Array.of(0.3, -0.6, 4, 0, 0, 0));
    expect([...scales]).toEqual([1, 4, 4]);
    expect([...layerScales(spec, Float32Array.of(0.3, -0.6, 4, 0, 0, 0), 3)]).toEqual([2, 16, 16]);
    expect([...layerScales(spec, new Float32Array(6))]).toEqual([1, 1, 1]);
  });

  it('lose nothing, and bring each layer into [-1, 1]', () => {
    fc.assert(
      fc.property(fc.array(fc.float({ min: -100, max: 100, noNaN: true }), { minLength: 6, maxLength: 6 }), (list) => {
        const update = Float32Array.from(list, (value) => (Math.abs(value) < 1e-20 ? 0 : value));
        const compression = compressionFrom([spec], 6);
        const context = { ...contextOf(1), scales: layerScales(spec, update) };
        const sent = compression.client(update, context);
        expect(sent.every((value) => Math.abs(value) <= 1)).toBe(true);
        expect(Float32Array.from(compression.server(Float64Array.from(sent), context))).toEqual(update);
      }),
    );
  });

  it('refuse other lengths', () => {
    expect(() => layerScales(spec, new Float32Array(5))).toThrow(expect.objectContaining({ code: 'usage.vector' }));
    expect(() => layerScales({ kind: 'layer-scales', layers: [] }, new Float32Array(5))).toThrow(
      expect.objectContaining({ code: 'compression.schema' }),
    );
  });
});
