import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AbortError, PeerError, UsageError } from '../../../src/core/errors.js';
import { clientPipeline, definePlan, type Plan, ringShape, serverPipeline } from '../../../src/fl/index.js';
import { gridStep } from '../../../src/fl/plan/shape.js';
import { pack } from '../../../src/ring/pack.js';
import { addInto, asPlain, type PlainVector, zeroVector } from '../../../src/ring/vector.js';
import { draws } from '../../support/draws.js';
import { input, l2 } from './support.js';

function sumOf(plan: Plan, vectors: readonly PlainVector[]): PlainVector {
  const { bits, length } = ringShape(plan);
  const sum = asPlain(zeroVector(bits, length));
  for (const vector of vectors) addInto(sum, vector);
  return sum;
}

const plan = definePlan(input);
const update = Float32Array.of(0.25, -1, 1.5);
const options = { weight: 10, metrics: { correct: 9, constructor: 2 }, rounding: draws(1) };

interface Client {
  readonly update: Float32Array;
  readonly weight: number;
  readonly metrics: { readonly correct: number };
}

const round = fc
  .record({
    dimension: fc.integer({ min: 1, max: 12 }),
    bits: fc.integer({ min: 2, max: 16 }),
    range: fc.double({ min: 0.01, max: 10, noNaN: true }),
    clipBy: fc.option(fc.double({ min: 1, max: 4, noNaN: true })),
    weightMax: fc.integer({ min: 1, max: 500 }),
    n: fc.integer({ min: 1, max: 60 }),
    seed: fc.integer(),
  })
  .chain((setting) =>
    fc.record({
      setting: fc.constant(setting),
      clients: fc.array(
        fc.record({
          update: fc
            .array(fc.float({ min: -12, max: 12, noNaN: true }), {
              minLength: setting.dimension,
              maxLength: setting.dimension,
            })
            .map((values) => Float32Array.from(values)),
          weight: fc.integer({ min: 0, max: setting.weightMax }),
          metrics: fc.record({ correct: fc.integer({ min: 0, max: setting.weightMax }) }),
        }),
        { minLength: setting.n, maxLength: setting.n },
      ),
    }),
  );

describe('both sides of a plan', () => {
  it('give the exact integer sum, counters, and a mean within a step of the real one', () => {
    fc.assert(
      fc.property(round, ({ setting, clients }) => {
        const { dimension, bits, range, clipBy, weightMax, seed } = setting;
        const plan = definePlan({
          vector: { dimension },
          cohort: { maxClients: 60 },
          weight: { kind: 'examples', max: weightMax },
          clip: clipBy === null ? { kind: 'none' } : { kind: 'l2', norm: range * clipBy },
          quantize: { bits, range },
          metrics: [{ name: 'correct', max: weightMax }],
        });
        const encode = clientPipeline(plan);
        const server = serverPipeline(plan);
        const rounding = draws(seed);
        const vectors = clients.map(({ update, ...rest }) => encode(update, { ...rest, rounding }));
        for (const vector of vectors)
          expect({ bits: vector.bits, length: vector.lanes.length }).toEqual(ringShape(plan));

        const aggregates = vectors.map((vector) => server.decode(vector, 1));
        const aggregate = server.decode(sumOf(plan, vectors), clients.length);
        const step = gridStep(plan);
        const integers = (values: Float64Array): number[] => [...values].map((value) => Math.round(value / step));
        const exact = Array.from({ length: dimension }, (_, i) =>
          aggregates.reduce((total, { values }) => total + (integers(values)[i] ?? Number.NaN), 0),
        );
        expect(integers(aggregate.values)).toEqual(exact);
        const totalWeight = clients.reduce((total, { weight }) => total + weight, 0);
        expect(aggregate.weight).toBe(totalWeight);
        expect(aggregate.metrics).toEqual([clients.reduce((total, { metrics }) => total + metrics.correct, 0)]);

        if (totalWeight === 0) {
          expect(() => server.combine([aggregate])).toThrow(AbortError);
          return;
        }
        const { mean } = server.combine([aggregate]);
        for (let i = 0; i < dimension; i += 1)
          expect(Math.abs((mean[i] ?? Number.NaN) - realMean(plan, clients, i))).toBeLessThanOrEqual(
            step + range * (clipBy ?? 1) * 2 ** -22,
          );
      }),
      { numRuns: 300 },
    );
  });

  it("don't wrap where every value, weight and metric is at its maximum, of either sign", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 2, max: 14 }),
        fc.integer({ min: 2, max: 40 }),
        fc.integer({ min: 1, max: 300 }),
        (bits, maxClients, max) => {
          const plan = definePlan({
            vector: { dimension: 2 },
            cohort: { maxClients },
            weight: { kind: 'examples', max },
            quantize: { bits, range: 1 },
            metrics: [{ name: 'most', max: Math.floor((2 ** ringBits(bits, maxClients * max) - 1) / maxClients) }],
          });
          const most = plan.metrics[0]?.max ?? 0;
          const encode = clientPipeline(plan);
          const vectors = Array.from({ length: maxClients }, () =>
            encode(Float32Array.of(1, -1), { weight: max, metrics: { most }, rounding: draws(3) }),
          );
          const server = serverPipeline(plan);
          const result = server.combine([server.decode(sumOf(plan, vectors), maxClients)]);
          expect(result.weight).toBe(maxClients * max);
          expect(result.metrics).toEqual({ most: maxClients * most });
          expect(result.mean[0]).toBeCloseTo(1, 9);
          expect(result.mean[1]).toBeCloseTo(-1, 9);
        },
      ),
    );
  });

  it('pool cohorts as if they were one', () => {
    const server = serverPipeline(plan);
    const encode = clientPipeline(plan);
    const vectors = [3, 10, 100, 0, 7].map((weight, i) =>
      encode(Float32Array.of(i / 3, -i / 5, 1), {
        weight,
        metrics: { correct: weight, constructor: i },
        rounding: draws(i),
      }),
    );
    const together = server.combine([server.decode(sumOf(plan, vectors), 5)]);
    const cohorts = [vectors.slice(0, 2), vectors.slice(2)].map((cohort) =>
      server.decode(sumOf(plan, cohort), cohort.length),
    );
    const before = structuredClone(cohorts);
    const apart = server.combine(cohorts);
    expect(apart.survivors).toBe(5);
    expect(apart.weight).toBe(120);
    expect(apart.metrics).toEqual({ correct: 120, constructor: 10 });
    apart.mean.forEach((value, i) => {
      expect(value).toBeCloseTo(together.mean[i] ?? Number.NaN, 12);
    });
    expect(cohorts).toEqual(before);
  });

  it('put nothing about one client beside the vector', () => {
    const vector = clientPipeline(plan)(update, options);
    expect(Object.keys(vector).sort()).toEqual(['bits', 'lanes']);
    expect(vector.lanes.length).toBe(3 + 1 + 2);
    expect([...vector.lanes].slice(3)).toEqual([10, 9, 2]);
    expect(pack(vector).length).toBe(Math.ceil((6 * ringShape(plan).bits) / 8));
  });

  it('ask for no weight where it is uniform', () => {
    const uniform = definePlan({
      vector: { dimension: 1 },
      cohort: { maxClients: 4 },
      quantize: { bits: 8, range: 1 },
    });
    const encode = clientPipeline(uniform);
    const server = serverPipeline(uniform);
    const vectors = [1, -1, 1, 1].map((x) => encode(Float32Array.of(x), { rounding: draws(0) }));
    const { mean, weight } = server.combine([server.decode(sumOf(uniform, vectors), 4)]);
    expect(weight).toBe(4);
    expect(mean[0]).toBeCloseTo(0.5, 12);
    expect(() => encode(Float32Array.of(1), { weight: 2, rounding: draws(0) })).toThrow(UsageError);
    expect(() => encode(Float32Array.of(1), { weight: 0, rounding: draws(0) })).toThrow(UsageError);
  });
});

function ringBits(bits: number, product: number): number {
  return bits + Math.ceil(Math.log2(product));
}

function realMean(plan: Plan, clients: readonly Client[], i: number): number {
  const range = plan.quantize.kind === 'stochastic' ? plan.quantize.range : Number.NaN;
  let total = 0;
  let weights = 0;
  for (const { update, weight } of clients) {
    const norm = l2(update);
    const factor = plan.clip.kind === 'l2' ? Math.min(1, plan.clip.norm / norm) : 1;
    total += weight * Math.min(range, Math.max(-range, (update[i] ?? Number.NaN) * (norm === 0 ? 1 : factor)));
    weights += weight;
  }
  return total / weights;
}

describe('a client', () => {
  const encode = clientPipeline(plan);
  const correct = 1;
  it.each<[string, () => unknown, string]>([
    ['an update too short', () => encode(Float32Array.of(1), options), 'usage.vector'],
    ['an empty update', () => encode(new Float32Array(0), options), 'usage.vector'],
    ['an update too long', () => encode(new Float32Array(4), options), 'usage.vector'],
    ['doubles', () => encode(new Float64Array(3) as unknown as Float32Array, options), 'usage.floats'],
    ['an array', () => encode([1, 2, 3] as unknown as Float32Array, options), 'usage.floats'],
    ['nothing', () => encode(undefined as unknown as Float32Array, options), 'usage.floats'],
    ['NaN', () => encode(Float32Array.of(1, Number.NaN, 1), options), 'usage.finite'],
    ['a weight beyond its maximum', () => encode(update, { ...options, weight: 101 }), 'usage.range'],
    ['a negative weight', () => encode(update, { ...options, weight: -1 }), 'usage.range'],
    ['a fractional weight', () => encode(update, { ...options, weight: 0.5 }), 'usage.range'],
    ['a NaN weight', () => encode(update, { ...options, weight: Number.NaN }), 'usage.range'],
    ['no weight', () => encode(update, { metrics: options.metrics, rounding: draws(1) }), 'usage.options'],
    ['no options', () => encode(update, undefined as unknown as typeof options), 'usage.options'],
    ['no rounding', () => encode(update, { weight: 1, metrics: options.metrics } as typeof options), 'usage.options'],
    [
      'a metric beyond its maximum',
      () => encode(update, { ...options, metrics: { correct, constructor: 8 } }),
      'usage.range',
    ],
    [
      'a negative metric',
      () => encode(update, { ...options, metrics: { correct: -1, constructor: 1 } }),
      'usage.range',
    ],
    [
      'a metric missing',
      () => encode(update, { ...options, metrics: { correct } as Record<string, number> }),
      'usage.metrics',
    ],
    ['no metrics', () => encode(update, { weight: 1, rounding: draws(1) }), 'usage.metrics'],
    [
      'an unknown metric',
      () => encode(update, { ...options, metrics: { correct, constructor: 1, loss: 1 } }),
      'usage.metrics',
    ],
    [
      'metrics as text',
      () => encode(update, { ...options, metrics: 'x' as unknown as Record<string, number> }),
      'usage.metrics',
    ],
    ['too few draws', () => encode(update, { ...options, rounding: () => new Uint32Array(2) }), 'usage.vector'],
  ])('is refused %s', (_, call, code) => {
    expect(call).toThrow(UsageError);
    expect(call).toThrow(expect.objectContaining({ code }));
  });
});

describe('a server', () => {
  const server = serverPipeline(plan);
  const { bits, length } = ringShape(plan);
  /** A sum that a client who ignores the plan made. */
  const forged = (...values: readonly number[]): PlainVector => {
    const sum = asPlain(zeroVector(bits, length));
    values.forEach((value, i) => {
      sum.lanes[i] = value;
    });
    return sum;
  };

  it.each<[string, () => unknown, string]>([
    ['a coordinate beyond the weight', () => server.decode(forged(32767 * 4 + 1, 0, 0, 4), 2), 'sum.range'],
    ['a negative one', () => server.decode(forged(0, 0, -32767 * 4 - 1, 4), 2), 'sum.range'],
    ['a value without weight', () => server.decode(forged(1), 2), 'sum.range'],
    ['weights beyond their maximum', () => server.decode(forged(0, 0, 0, 201), 2), 'sum.weight'],
    ['a metric beyond its maximum', () => server.decode(forged(0, 0, 0, 4, 0, 15), 2), 'sum.metric'],
  ])('notices %s, without blaming anyone', (_, call, code) => {
    expect(call).toThrow(PeerError);
    expect(call).toThrow(expect.objectContaining({ code, peer: undefined }));
  });

  it('takes what is just within', () => {
    const { values } = server.decode(forged(32767 * 4, -32767 * 4, 0, 4, 200, 14), 2);
    expect([...values]).toEqual([8, -8, 0]);
  });

  it.each<[string, () => unknown, string]>([
    ['other bits', () => server.decode(asPlain(zeroVector(bits - 1, length)), 2), 'usage.vector'],
    ['another length', () => server.decode(asPlain(zeroVector(bits, length - 1)), 2), 'usage.vector'],
    ['no vector', () => server.decode(null as unknown as PlainVector, 2), 'usage.vector'],
    ['no survivors', () => server.decode(forged(), 0), 'usage.range'],
    ['more survivors than clients', () => server.decode(forged(), 9), 'usage.range'],
    ['no cohorts', () => server.combine([]), 'usage.cohorts'],
  ])('is refused %s', (_, call, code) => {
    expect(call).toThrow(UsageError);
    expect(call).toThrow(expect.objectContaining({ code }));
  });

  it('says clearly that nothing has no mean', () => {
    const call = () => server.combine([server.decode(forged(), 3)]);
    expect(call).toThrow(AbortError);
    expect(call).toThrow(expect.objectContaining({ code: 'sum.empty' }));
    expect(call).toThrow('3 clients with a total weight of 0 have no mean');
  });
});
