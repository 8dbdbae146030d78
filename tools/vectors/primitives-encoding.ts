/** Plans, quantization, packing and rotation with their outputs. */
import { PeerError } from '#veilsum/core/errors.js';
import type { PlanInput } from '#veilsum/fl/plan/input.js';
import { clientPipeline } from '#veilsum/fl/plan/pipeline.js';
import { definePlan, parsePlan, planBytes } from '#veilsum/fl/plan/plan.js';
import { ringShape, valuesLength } from '#veilsum/fl/plan/shape.js';
import type { LocalExtra } from '#veilsum/fl/plan/stages/optimizer.js';
import { publicSeed } from '#veilsum/fl/plan/stages/seed.js';
import { pack, packedLength } from '#veilsum/ring/pack.js';
import { quantize, ringBitsFor } from '#veilsum/ring/quantize.js';
import { rotate } from '#veilsum/ring/rotate.js';
import { plainVector } from '#veilsum/ring/vector.js';
import { bytesOf } from './deterministic.js';
import { hex, type Json, type VectorFile } from './files.js';
import { type Case, file } from './primitives.js';

function quantizeCases(): readonly Case[] {
  const fractions = [0.5, -0.5, 0.25, -0.25, 1, -1, 0, 2, -2, 0.1, -0.1, 1e-9, 1 / 3];
  const values = Float32Array.from(fractions);
  const draws = [0, 1, 2 ** 31 - 1, 2 ** 31, 2 ** 31 + 1, 2 ** 32 - 1];
  return [2, 8, 16, 24].flatMap((bits) =>
    [1, 5].map((weight) => {
      const ringBits = ringBitsFor({ bits, maxClients: 4, maxWeight: weight });
      const rounding = Uint32Array.from(fractions, (_, i) => draws[i % draws.length] ?? 0);
      const { lanes } = quantize(values, { bits, range: 1, weight, rounding, ringBits });
      return {
        name: `${bits} bits, weight ${weight}`,
        input: { values: [...values], bits, range: 1, weight, rounding: [...rounding], ringBits },
        output: Array.from(lanes, (value) => value % 2 ** ringBits),
      };
    }),
  );
}

function packCases(): readonly Case[] {
  return [1, 3, 7, 8, 9, 13, 16, 17, 24, 31, 32].map((bits) => {
    const values = Array.from({ length: 9 }, (_, i) => {
      const word = new DataView(bytesOf(`pack ${bits} ${i}`, 4).buffer).getUint32(0);
      return i === 0 ? 2 ** bits - 1 : word % 2 ** bits;
    });
    return {
      name: `${bits} bits`,
      input: { bits, values },
      output: { length: packedLength(bits, values.length), packed: hex(pack(plainVector(bits, values))) },
    };
  });
}

function rotateCases(): readonly Case[] {
  return [1, 2, 5, 16].map((length) => {
    const seed = bytesOf(`rotation ${length}`, 32);
    const values = Float32Array.from({ length }, (_, i) => Math.fround((i + 1) / 7 - 1));
    return {
      name: `${length} values`,
      input: { values: [...values], seed: hex(seed) },
      output: [...rotate(values, seed)],
    };
  });
}

/** Plans as bytes: the ring that each gives, or why it is refused. */
function planCases(): readonly Case[] {
  const base = { vector: { dimension: 10 }, cohort: { maxClients: 50 }, quantize: { bits: 12, range: 0.5 } };
  const text = (plan: PlanInput): string => new TextDecoder().decode(planBytes(definePlan(plan)));
  const least = text(base);
  const full = text({
    ...base,
    weight: { kind: 'examples', max: 1000 },
    clip: { kind: 'l2', norm: 1.25 },
    metrics: [{ name: 'correct', max: 500 }],
  });
  const replaced = (from: string, to: string, plan: string = full): string => {
    if (!plan.includes(from)) throw new Error(`no ${from} in a plan`);
    return plan.replace(from, to);
  };
  const plans: readonly (readonly [name: string, text: string])[] = [
    ['everything assumed', least],
    ['nothing assumed', full],
    ['numbers that need an exponent', text({ ...base, quantize: { bits: 12, range: 2 ** -60 } })],
    ['empty', ''],
    ['too long', `${full.slice(0, -1)}${' '.repeat(16_384)}}`],
    ['a line break', `${least}\n`],
    ['not ASCII', replaced('correct', 'corréct')],
    ['no JSON', least.slice(0, -1)],
    ['an array', '[]'],
    ['a space', replaced(',', ', ')],
    ['an unknown field', replaced('"version":1', '"version":1,"w":1')],
    ['no vector', replaced('"vector":{"dimension":10},', '', least)],
    ['a field left out that could be assumed', replaced('"metrics":[],', '', least)],
    ['a field twice', replaced('"version":1', '"version":1,"version":1')],
    ['fields in another order', replaced('"bits":12,"kind":"stochastic"', '"kind":"stochastic","bits":12')],
    ['a number with a trailing zero', replaced('"range":0.5', '"range":0.50')],
    ['a number in another notation', replaced('"dimension":10', '"dimension":1e1')],
    ['version 2 for what version 1 says', replaced('"version":1', '"version":2')],
    ['one client', replaced('"maxClients":50', '"maxClients":1')],
    ['33 bits', replaced('"bits":12', '"bits":33')],
    ['a range of 0', replaced('"range":0.5', '"range":0')],
    ['a sum that wraps', replaced('"max":1000', '"max":1000000')],
    ['a metric that wraps', replaced('"max":500', '"max":4294967295')],
    ['a metric twice', replaced('[{"max":500,"name":"correct"}]', '[{"max":500,"name":"a"},{"max":500,"name":"a"}]')],
    ['a range beyond the clip norm', replaced('"norm":1.25', '"norm":0.25')],
    ...laterPlans(base),
  ];
  return plans.map(([name, plan]) => {
    const bytes = Uint8Array.from(plan, (character) => character.charCodeAt(0));
    return { name, input: { bytes: hex(bytes) }, output: shapeOf(bytes) };
  });
}

/** Plans of version 2, and what is wrong with some. */
function laterPlans(base: Pick<PlanInput, 'vector' | 'cohort'>): readonly (readonly [name: string, text: string])[] {
  const quantize = { bits: 12, range: 0.5 } as const;
  const text = (fields: object): string =>
    new TextDecoder().decode(planBytes(definePlan({ quantize, ...base, ...fields } as PlanInput)));
  const replaced = (plan: string, from: string, to: string): string => {
    if (!plan.includes(from)) throw new Error(`no ${from} in a plan`);
    return plan.replace(from, to);
  };
  const adam = text({ optimizer: { kind: 'fedadam', learningRate: 0.1 } });
  const nova = text({ optimizer: { kind: 'fednova', normalizerScale: 0.01 }, weight: { kind: 'examples', max: 9 } });
  const scaffold = text({ optimizer: { kind: 'scaffold', clients: 200 }, rotate: { kind: 'hadamard' } });
  const rotated = text({ rotate: { kind: 'hadamard' } });
  const least = text({});
  const norotate = '"rotate":{"kind":"none"},';
  // Near what distributedPrivacy finds, whose last digits are an engine's logarithms'.
  const noise = {
    clip: { kind: 'l2', norm: 1 },
    rotate: { kind: 'hadamard' },
    quantize: { kind: 'conditional', granularity: 0.0002, beta: 0.01, ringBits: 20 },
    privacy: {
      kind: 'distributed',
      noise: 'discreteGaussian',
      variance: 97_489_166.25,
      minSurvivors: 40,
      colluders: 0,
      releaseAt: [50, 47, 45, 42],
      budget: { epsilon: 8, delta: 1e-5, rounds: 10 },
    },
  };
  const robust = { kind: 'nnm', f: 2, inner: { kind: 'trimmed-mean', f: 2 } };
  return [
    ['FedAdam', adam],
    ['FedNova, with weights', nova],
    ['SCAFFOLD, rotated', scaffold],
    ['a rotation', rotated],
    [
      'a part of the coordinates, with error feedback',
      text({
        compress: { kind: 'random-k', fraction: 0.25, scaling: 'keep' },
        errorFeedback: { kind: 'residual' },
      }),
    ],
    [
      'a count sketch, rotated',
      text({
        compress: { kind: 'count-sketch', rows: 1, columns: 8, top: 3 },
        rotate: { kind: 'hadamard' },
      }),
    ],
    ['top-k without masking', text({ compress: { kind: 'top-k', fraction: 0.1 }, masking: { kind: 'none' } })],
    ['distributed noise', text(noise)],
    [
      'a robust rule over cohorts',
      text({ combine: { kind: 'robust', over: 'cohorts', cohorts: 7, aggregator: robust } }),
    ],
    ['a buffered schedule', text({ schedule: { kind: 'buffered', bufferSize: 10 } })],
    ['version 1 for what version 2 says', replaced(rotated, '"version":2', '"version":1')],
    ['version 1 with an assumed field', replaced(least, '"vector"', `${norotate}"vector"`)],
    ['version 2 without an assumed field', replaced(adam, norotate, '')],
    [
      'version 2 with the schedule that is assumed',
      replaced(adam, '"vector"', '"schedule":{"kind":"rounds"},"vector"'),
    ],
    ['an unknown optimizer', replaced(adam, '"fedadam"', '"fedsgd"')],
    ['an optimizer without a setting', replaced(adam, '"tau":0.001,', '')],
    ['an optimizer with a setting too many', replaced(adam, '"tau":0.001,', '"tau":0.001,"tauPlace":"outside",')],
    ['SCAFFOLD, weighted', replaced(scaffold, '{"kind":"uniform"}', '{"kind":"examples","max":9}')],
    ['SCAFFOLD of fewer clients than a cohort has', replaced(scaffold, '"clients":200', '"clients":49')],
    [
      'FedNova with error feedback',
      replaced(
        replaced(nova, '"errorFeedback":{"kind":"none"}', '"errorFeedback":{"decay":0,"kind":"residual"}'),
        '"compress":{"kind":"none"}',
        '"compress":{"fraction":0.25,"kind":"random-k","scaling":"keep"}',
      ),
    ],
    ['a normalizer beyond the range', replaced(nova, '"normalizerScale":0.01', '"normalizerScale":0.51')],
    ['top-k under masking', replaced(adam, '"compress":{"kind":"none"}', '"compress":{"fraction":0.1,"kind":"top-k"}')],
    [
      'SCAFFOLD with a robust rule',
      replaced(
        scaffold,
        '"combine":{"kind":"mean"}',
        '"combine":{"aggregator":{"f":1,"kind":"median"},"cohorts":5,"kind":"robust","over":"cohorts"}',
      ),
    ],
  ];
}

/** Updates as the vectors that are masked, with what goes beside them. */
function shareCases(): readonly Case[] {
  const base = { vector: { dimension: 3 }, cohort: { maxClients: 8 }, quantize: { bits: 12, range: 2 } };
  const seed = bytesOf('a public seed', 32);
  const update = Float32Array.of(0.75, -1.5, 0.3);
  const controlUpdate = Float32Array.of(0.125, 3, -7);
  const fednova = { kind: 'fednova', normalizerScale: 0.25 };
  const scaffold = { kind: 'scaffold', clients: 20, controlScale: 0.5 };
  const clip = { kind: 'l2', norm: 1 };
  const narrow = { bits: 12, range: 1 };
  const plans: readonly (readonly [name: string, fields: object, share: LocalExtra & { weight?: number }])[] = [
    ['rotated alone', { rotate: { kind: 'hadamard' } }, {}],
    ['FedNova', { optimizer: fednova, weight: { kind: 'examples', max: 9 } }, { normalizer: 5, weight: 3 }],
    [
      'FedNova, clipped and rotated',
      { optimizer: { ...fednova, normalizerScale: 0.1 }, clip, quantize: narrow, rotate: { kind: 'hadamard' } },
      { normalizer: 2.5 },
    ],
    ['SCAFFOLD', { optimizer: scaffold }, { controlUpdate }],
    [
      'SCAFFOLD, clipped and rotated',
      { optimizer: scaffold, clip, quantize: narrow, rotate: { kind: 'hadamard' } },
      { controlUpdate },
    ],
  ];
  return plans.map(([name, fields, { weight = 1, ...share }]) => {
    const plan = definePlan({ ...base, ...fields } as PlanInput);
    const rounding = Uint32Array.from({ length: valuesLength(plan) }, (_, i) => (i * 0x9e3779b1) >>> 0);
    const { lanes } = clientPipeline(plan)(update, { ...share, weight, publicSeed: seed, rounding: () => rounding });
    const { bits } = ringShape(plan);
    const { normalizer = null, controlUpdate: change } = share;
    return {
      name,
      input: {
        plan: hex(planBytes(plan)),
        update: [...update],
        weight,
        normalizer,
        controlUpdate: change === undefined ? null : [...change],
        publicSeed: hex(seed),
        rounding: [...rounding],
      },
      output: Array.from(lanes, (value) => value % 2 ** bits),
    };
  });
}

function seedCases(): readonly Case[] {
  const [planHash, modelHash] = [bytesOf('a plan hash', 32), bytesOf('a model hash', 32)];
  return [0, 7, 2 ** 32 - 1].map((round) => ({
    name: `round ${round}`,
    input: { planHash: hex(planHash), modelHash: hex(modelHash), round },
    output: hex(publicSeed({ planHash, modelHash, round })),
  }));
}

function shapeOf(bytes: Uint8Array): Json {
  try {
    const plan = parsePlan(bytes);
    const { bits, length } = ringShape(plan);
    return { ringBits: bits, vectorLength: length, maxClients: plan.cohort.maxClients };
  } catch (error) {
    if (error instanceof PeerError) return { code: error.code };
    throw error;
  }
}

export function encodingFiles(): readonly VectorFile[] {
  return [
    file('plan', ['plan-1', 'plan-2', 'plan-3', 'plan-4', 'plan-5', 'enc-1'], planCases()),
    file('public-seed', ['enc-6'], seedCases()),
    file('share', ['enc-6'], shareCases()),
    file('quantize', ['enc-3'], quantizeCases()),
    file('pack', ['pack-1'], packCases()),
    file('rotate', ['enc-5'], rotateCases()),
  ];
}
