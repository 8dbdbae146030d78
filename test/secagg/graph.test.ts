import { sha256 } from '@noble/hashes/sha2.js';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { toHex } from '../../src/core/bytes.js';
import { UsageError } from '../../src/core/errors.js';
import {
  isLawfulDegree,
  MAX_CLIENTS,
  MAX_DEGREE,
  type NeighborGraph,
  type NeighborGraphOptions,
  neighborGraph,
} from '../../src/secagg/graph.js';

const COUNTING = Uint8Array.from({ length: 32 }, (_, i) => i);

/** A seed of its own for each number. */
function seedOf(number: number): Uint8Array {
  const seed = new Uint8Array(32);
  new DataView(seed.buffer).setUint32(0, number, true);
  return seed;
}

function allNeighbors(graph: NeighborGraph): readonly (readonly number[])[] {
  return Array.from({ length: graph.n }, (_, index) => [...graph.neighborsOf(index)]);
}

const shapes: fc.Arbitrary<NeighborGraphOptions> = fc.integer({ min: 2, max: 200 }).chain((n) =>
  fc.record({
    seed: fc.uint8Array({ minLength: 32, maxLength: 32 }),
    n: fc.constant(n),
    degree: fc.oneof(
      fc.constant(n - 1),
      n < 4 ? fc.constant(n - 1) : fc.integer({ min: 1, max: Math.floor((n - 2) / 2) }).map((half) => 2 * half),
    ),
  }),
);

describe('neighborGraph', () => {
  it('is symmetric and regular, without self loops, sorted', () => {
    fc.assert(
      fc.property(shapes, (options) => {
        // One expectation a graph: there are up to 40,000 edges in it.
        const neighbors = allNeighbors(neighborGraph(options));
        const sets = neighbors.map((list) => new Set(list));
        const wrong = neighbors.flatMap((list, index) =>
          list.filter(
            (neighbor, i) => neighbor === index || neighbor <= (list[i - 1] ?? -1) || !sets[neighbor]?.has(index),
          ),
        );
        expect(wrong).toEqual([]);
        expect(new Set(neighbors.map((list) => list.length))).toEqual(new Set([options.degree]));
      }),
      { numRuns: 200, seed: 704 },
    );
  });

  it('stays connected when any degree - 1 clients leave (Harary)', () => {
    const n = 9;
    const degree = 4;
    const neighbors = allNeighbors(neighborGraph({ seed: COUNTING, n, degree }));
    for (let left = 0; left < 2 ** n; left++) {
      const staying = Array.from({ length: n }, (_, i) => i).filter((i) => (left & (1 << i)) === 0);
      if (staying.length !== n - degree + 1) continue;
      const reached = new Set(staying.slice(0, 1));
      for (const client of reached)
        for (const neighbor of neighbors[client] ?? []) if (staying.includes(neighbor)) reached.add(neighbor);
      expect(reached.size).toBe(staying.length);
    }
  });

  it('gives the known graph of 20 clients, computed by another program', () => {
    expect(allNeighbors(neighborGraph({ seed: COUNTING, n: 20, degree: 4 }))).toEqual([
      [2, 4, 10, 18],
      [3, 5, 12, 17],
      [0, 3, 4, 17],
      [1, 2, 4, 17],
      [0, 2, 3, 10],
      [1, 8, 12, 15],
      [7, 9, 13, 16],
      [6, 11, 13, 18],
      [5, 14, 15, 19],
      [6, 14, 16, 19],
      [0, 4, 11, 18],
      [7, 10, 13, 18],
      [1, 5, 15, 17],
      [6, 7, 11, 16],
      [8, 9, 15, 19],
      [5, 8, 12, 14],
      [6, 9, 13, 19],
      [1, 2, 3, 12],
      [0, 7, 10, 11],
      [8, 9, 14, 16],
    ]);
  });

  it('gives the known graph of 200,000 clients, which drops three words, computed by another program', () => {
    const n = 200_000;
    const graph = neighborGraph({ seed: COUNTING, n, degree: 6 });
    const bytes = new DataView(new ArrayBuffer(n * 6 * 4));
    for (let index = 0; index < n; index++)
      graph.neighborsOf(index).forEach((neighbor, i) => {
        bytes.setUint32((index * 6 + i) * 4, neighbor, true);
      });
    expect(toHex(sha256(new Uint8Array(bytes.buffer)))).toBe(
      'a5a431f7d3745df5a196cb648fbec4ea165434401626d6c931b6ee673154f6d9',
    );
  });

  it('is complete at degree n - 1, whatever the seed', () => {
    expect(allNeighbors(neighborGraph({ seed: COUNTING, n: 4, degree: 3 }))).toEqual([
      [1, 2, 3],
      [0, 2, 3],
      [0, 1, 3],
      [0, 1, 2],
    ]);
    expect(allNeighbors(neighborGraph({ seed: seedOf(1), n: 2, degree: 1 }))).toEqual([[1], [0]]);
    expect(allNeighbors(neighborGraph({ seed: seedOf(2), n: 3, degree: 2 }))).toEqual([
      [1, 2],
      [0, 2],
      [0, 1],
    ]);
  });

  it('gives every ring of 5 clients alike', () => {
    // A graph of degree 2 on 5 clients is one of 4!/2 = 12 cycles. Chi-squared, 11 degrees of freedom: 31.3 at 0.1%.
    const runs = 6_000;
    const seen = new Map<string, number>();
    for (let run = 0; run < runs; run++) {
      const graph = JSON.stringify(allNeighbors(neighborGraph({ seed: seedOf(run), n: 5, degree: 2 })));
      seen.set(graph, (seen.get(graph) ?? 0) + 1);
    }
    expect(seen.size).toBe(12);
    let chiSquared = 0;
    for (const count of seen.values()) chiSquared += (count - runs / 12) ** 2 / (runs / 12);
    expect(chiSquared).toBeLessThan(31.3);
  });

  it('gives a client every set of neighbors alike', () => {
    // Any 4 of the 8 others: 70 sets. Chi-squared with 69 degrees of freedom: 111.1 at 0.1%.
    const runs = 14_000;
    const clients = [0, 4, 8];
    const seen = clients.map(() => new Map<string, number>());
    for (let run = 0; run < runs; run++) {
      const graph = neighborGraph({ seed: seedOf(run), n: 9, degree: 4 });
      clients.forEach((client, i) => {
        const set = graph.neighborsOf(client).join();
        seen[i]?.set(set, (seen[i]?.get(set) ?? 0) + 1);
      });
    }
    for (const counts of seen) {
      expect(counts.size).toBe(70);
      let chiSquared = 0;
      for (const count of counts.values()) chiSquared += (count - runs / 70) ** 2 / (runs / 70);
      expect(chiSquared).toBeLessThan(111.1);
    }
  });

  it('takes its own copy of nothing mutable: a caller can change what it got and gave', () => {
    const seed = COUNTING.slice();
    const graph = neighborGraph({ seed, n: 20, degree: 4 });
    seed.fill(0);
    graph.neighborsOf(0).fill(7);
    expect([...graph.neighborsOf(0)]).toEqual([2, 4, 10, 18]);
    expect(Object.isFrozen(graph)).toBe(true);
  });

  it('is there for a million clients', () => {
    const graph = neighborGraph({ seed: COUNTING, n: 1_000_000, degree: 100 });
    const neighbors = graph.neighborsOf(999_999);
    expect(new Set(neighbors).size).toBe(100);
    for (const neighbor of neighbors) expect(graph.neighborsOf(neighbor)).toContain(999_999);
  });

  it('refuses a seed, size, degree or index out of range', () => {
    const good = { seed: COUNTING, n: 10, degree: 4 };
    for (const bad of [
      { seed: new Uint8Array(31) },
      { seed: new Uint8Array(0) },
      { seed: [...COUNTING] },
      { seed: undefined },
      { n: 1 },
      { n: 0 },
      { n: MAX_CLIENTS + 1 },
      { n: 10.5 },
      { n: '10' },
      { degree: 0 },
      { degree: 3 },
      { degree: 10 },
      { degree: -2 },
      { degree: 4.5 },
      { degree: Number.NaN },
      { n: 100_000, degree: 99_999 },
    ])
      expect(() => neighborGraph({ ...good, ...bad } as NeighborGraphOptions), JSON.stringify(bad)).toThrow(UsageError);
    expect(() => neighborGraph(undefined as unknown as NeighborGraphOptions)).toThrow(UsageError);
    for (const degree of [4, 9]) {
      const graph = neighborGraph({ ...good, degree });
      for (const index of [-1, 10, 0.5, Number.NaN, '0', undefined])
        expect(() => graph.neighborsOf(index as number)).toThrow(UsageError);
    }
  });
});

describe('isLawfulDegree', () => {
  it('takes n - 1 and even degrees below, up to the holders that can be numbered', () => {
    const lawful = (n: number): readonly number[] =>
      Array.from({ length: n + 3 }, (_, i) => i - 1).filter((degree) => isLawfulDegree(n, degree));
    expect(lawful(2)).toEqual([1]);
    expect(lawful(3)).toEqual([2]);
    expect(lawful(4)).toEqual([2, 3]);
    expect(lawful(7)).toEqual([2, 4, 6]);
    expect(isLawfulDegree(MAX_CLIENTS, MAX_DEGREE - 1)).toBe(true);
    expect(isLawfulDegree(MAX_DEGREE + 1, MAX_DEGREE)).toBe(true);
    expect(isLawfulDegree(MAX_DEGREE + 2, MAX_DEGREE + 1)).toBe(false);
    expect(isLawfulDegree(10, Number.NaN)).toBe(false);
  });
});
