import { describe, expect, it } from 'vitest';
import { compressionFrom } from '../../../src/fl/compression/index.js';
import { contextOf, sumOf } from './support.js';

describe('sign votes', () => {
  it('are won by the majority', () => {
    const compression = compressionFrom([{ kind: 'sign-vote', magnitude: 0.5 }], 4);
    const clients = [Float32Array.of(9, -1, 0, 1), Float32Array.of(-1, -2, 0, 1), Float32Array.of(-1, 5, 0, -1e-9)];
    const sent = clients.map((update) => compression.client(update, contextOf(1)));
    expect([...compression.server(sumOf(sent), contextOf(1))]).toEqual([-0.5, -0.5, 0, 0.5]);
  });
});
