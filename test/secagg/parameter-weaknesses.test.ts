import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { UsageError } from '../../src/core/errors.js';
import { MAX_CLIENTS, neighborGraph } from '../../src/secagg/graph.js';
import { type Assumptions, parameterWeaknesses, type SessionParameters } from '../../src/secagg/parameters.js';
import { chosen, THREATS } from './chosen.js';
import { binomial } from './exact.js';

describe('the bound on a graph that falls apart', () => {
  /** Whether the clients outside the `gone` bit set are connected. */
  function connected(neighbors: readonly Uint32Array[], gone: number): boolean {
    const staying = neighbors.map((_, client) => client).filter((client) => (gone & (1 << client)) === 0);
    const reached = new Set(staying.slice(0, 1));
    for (const client of reached)
      for (const neighbor of neighbors[client] ?? []) if ((gone & (1 << neighbor)) === 0) reached.add(neighbor);
    return reached.size === staying.length;
  }

  it('is at least the truth: every way to lose clients from a ring of 14, counted', () => {
    const n = 14;
    for (const degree of [2, 4, 6]) {
      const graph = neighborGraph({ seed: new Uint8Array(32), n, degree });
      const neighbors = Array.from({ length: n }, (_, client) => graph.neighborsOf(client));
      const apart = new Array<number>(n + 1).fill(0);
      for (let gone = 0; gone < 2 ** n; gone++) {
        const count = gone.toString(2).replaceAll('0', '').length;
        if (!connected(neighbors, gone)) apart[count] = (apart[count] ?? 0) + 1;
      }
      for (let lost = 0; lost < n; lost++) {
        const truth = Math.log2((apart[lost] ?? 0) / Number(binomial(n, lost)));
        const [weakness] = parameterWeaknesses(
          { n, degree, threshold: degree },
          { corrupt: 0, dropout: lost / n, threat: 'semi-honest', securityBits: 256 },
        );
        if (truth === -Infinity) continue;
        expect(weakness?.condition).toBe('connected');
        expect(weakness?.actual).toBeGreaterThanOrEqual(truth);
        // Near the least that cuts, the bound counts nearly each way once: it isn't vacuous.
        if (lost === degree) expect(weakness?.actual).toBeLessThan(truth + 1e-5);
      }
    }
  });
});

describe('parameterWeaknesses', () => {
  const policy: Assumptions = { corrupt: 0.05, dropout: 0.05, threat: 'malicious', grindingBits: 0 };
  const conditions = (
    parameters: SessionParameters,
    assumptions: Assumptions,
    options?: { readonly correctness?: boolean },
  ): readonly string[] => parameterWeaknesses(parameters, assumptions, options).map(({ condition }) => condition);

  it('finds none in what the same assumptions give, nor in more', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 2, max: 2_000 }),
        fc.double({ min: 0, max: 0.3, noNaN: true }),
        fc.double({ min: 0, max: 0.3, noNaN: true }),
        fc.constantFrom(...THREATS),
        (n, corrupt, dropout, threat) => {
          const assumptions = { corrupt, dropout, threat };
          const parameters = chosen({ n, ...assumptions });
          if (parameters === undefined) return;
          expect(parameterWeaknesses(parameters, assumptions, { correctness: true })).toEqual([]);
          const higher = { ...parameters, threshold: parameters.degree };
          expect(parameterWeaknesses(higher, assumptions)).toEqual([]);
          if (parameters.threshold === 1) return;
          const lower = { ...parameters, threshold: parameters.threshold - 1 };
          expect(conditions(lower, assumptions)).toEqual(['threshold']);
        },
      ),
      { numRuns: 300, seed: 704 },
    );
  });

  it('says which condition fails, with numbers', () => {
    const good = { n: 1_000, degree: 62, threshold: 43 };
    expect(parameterWeaknesses(good, policy)).toEqual([]);
    expect(parameterWeaknesses({ ...good, threshold: 42 }, policy)).toEqual([
      {
        condition: 'threshold',
        actual: 42,
        limit: 43,
        message: 'threshold 42 is too low for the neighbors that may collude; raise it to at least 43',
      },
    ]);
    const [connected, ...others] = parameterWeaknesses(
      { n: 1_000, degree: 10, threshold: 10 },
      {
        ...policy,
        threat: 'semi-honest',
        corrupt: 0,
        dropout: 0.1,
      },
    );
    expect(connected).toMatchObject({ condition: 'connected', limit: -41 });
    expect(connected?.actual).toBeCloseTo(-14.91, 2);
    expect(others).toEqual([]);
    const [collusion] = parameterWeaknesses({ n: 1_000, degree: 30, threshold: 30 }, { ...policy, corrupt: 0.6 }).slice(
      1,
    );
    expect(collusion).toMatchObject({ condition: 'collusion', actual: 31, limit: 30 });
    const [correctness] = parameterWeaknesses({ ...good, threshold: 60 }, policy, { correctness: true });
    expect(correctness).toMatchObject({ condition: 'correctness' });
    expect(correctness?.actual).toBeGreaterThan(correctness?.limit ?? 0);
  });

  it('leaves correctness out unless asked', () => {
    expect(conditions({ n: 1_000, degree: 62, threshold: 62 }, policy)).toEqual([]);
    expect(conditions({ n: 1_000, degree: 62, threshold: 62 }, policy, { correctness: false })).toEqual([]);
    expect(conditions({ n: 1_000, degree: 62, threshold: 62 }, policy, { correctness: true })).toEqual(['correctness']);
  });

  it('refuses the threshold 1 that makes a seed share the seed, where there are two neighbors', () => {
    const trusting: Assumptions = { corrupt: 0, dropout: 0, threat: 'semi-honest' };
    expect(conditions({ n: 10, degree: 9, threshold: 1 }, trusting)).toEqual(['threshold']);
    expect(conditions({ n: 10, degree: 4, threshold: 1 }, trusting)).toEqual(['threshold']);
    expect(conditions({ n: 2, degree: 1, threshold: 1 }, trusting)).toEqual([]);
    expect(conditions({ n: 2, degree: 1, threshold: 1 }, { ...trusting, corrupt: 0.5 })).toEqual(['collusion']);
  });

  it('judges the complete graph by counts', () => {
    const assumptions: Assumptions = { corrupt: 0.25, dropout: 0.1, threat: 'malicious' };
    expect(conditions({ n: 20, degree: 19, threshold: 13 }, assumptions)).toEqual([]);
    expect(conditions({ n: 20, degree: 19, threshold: 12 }, assumptions)).toEqual(['threshold']);
    expect(conditions({ n: 20, degree: 19, threshold: 6 }, { ...assumptions, threat: 'semi-honest' })).toEqual([]);
    expect(conditions({ n: 20, degree: 19, threshold: 5 }, { ...assumptions, threat: 'semi-honest' })).toEqual([
      'threshold',
    ]);
    expect(conditions({ n: 20, degree: 19, threshold: 19 }, { ...assumptions, corrupt: 0.95 })).toEqual(['collusion']);
  });

  it('reports numbers that no session can have, whoever sent them', () => {
    const good = { n: 100, degree: 40, threshold: 30 };
    for (const bad of [
      { n: 1 },
      { n: 0 },
      { n: -100 },
      { n: 100.5 },
      { n: MAX_CLIENTS + 1 },
      { n: Number.NaN },
      { n: '100' },
      { n: undefined },
      { degree: 0 },
      { degree: 41 },
      { degree: 100 },
      { degree: -2 },
      { degree: Infinity },
      { degree: {} },
      { threshold: 0 },
      { threshold: 41 },
      { threshold: 1.5 },
      { threshold: null },
      { n: 100_000, degree: 99_999 },
    ])
      expect(conditions({ ...good, ...bad } as SessionParameters, policy), JSON.stringify(bad)).toEqual(['form']);
    for (const bad of [null, undefined, 7, 'n']) {
      expect(conditions(bad as unknown as SessionParameters, policy)).toEqual(['form']);
    }
  });

  it("blames the caller's own assumptions first", () => {
    const broken = { n: 0, degree: 0, threshold: 0 };
    expect(() => parameterWeaknesses(broken, { ...policy, corrupt: 2 })).toThrow(UsageError);
    expect(() => parameterWeaknesses(broken, null as unknown as Assumptions)).toThrow(UsageError);
  });
});
