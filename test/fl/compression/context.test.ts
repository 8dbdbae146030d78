import { describe, expect, it } from 'vitest';
import { type CompressionContext, type CompressionInput, compressionFrom } from '../../../src/fl/compression/index.js';
import { contextFor, dimension } from './support.js';

describe('contexts', () => {
  const good = contextFor({ specs: [] }, 1);
  const update = new Float32Array(dimension);
  it.each<[string, CompressionInput, Record<string, unknown> | undefined, string]>([
    ['no context', { kind: 'rotate' }, undefined, 'usage.options'],
    ['no seed', { kind: 'rotate' }, { seed: undefined }, 'usage.bytes'],
    ['a short seed', { kind: 'random-k', fraction: 0.5 }, { seed: new Uint8Array(31) }, 'usage.bytes'],
    ['a negative round', { kind: 'count-sketch', rows: 1, columns: 2, top: 1 }, { round: -1 }, 'usage.range'],
    ['a huge round', { kind: 'rotate' }, { round: 2 ** 32 }, 'usage.range'],
    ['no rounding', { kind: 'quantize', bits: 8, range: 1 }, { rounding: undefined }, 'compression.context'],
    [
      'too little rounding',
      { kind: 'quantize', bits: 8, range: 1 },
      { rounding: () => new Uint32Array(1) },
      'usage.vector',
    ],
    ['no scales', { kind: 'layer-scales', layers: [4, 20] }, { scales: undefined }, 'compression.context'],
    [
      'too few scales',
      { kind: 'layer-scales', layers: [4, 20] },
      { scales: new Float32Array(1) },
      'compression.context',
    ],
    ['a zero scale', { kind: 'layer-scales', layers: [4, 20] }, { scales: new Float32Array(2) }, 'compression.scales'],
    [
      'a NaN scale',
      { kind: 'layer-scales', layers: [4, 20] },
      { scales: Float32Array.of(1, Number.NaN) },
      'compression.scales',
    ],
    ['no mask', { kind: 'pruning-mask', fraction: 0.5 }, { mask: undefined }, 'compression.context'],
    ['a short mask', { kind: 'pruning-mask', fraction: 0.5 }, { mask: new Uint8Array(2) }, 'compression.context'],
    ['an empty mask', { kind: 'pruning-mask', fraction: 0.5 }, { mask: new Uint8Array(3) }, 'compression.mask'],
    ['a full mask', { kind: 'pruning-mask', fraction: 0.5 }, { mask: new Uint8Array(3).fill(255) }, 'compression.mask'],
    ['no residual', { kind: 'error-feedback' }, { residual: undefined }, 'compression.context'],
    ['a short residual', { kind: 'error-feedback' }, { residual: new Float32Array(1) }, 'compression.context'],
  ])('refuse %s', (_, spec, change, code) => {
    const context = (change && { ...good, ...change }) as CompressionContext;
    expect(() => compressionFrom([spec], dimension).client(update, context)).toThrow(expect.objectContaining({ code }));
  });

  it('refuse a mask with bits beyond the dimension', () => {
    const compression = compressionFrom([{ kind: 'pruning-mask', fraction: 0.5 }], 4);
    const client = (bits: number): Float32Array =>
      compression.client(Float32Array.of(1, 2, 3, 4), { ...good, mask: Uint8Array.of(bits) });
    expect([...client(0b0101)]).toEqual([1, 3]);
    expect(() => client(0b10101)).toThrow(expect.objectContaining({ code: 'compression.mask' }));
  });
});
