/**
 * Masked and unmasked runs of lawful plans come to the same, to within quantization: real sessions, generated plans.
 */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { seededNoise } from '../../../src/dp/mechanisms/components.js';
import {
  clientPipeline,
  definePlan,
  distributedPrivacy,
  type OptimizerInput,
  type Plan,
  type PlanInput,
  ringShape,
  serverPipeline,
} from '../../../src/fl/index.js';
import { gridStep, updateLength } from '../../../src/fl/plan/shape.js';
import { compressedLength } from '../../../src/fl/plan/stages/compress.js';
import type { LocalExtra } from '../../../src/fl/plan/stages/optimizer.js';
import { seededBytes } from '../../support/provider.js';
import { complete, makeWorld, play } from '../../support/session.js';

interface Case {
  readonly dimension: number;
  readonly n: number;
  readonly bits: number;
  readonly clip: number | null;
  readonly rotated: boolean;
  readonly weightMax: number | null;
  readonly counted: boolean;
  readonly noise: 'discreteGaussian' | 'skellam' | null;
  readonly robust: boolean;
  /** Part of the coordinates that are sent. */
  readonly sent: number | null;
  /** One that takes more than updates; without noise or a robust rule. */
  readonly optimizer: 'fednova' | 'scaffold' | null;
  /** In buffers: versions between training and forming the cohort, and between that and the step. */
  readonly stale: { readonly age: number; readonly late: number } | null;
  readonly seed: number;
}

const cases: fc.Arbitrary<Case> = fc.record({
  dimension: fc.integer({ min: 1, max: 24 }),
  n: fc.integer({ min: 4, max: 6 }),
  bits: fc.integer({ min: 4, max: 16 }),
  clip: fc.option(fc.double({ min: 1, max: 3, noNaN: true })),
  rotated: fc.boolean(),
  weightMax: fc.option(fc.integer({ min: 1, max: 50 })),
  counted: fc.boolean(),
  noise: fc.option(fc.constantFrom('discreteGaussian' as const, 'skellam' as const), { freq: 2 }),
  robust: fc.boolean(),
  sent: fc.option(fc.double({ min: 0.2, max: 1, noNaN: true })),
  optimizer: fc.option(fc.constantFrom('fednova' as const, 'scaffold' as const), { freq: 1 }),
  stale: fc.option(fc.record({ age: fc.nat({ max: 100 }), late: fc.nat({ max: 1000 }) })),
  seed: fc.nat(),
});

/** So much epsilon that the noise is a few grid steps. */
const budget = { epsilon: 1e5, delta: 1e-5, rounds: 1 };
const mostSteps = 20;
const over = { kind: 'robust', over: 'cohorts', cohorts: 1, aggregator: { kind: 'median' } } as const;

function optimizerOf({ optimizer, n }: Case): OptimizerInput {
  if (optimizer === 'scaffold') return { kind: 'scaffold', clients: 2 * n, controlScale: 0.5 };
  return optimizer === 'fednova' ? { kind: 'fednova', normalizerScale: 1 / mostSteps } : { kind: 'fedavg' };
}

function planOf(given: Case): Plan {
  const { dimension, n, bits, clip, rotated, counted, sent } = given;
  const alone = given.optimizer === null;
  const [noise, robust, stale] = alone ? [given.noise, given.robust, given.stale] : [null, false, null];
  const weightMax = given.optimizer === 'scaffold' ? null : given.weightMax;
  const [vector, cohort] = [{ dimension }, { maxClients: n }];
  const combine = {
    ...(robust ? { combine: over } : {}),
    ...(stale === null ? {} : { schedule: { kind: 'buffered', bufferSize: n } as const }),
  };
  const compress = sent === null ? ({ kind: 'none' } as const) : ({ kind: 'random-k', fraction: sent } as const);
  if (noise !== null) {
    const found = distributedPrivacy({
      vector,
      cohort,
      compress,
      clip: clip ?? 1,
      minSurvivors: 2,
      removable: 2,
      noise,
      budget,
    });
    return definePlan({ vector, cohort, ...combine, ...found });
  }
  const fields: object = {
    vector,
    cohort,
    ...combine,
    weight: weightMax === null ? { kind: 'uniform' } : { kind: 'examples', max: weightMax },
    clip: clip === null ? { kind: 'none' } : { kind: 'l2', norm: clip },
    compress,
    rotate: { kind: rotated ? 'hadamard' : 'none' },
    quantize: { bits, range: 1 },
    metrics: counted ? [{ name: 'count', max: 5 }] : [],
    optimizer: optimizerOf(given),
  };
  return definePlan(fields as PlanInput);
}

/** What the optimizer takes of client `i` beside its update. */
function extraOf({ optimizer, dimension, seed }: Case, i: number): LocalExtra {
  if (optimizer === 'fednova') return { steps: 1 + ((seed + i) % mostSteps) };
  // Inside the range once scaled, also where it is rotated.
  const change = (j: number): number => (1.9 * Math.cos(seed + 5 * i + j)) / Math.sqrt(dimension);
  return optimizer === 'scaffold'
    ? { controlUpdate: Float32Array.from({ length: dimension }, (_, j) => change(j)) }
    : {};
}

/** The same without masking or noise. */
function unmaskedPlan(plan: Plan): Plan {
  const { vector, cohort, weight, clip, compress, rotate, quantize, metrics, optimizer, schedule } = plan;
  const grid = quantize.kind === 'stochastic' ? quantize : { bits: 16, range: 1 };
  const same = { vector, cohort, weight, clip, compress, rotate, metrics, optimizer, schedule };
  return definePlan({ ...same, quantize: grid, masking: { kind: 'none' } } as PlanInput);
}

it('agree, whoever drops out', { timeout: 300_000 }, async () => {
  await fc.assert(
    fc.asyncProperty(cases, async (given) => {
      const plan = planOf(given);
      const { n, dimension, seed } = given;
      const { bits, length } = ringShape(plan);
      const releaseAt = plan.privacy.kind === 'distributed' ? plan.privacy.releaseAt : [];
      const context = { ringBits: bits, vectorLength: length, maxClients: n, releaseAt };
      const world = await makeWorld({
        n,
        parameters: complete(2),
        seed: `agreement ${seed}`,
        context,
        inputs: () => Array<number>(length).fill(0),
      });
      const random = seededBytes(`agreement ${seed}`);
      const words = (count: number): Uint32Array => new Uint32Array(new Uint8Array(random(4 * count)).buffer);
      const publicSeed = new Uint8Array(random(32));
      const clients = world.seats.map((_, i) => ({
        // Inside the range also once rotated.
        update: Float32Array.from({ length: dimension }, (__, j) => Math.sin(seed + 7 * i + j) / Math.sqrt(dimension)),
        weight: plan.weight.kind === 'uniform' ? 1 : 1 + ((seed + i) % plan.weight.max),
        metrics: plan.metrics.length > 0 ? { count: i % 6 } : {},
        ...extraOf(given, i),
      }));
      const { age = 0, late = 0 } = (given.optimizer === null ? given.stale : null) ?? {};
      // Each client is of another age.
      const versionsOf = (i: number) => ({ trained: 200 - Math.floor(age / (i + 1)), formed: 200 });
      const sumVersions = { formed: 200, current: 200 + late };
      const encode = clientPipeline(plan);
      const seats = world.seats.map((seat, i) => {
        const { update = new Float32Array(dimension), ...rest } = clients[i] ?? {};
        const applicationSeeds = seat.client.applicationSeeds();
        const noise = { random: seededNoise(new Uint8Array(random(32))), applicationSeeds, publicSeed };
        return { ...seat, input: encode(update, { ...rest, ...noise, rounding: words, versions: versionsOf(i) }) };
      });
      // The first is lost before its input.
      const { result } = await play(
        { ...world, seats },
        {
          up: (message, { peer, name }) => (peer === 'client 0' && name === 'input' ? undefined : message),
        },
      );
      if (result === undefined) throw new Error('the session came to nothing');
      expect(result.survivors.length).toBe(n - 1);
      const server = serverPipeline(plan);
      const applicationSeeds = result.survivors.map(
        (peer) => result.applicationSeeds.get(peer) ?? new Map<number, Uint8Array>(),
      );
      const sum = server.decode(result.sum, n - 1, { publicSeed, applicationSeeds });
      const masked = server.combine([server.weigh(sum, sumVersions)]);

      const open = unmaskedPlan(plan);
      const openServer = serverPipeline(open);
      const openEncode = clientPipeline(open);
      const plain = openServer.combine(
        clients.slice(1).map(({ update, ...rest }, i) => {
          const input = openEncode(update, { ...rest, rounding: words, publicSeed, versions: versionsOf(i + 1) });
          return openServer.weigh(openServer.decode(input, 1, { publicSeed }), sumVersions);
        }),
      );
      expect(masked.weight).toBe(plain.weight);
      expect(masked.metrics).toEqual(plain.metrics);
      // A step a coordinate on either side; a rotation may put the steps of all coordinates into one.
      const scale = dimension / compressedLength(plan);
      const gather = scale * (plan.rotate.kind === 'none' ? 1 : Math.sqrt(updateLength(plan)));
      const noise = plan.privacy.kind === 'distributed' ? 8 * Math.sqrt(4 * plan.privacy.variance) : 0;
      const bound = gather * ((1 + noise) * gridStep(plan) + gridStep(open)) + 1e-6;
      expect(masked.mean.length).toBe(server.optimizer.contributionLength);
      masked.mean.forEach((value, j) => {
        expect(Math.abs(value - (plain.mean[j] ?? Number.NaN))).toBeLessThanOrEqual(bound);
      });
    }),
    { numRuns: 60 },
  );
});
