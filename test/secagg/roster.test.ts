import { hkdfSync } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { UsageError } from '../../src/core/errors.js';
import { neighborGraph } from '../../src/secagg/graph.js';
import type { SessionParameters } from '../../src/secagg/parameters.js';
import { rosterGraph } from '../../src/secagg/roster.js';

const parameters: SessionParameters = { n: 50, degree: 8, threshold: 5 };

function edges(root: Uint8Array, of: SessionParameters = parameters): number[][] {
  const graph = rosterGraph(root, of);
  return Array.from({ length: of.n }, (_, i) => [...graph.neighborsOf(i)]);
}

describe('rosterGraph', () => {
  it('is the graph under the seed that HKDF of node:crypto gives for the root', () => {
    const bytes = fc.uint8Array({ minLength: 32, maxLength: 32 });
    fc.assert(
      fc.property(bytes, (root) => {
        const info = Buffer.from('\x18veilsum/1 neighbor graph');
        const seed = new Uint8Array(hkdfSync('sha256', root, new Uint8Array(), info, 32));
        const { n, degree } = parameters;
        const expected = neighborGraph({ seed, n, degree });
        expect(edges(root)).toEqual(Array.from({ length: n }, (_, i) => [...expected.neighborsOf(i)]));
      }),
      { numRuns: 20 },
    );
  });

  it('is another for a root with any bit flipped', () => {
    const root = new Uint8Array(32).fill(7);
    const known = JSON.stringify(edges(root));
    for (let bit = 0; bit < 256; bit += 1) {
      const other = root.map((byte, i) => (i === bit >>> 3 ? byte ^ (1 << (bit & 7)) : byte));
      expect(JSON.stringify(edges(other))).not.toBe(known);
    }
    expect(JSON.stringify(edges(root))).toBe(known);
  });

  it('is symmetric, regular and without loops', () => {
    const graph = edges(new Uint8Array(32));
    for (const [i, neighbors] of graph.entries()) {
      expect(new Set(neighbors).size).toBe(parameters.degree);
      expect(neighbors).not.toContain(i);
      for (const j of neighbors) expect(graph[j]).toContain(i);
    }
  });

  it('does not depend on the threshold', () => {
    const root = new Uint8Array(32);
    expect(edges(root, { ...parameters, threshold: 6 })).toEqual(edges(root));
  });

  it('is complete where the degree is n - 1, whatever the root', () => {
    const complete = { n: 5, degree: 4, threshold: 3 };
    expect(edges(new Uint8Array(32), complete)).toEqual(edges(new Uint8Array(32).fill(9), complete));
    expect(edges(new Uint8Array(32), complete)[2]).toEqual([0, 1, 3, 4]);
  });

  it.each([
    { n: 50, degree: 7, threshold: 5 },
    { n: 50, degree: 50, threshold: 5 },
    { n: 1, degree: 0, threshold: 1 },
  ])('refuses $n clients of degree $degree', (bad) => {
    expect(() => rosterGraph(new Uint8Array(32), bad)).toThrow(UsageError);
  });
});
