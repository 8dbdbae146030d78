import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  centralPrivacy,
  checkEdgePlans,
  clientPipeline,
  definePlan,
  edgeContribution,
  type Plan,
  type PlanInput,
  type RootPlanOptions,
  ringShape,
  rootPlan,
  serverPipeline,
} from '../../src/fl/index.js';
import { addInto, asPlain, zeroVector } from '../../src/ring/vector.js';

const planOf = (overrides: object = {}): Plan =>
  // The rules check whatever the overrides are.
  definePlan({
    vector: { dimension: 4 },
    cohort: { maxClients: 10 },
    quantize: { bits: 12, range: 1 },
    weight: { kind: 'examples', max: 50 },
    metrics: [{ name: 'right', max: 50 }],
    ...overrides,
  } as PlanInput);
const edge = planOf();

describe('a root’s plan', () => {
  it('is derived from the edges’', () => {
    const optimizer = { kind: 'fedyogi', learningRate: 0.1 } as const;
    const root = rootPlan(edge, { edges: 3, optimizer });
    expect(root).toMatchObject({
      masking: { kind: 'pairwise' },
      vector: { dimension: 4 },
      cohort: { maxClients: 3 },
      weight: { kind: 'examples', max: 500 },
      quantize: { kind: 'stochastic', bits: 12, range: 1 },
      metrics: [{ name: 'right', max: 500 }],
      combine: { kind: 'mean' },
      optimizer,
    });
    expect(rootPlan(edge, { edges: 3, clients: 4, unit: 7 })).toMatchObject({
      weight: { max: Math.round((4 * 50) / 7) },
      metrics: [{ max: 200 }],
    });
  });

  it('sees edges in the clear where a rule judges them, and nowhere else unless told', () => {
    const robust = { edges: 5, aggregator: { kind: 'krum', f: 1 } } as const;
    const root = rootPlan(edge, { edges: 6, masking: { kind: 'none' }, robust });
    expect(root).toMatchObject({ masking: { kind: 'none' }, combine: { kind: 'robust', over: 'clients', clients: 5 } });
    expect(rootPlan(edge, { edges: 6, masking: { kind: 'none' } }).combine).toEqual({ kind: 'mean' });
    expect(() => rootPlan(edge, { edges: 6, robust })).toThrow(
      expect.objectContaining({ code: 'plan.robust-over-masked' }),
    );
    expect(() => rootPlan(edge, { edges: 6, masking: { kind: 'none' }, robust: { ...robust, edges: 4 } })).toThrow(
      expect.objectContaining({ code: 'plan.robust-few' }),
    );
  });

  it.each<[string, unknown, unknown, string]>([
    ['no plan', undefined, { edges: 3 }, 'usage.plan'],
    ['a plan that is only like one', { ...edge }, { edges: 3 }, 'usage.plan'],
    ['no options', edge, undefined, 'usage.options'],
    ['one edge', edge, { edges: 1 }, 'usage.range'],
    ['no clients', edge, { edges: 3, clients: 0 }, 'usage.range'],
    ['half a unit', edge, { edges: 3, unit: 0.5 }, 'usage.range'],
    ['a rule that is none', edge, { edges: 3, robust: null }, 'usage.options'],
    [
      'an edge that steps itself',
      planOf({ optimizer: { kind: 'fedavg', learningRate: 2 } }),
      { edges: 3 },
      'edge.optimizer',
    ],
    [
      'a ring too small for the weights',
      planOf({ quantize: { bits: 20, range: 1 } }),
      { edges: 100 },
      'plan.sum-wraps',
    ],
    [
      'weights beyond 32 bits',
      planOf({ weight: { kind: 'examples', max: 2 ** 16 } }),
      { edges: 3, clients: 2 ** 20 },
      'edge.limit',
    ],
    ['means without a bound', planOf({ rotate: { kind: 'hadamard' } }), { edges: 3 }, 'usage.options'],
  ])('refuses %s', (_, plan, options, code) => {
    expect(() => rootPlan(plan as Plan, options as RootPlanOptions)).toThrow(expect.objectContaining({ code }));
  });

  it('bounds means by the clip norm where they are rotated', () => {
    const rotated = planOf({ rotate: { kind: 'hadamard' }, clip: { kind: 'l2', norm: 5 } });
    expect(rootPlan(rotated, { edges: 3 }).quantize).toEqual({ kind: 'stochastic', bits: 12, range: 5 });
  });
});

describe('two plans', () => {
  const root = rootPlan(edge, { edges: 3 });
  const changed = (changes: object): Plan => {
    const { optimizer: _, version: __, ...fields } = root;
    return definePlan({ ...fields, ...changes } as PlanInput);
  };

  it.each<[string, Plan, Plan]>([
    ['as derived', root, edge],
    ['weights that count the same', changed({ weight: { kind: 'uniform' } }), edge],
    ['a metric that stays at the edge', changed({ metrics: [] }), edge],
    ['a root that rotates', changed({ rotate: { kind: 'hadamard' }, quantize: { bits: 12, range: 0.1 } }), edge],
    ['a root that clips', changed({ clip: { kind: 'l2', norm: 0.5 }, quantize: { bits: 12, range: 0.5 } }), edge],
    ['a wider range', changed({ quantize: { bits: 12, range: 2 } }), edge],
  ])('fit: %s', (_, upper, lower) => {
    expect(() => checkEdgePlans(upper, lower)).not.toThrow();
  });

  it.each<[string, Plan, Plan, string]>([
    ['another model', root, planOf({ vector: { dimension: 5 } }), 'edge.dimension'],
    ['an edge that steps itself', root, planOf({ optimizer: { kind: 'fedavgm', momentum: 0.9 } }), 'edge.optimizer'],
    ['an edge that buffers', root, planOf({ schedule: { kind: 'buffered', bufferSize: 3 } }), 'edge.schedule'],
    ['a root that takes steps', changed({ optimizer: { kind: 'fednova' } }), edge, 'edge.optimizer'],
    ['weights too small', changed({ weight: { kind: 'examples', max: 499 } }), edge, 'edge.weights'],
    ['a metric too small', changed({ metrics: [{ name: 'right', max: 499 }] }), edge, 'edge.metrics'],
    ['a metric that the edge has not', changed({ metrics: [{ name: 'wrong', max: 500 }] }), edge, 'edge.metrics'],
    ['a range too narrow', changed({ quantize: { bits: 12, range: 0.99 } }), edge, 'edge.range'],
    ['no root', undefined as unknown as Plan, edge, 'usage.plan'],
    ['no edge', root, {} as Plan, 'usage.plan'],
  ])('don’t fit: %s', (_, upper, lower, code) => {
    expect(() => checkEdgePlans(upper, lower)).toThrow(expect.objectContaining({ code }));
  });

  it('fit by the clients that there are, and the unit', () => {
    const small = rootPlan(edge, { edges: 3, clients: 4, unit: 2 });
    expect(() => checkEdgePlans(small, edge, { clients: 4, unit: 2 })).not.toThrow();
    expect(() => checkEdgePlans(small, edge, { clients: 4 })).toThrow(
      expect.objectContaining({ code: 'edge.weights' }),
    );
    expect(() => checkEdgePlans(small, edge, { clients: 5, unit: 2 })).toThrow(
      expect.objectContaining({ code: 'edge.weights' }),
    );
    expect(() => checkEdgePlans(small, edge, null as unknown as object)).toThrow(
      expect.objectContaining({ code: 'usage.options' }),
    );
  });

  it('do nothing about noise, which has no bound', () => {
    const [vector, cohort] = [{ dimension: 4 }, { maxClients: 10 }];
    const budget = { epsilon: 8, delta: 1e-5, rounds: 3 };
    const noisy = definePlan({
      vector,
      cohort,
      ...centralPrivacy({ vector, cohort, clip: 1, budget, quantize: { bits: 12 } }),
    });
    expect(() => rootPlan(noisy, { edges: 3 })).toThrow(expect.objectContaining({ code: 'usage.options' }));
    const upper = rootPlan(noisy, { edges: 3, quantize: { bits: 12, range: 4 } });
    expect(() => checkEdgePlans(upper, noisy)).not.toThrow();
  });

  it('that were derived take whatever edges sum: the mean of all clients, within two steps', () => {
    const clients = fc.record({
      update: fc.array(fc.double({ min: -2, max: 2, noNaN: true }), { minLength: 4, maxLength: 4 }),
      weight: fc.integer({ min: 1, max: 50 }),
      right: fc.integer({ min: 0, max: 50 }),
    });
    const groups = fc.array(fc.array(clients, { minLength: 1, maxLength: 10 }), { minLength: 1, maxLength: 3 });
    fc.assert(
      fc.property(groups, fc.nat(), (edges, draw) => {
        const rounding = (words: number): Uint32Array =>
          Uint32Array.from({ length: words }, (_, i) => (draw * 2654435761 + i * 40503) >>> 0);
        const summed = edges.map((group) => {
          const inputs = group.map(({ update, weight, right }) => ({
            update: Float32Array.from(update),
            weight,
            metrics: { right },
          }));
          return edgeContribution(summedUnder(edge, inputs, rounding));
        });
        const { mean, weight, metrics } = summedUnder(root, summed, rounding);
        const all = edges.flat();
        const total = all.reduce((sum, each) => sum + each.weight, 0);
        expect(weight).toBe(total);
        expect(metrics).toEqual({ right: all.reduce((sum, { right }) => sum + right, 0) });
        for (const [i, value] of mean.entries()) {
          const clamped = all.reduce(
            (sum, each) => sum + Math.max(-1, Math.min(1, each.update[i] ?? 0)) * each.weight,
            0,
          );
          expect(Math.abs(value - clamped / total)).toBeLessThan(2 / (2 ** 11 - 1) + 1e-6);
        }
      }),
      { numRuns: 50 },
    );
  });
});

/** One round of a plan, without the network. */
function summedUnder(
  plan: Plan,
  inputs: readonly {
    readonly update: Float32Array;
    readonly weight: number;
    readonly metrics: Readonly<Record<string, number>>;
  }[],
  rounding: (words: number) => Uint32Array,
): ReturnType<ReturnType<typeof serverPipeline>['combine']> {
  const { bits, length } = ringShape(plan);
  const sum = asPlain(zeroVector(bits, length));
  const encode = clientPipeline(plan);
  for (const { update, ...rest } of inputs) addInto(sum, encode(update, { ...rest, rounding }));
  const server = serverPipeline(plan);
  return server.combine([server.decode(sum, inputs.length)]);
}
