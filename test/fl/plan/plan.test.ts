import { describe, expect, expectTypeOf, it } from 'vitest';
import { UsageError } from '../../../src/core/errors.js';
import { definePlan, type Plan, type PlanFields, type PlanInput, ringShape } from '../../../src/fl/index.js';
import { budget, central, distributed, full, overCohorts, smallest } from './fixtures.js';

describe('definePlan', () => {
  it('fills in what is assumed', () => {
    expect(definePlan(smallest)).toEqual({
      version: 1,
      masking: { kind: 'pairwise' },
      vector: { dimension: 10 },
      cohort: { maxClients: 10 },
      weight: { kind: 'uniform' },
      errorFeedback: { kind: 'none' },
      clip: { kind: 'none' },
      compress: { kind: 'none' },
      rotate: { kind: 'none' },
      quantize: { kind: 'stochastic', bits: 16, range: 0.5 },
      privacy: { kind: 'none' },
      metrics: [],
      combine: { kind: 'mean' },
      optimizer: { kind: 'fedavg', learningRate: 1 },
      schedule: { kind: 'rounds' },
    });
    expect(definePlan({ ...smallest, schedule: { kind: 'buffered', bufferSize: 4 } })).toMatchObject({
      version: 2,
      schedule: {
        kind: 'buffered',
        bufferSize: 4,
        staleness: { kind: 'polynomial', exponent: 0.5 },
        maxStaleness: 100,
      },
    });
  });

  it('copies and freezes', () => {
    const input: PlanInput = structuredClone(full);
    const plan = definePlan(input);
    expect(plan).toEqual(full);
    (input.metrics as unknown[]).pop();
    (input.vector as { dimension: number }).dimension = 1;
    expect(plan).toEqual(full);
    for (const part of [plan, plan.vector, plan.metrics, plan.metrics[0], plan.weight, plan.clip, plan.quantize])
      expect(Object.isFrozen(part)).toBe(true);
  });

  it('is the only way to a Plan, besides parsePlan', () => {
    expectTypeOf<PlanFields>().not.toExtend<Plan>();
    expectTypeOf<Plan>().toExtend<PlanFields>();
    // @ts-expect-error fields that nobody checked
    expect(ringShape(full)).toEqual({ bits: 28, length: 50_893 });
  });

  it.each<[string, unknown, string]>([
    ['nothing', undefined, 'the plan must be an object'],
    ['null', null, 'the plan must be an object'],
    ['text', 'plan', 'the plan must be an object'],
    ['an array', [], 'vector is missing'],
    ['an empty object', {}, 'vector'],
    ['an unknown field', { ...smallest, noise: 1 }, 'noise'],
    ['an unknown field inside', { ...smallest, vector: { dimension: 1, shape: [1] } }, 'vector.shape'],
    ['another version', { ...smallest, version: 2 }, 'version'],
    ['a text version', { ...smallest, version: '1' }, 'version'],
    ['no dimension', { ...smallest, vector: {} }, 'vector.dimension'],
    ['dimension 0', { ...smallest, vector: { dimension: 0 } }, 'vector.dimension'],
    ['a fractional dimension', { ...smallest, vector: { dimension: 1.5 } }, 'vector.dimension'],
    ['a huge dimension', { ...smallest, vector: { dimension: 2 ** 40 } }, 'vector.dimension'],
    ['an unknown schedule', { ...smallest, schedule: { kind: 'always' } }, 'schedule.kind'],
    ['a text as schedule', { ...smallest, schedule: 'buffered' }, 'schedule'],
    ['a buffer of one', { ...smallest, schedule: { kind: 'buffered', bufferSize: 1 } }, 'schedule.bufferSize'],
    ['a buffer without size', { ...smallest, schedule: { kind: 'buffered' } }, 'schedule.bufferSize'],
    [
      'endless staleness',
      { ...smallest, schedule: { kind: 'buffered', bufferSize: 4, maxStaleness: 1001 } },
      'schedule.maxStaleness',
    ],
    ['rounds with a size', { ...smallest, schedule: { kind: 'rounds', bufferSize: 4 } }, 'schedule.bufferSize'],
    ['no clients', { ...smallest, cohort: { maxClients: 0 } }, 'cohort.maxClients'],
    ['one client', { ...smallest, cohort: { maxClients: 1 } }, 'cohort.maxClients'],
    ['endless clients', { ...smallest, cohort: { maxClients: Number.POSITIVE_INFINITY } }, 'cohort.maxClients'],
    ['1 bit', { ...smallest, quantize: { bits: 1, range: 1 } }, 'quantize.bits'],
    ['33 bits', { ...smallest, quantize: { bits: 33, range: 1 } }, 'quantize.bits'],
    ['range 0', { ...smallest, quantize: { bits: 8, range: 0 } }, 'quantize.range'],
    ['a negative range', { ...smallest, quantize: { bits: 8, range: -1 } }, 'quantize.range'],
    ['a NaN range', { ...smallest, quantize: { bits: 8, range: Number.NaN } }, 'quantize.range'],
    ['an infinite range', { ...smallest, quantize: { bits: 8, range: Number.POSITIVE_INFINITY } }, 'quantize.range'],
    ['a range that float32 lacks', { ...smallest, quantize: { bits: 8, range: 1e-300 } }, 'quantize.range'],
    ['an unknown weight', { ...smallest, weight: { kind: 'loss', max: 1 } }, 'weight'],
    ['weight 0 at most', { ...smallest, weight: { kind: 'examples', max: 0 } }, 'weight.max'],
    ['uniform with a maximum', { ...smallest, weight: { kind: 'uniform', max: 3 } }, 'weight.max'],
    ['an unknown clip', { ...smallest, clip: { kind: 'l1', norm: 1 } }, 'clip'],
    ['clip norm 0', { ...smallest, clip: { kind: 'l2', norm: 0 } }, 'clip.norm'],
    ['an unknown combine', { ...smallest, combine: { kind: 'median' } }, 'combine'],
    [
      'an unknown rule',
      { ...smallest, combine: { ...overCohorts, aggregator: { kind: 'best' } } },
      'combine.aggregator',
    ],
    ['a rule over nothing', { ...smallest, combine: { ...overCohorts, over: 'sums' } }, 'combine.over'],
    [
      'a rule with a negative f',
      { ...smallest, combine: { ...overCohorts, aggregator: { kind: 'krum', f: -1 } } },
      'combine.aggregator',
    ],
    ['an unknown optimizer', { ...smallest, optimizer: { kind: 'sgd' } }, 'optimizer'],
    ['an optimizer without its rate', { ...smallest, optimizer: { kind: 'fedadam' } }, 'optimizer'],
    ['unknown compression', { ...smallest, compress: { kind: 'sign-vote' } }, 'compress'],
    ['a fraction of nothing', { ...smallest, compress: { kind: 'random-k', fraction: 0 } }, 'compress'],
    ['no compression with a fraction', { ...smallest, compress: { kind: 'none', fraction: 1 } }, 'compress'],
    ['unknown masking', { ...smallest, masking: { kind: 'xor' } }, 'masking'],
    ['unknown noise', { ...distributed, privacy: { ...distributed.privacy, noise: 'laplace' } }, 'privacy.noise'],
    [
      'delta 1',
      { ...distributed, privacy: { ...distributed.privacy, budget: { ...budget, delta: 1 } } },
      'privacy.budget.delta',
    ],
    ['noise without a budget', { ...central, privacy: { kind: 'central', variance: 1 } }, 'privacy.budget'],
    [
      '17 components',
      { ...distributed, privacy: { ...distributed.privacy, releaseAt: Array(17).fill(7) } },
      'privacy.releaseAt',
    ],
    ['metrics as an object', { ...smallest, metrics: {} }, 'metrics'],
    ['65 metrics', { ...smallest, metrics: Array(65).fill({ name: 'a', max: 1 }) }, 'metrics'],
    ['a metric without maximum', { ...smallest, metrics: [{ name: 'a' }] }, 'metrics.0.max'],
    ['a metric name with a capital', { ...smallest, metrics: [{ name: 'A', max: 1 }] }, 'metrics.0.name'],
    ['a metric name __proto__', { ...smallest, metrics: [{ name: '__proto__', max: 1 }] }, 'metrics.0.name'],
    ['an empty metric name', { ...smallest, metrics: [{ name: '', max: 1 }] }, 'metrics.0.name'],
    ['a long metric name', { ...smallest, metrics: [{ name: 'a'.repeat(33), max: 1 }] }, 'metrics.0.name'],
  ])('refuses %s and says where', (_, input, where) => {
    const call = () => definePlan(input as PlanInput);
    expect(call).toThrow(UsageError);
    expect(call).toThrow(expect.objectContaining({ code: 'plan.schema' }));
    expect(call).toThrow(where);
  });
});
