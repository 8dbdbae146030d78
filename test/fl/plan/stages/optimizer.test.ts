/** [enc-6]: what FedNova and SCAFFOLD take beside updates, from clients' numbers to the optimizer and back. */
import { describe, expect, it } from 'vitest';
import { PeerError, UsageError } from '../../../../src/core/errors.js';
import {
  clientPipeline,
  contributionCheck,
  definePlan,
  novaNormalizer,
  optimizerFrom,
  type Plan,
  type PlanInput,
  publicSeed,
  ringShape,
  scaffoldControl,
  serverPipeline,
} from '../../../../src/fl/index.js';
import {
  broadcast,
  broadcastLength,
  type LocalExtra,
  readBroadcast,
  summedControl,
} from '../../../../src/fl/plan/stages/optimizer.js';
import { addInto, asPlain, type PlainVector, zeroVector } from '../../../../src/ring/vector.js';
import { draws } from '../../../support/draws.js';

const base = {
  vector: { dimension: 5 },
  cohort: { maxClients: 8 },
  quantize: { bits: 20, range: 2 },
} satisfies PlanInput;
const step = 2 / (2 ** 19 - 1);
const normalizerScale = 1 / 16;
const fednova = { kind: 'fednova', normalizerScale } as const;
const scaffold = { kind: 'scaffold', clients: 10, controlScale: 0.5 } as const;
const rotate = { kind: 'hadamard' } as const;
const seed = publicSeed({ planHash: new Uint8Array(32), modelHash: new Uint8Array(32), round: 1 });

interface Client extends LocalExtra {
  readonly update: Float32Array;
  readonly weight?: number;
}

/** The mean of what clients give, by way of the ring. */
function meanOf(plan: Plan, clients: readonly Client[]): Float64Array {
  const { bits, length } = ringShape(plan);
  const sum = asPlain(zeroVector(bits, length));
  const encode = clientPipeline(plan);
  clients.forEach(({ update, ...rest }, i) => {
    addInto(sum, encode(update, { ...rest, rounding: draws(i), publicSeed: seed }));
  });
  const server = serverPipeline(plan);
  return server.combine([server.decode(sum, clients.length, { publicSeed: seed })]).mean;
}

const updateOf = (i: number): Float32Array => Float32Array.from({ length: 5 }, (_, j) => Math.sin(3 * i + j));
const near = (found: ArrayLike<number>, wanted: readonly number[], bound: number): void => {
  expect(found.length).toBe(wanted.length);
  wanted.forEach((value, i) => {
    expect(Math.abs((found[i] ?? Number.NaN) - value)).toBeLessThanOrEqual(bound);
  });
};

describe('FedNova in a plan', () => {
  const clients = [1, 4, 16].map((steps, i) => ({ update: updateOf(i), steps, weight: 1 + i }));
  const weighted = { ...base, optimizer: fednova, weight: { kind: 'examples', max: 3 } } satisfies PlanInput;
  const wanted = (values: (client: (typeof clients)[number]) => number): number =>
    clients.reduce((sum, client) => sum + client.weight * values(client), 0) / 6;

  it.each([{}, { rotate }, { rotate, masking: { kind: 'none' } }] as const)(
    'sums directions and normalizers under the same weights, with %o',
    (more) => {
      const plan = definePlan({ ...weighted, ...more });
      const mean = meanOf(plan, clients);
      const directions = Array.from({ length: 5 }, (_, j) =>
        wanted(({ update, steps }) => (update[j] ?? Number.NaN) / steps),
      );
      near(mean, [...directions, wanted(({ steps }) => steps) * normalizerScale], 3 * step);
    },
  );

  it('moves the model as the arithmetic outside of plans does, and as FedAvg where all step alike', () => {
    const plan = definePlan(weighted);
    const { optimizer } = serverPipeline(plan);
    const model = new Float64Array(5);
    const { model: next } = optimizer.step({
      model,
      mean: meanOf(plan, clients),
      survivors: 3,
      state: optimizer.initialState(),
    });
    const effective = wanted(({ steps }) => steps);
    near(
      next,
      Array.from({ length: 5 }, (_, j) => effective * wanted(({ update, steps }) => (update[j] ?? 0) / steps)),
      40 * step,
    );
    const alike = clients.map((client) => ({ ...client, steps: 7 }));
    const same = optimizer.step({ model, mean: meanOf(plan, alike), survivors: 3, state: optimizer.initialState() });
    near(
      same.model,
      Array.from({ length: 5 }, (_, j) => wanted(({ update }) => update[j] ?? 0)),
      20 * step,
    );
  });

  it('takes steps, or the normalizer that they make', () => {
    const plan = definePlan({ ...base, optimizer: fednova });
    const encode = clientPipeline(plan);
    const lanes = (local: LocalExtra): Uint32Array | Uint16Array | Uint8Array =>
      encode(updateOf(1), { ...local, rounding: draws(1) }).lanes;
    expect(lanes({ steps: 6 })).toEqual(lanes({ normalizer: novaNormalizer({ steps: 6 }) }));
    expect(lanes({ normalizer: novaNormalizer({ steps: 6, momentum: 0.5 }) })).not.toEqual(lanes({ steps: 6 }));
  });

  it('clips the update, not the normalizer', () => {
    const plan = definePlan({ ...base, optimizer: fednova, clip: { kind: 'l2', norm: 2 } });
    const mean = meanOf(plan, [{ update: new Float32Array(5).fill(100), steps: 16 }]);
    near(mean, [...new Array<number>(5).fill(2 / Math.sqrt(5) / 16), 16 * normalizerScale], 2 * step);
  });

  it('compresses the update, not the normalizer', () => {
    const plan = definePlan({ ...base, optimizer: fednova, compress: { kind: 'random-k', fraction: 0.4 } });
    expect(ringShape(plan).length).toBe(2 + 1 + 1);
    const mean = meanOf(plan, [{ update: updateOf(1), steps: 8 }]);
    near(mean.subarray(5), [8 * normalizerScale], step);
    expect([...mean.subarray(0, 5)].filter((value) => value === 0).length).toBe(3);
  });

  it("refuses a sum whose update isn't clipped, whatever is beside it", () => {
    const lawful = definePlan({ ...base, optimizer: fednova, clip: { kind: 'l2', norm: 2 } });
    const { bits, length } = ringShape(lawful);
    const vector = (...values: number[]): PlainVector => {
      const sum = asPlain(zeroVector(bits, length));
      values.forEach((value, i) => {
        sum.lanes[i] = Math.round(value / step);
      });
      sum.lanes[length - 1] = 1;
      return sum;
    };
    const { decode } = serverPipeline(lawful);
    expect(() => decode(vector(1, 1, 0, 1, 1, 1), 1)).not.toThrow();
    expect(() => decode(vector(1.5, 1.5, 0, 0, 0, 1), 1)).toThrow(PeerError);
    expect(() => decode(vector(1.5, 1.5, 0, 0, 0, 1), 1)).toThrow(expect.objectContaining({ code: 'sum.norm' }));
  });

  const plan = definePlan({ ...base, optimizer: fednova });
  it.each<[string, object, string]>([
    ['no steps', {}, 'usage.options'],
    ['steps and a normalizer', { steps: 2, normalizer: 2 }, 'usage.options'],
    ['no step', { steps: 0 }, 'usage.range'],
    ['half a step', { steps: 1.5 }, 'usage.range'],
    ['text', { steps: '3' }, 'usage.range'],
    ['a normalizer below 1', { normalizer: 0.99 }, 'usage.range'],
    ['no number', { normalizer: Number.NaN }, 'usage.range'],
    ['more steps than fit the range', { steps: 33 }, 'usage.range'],
    ['a huge normalizer', { normalizer: 2 ** 31 }, 'usage.range'],
    ['a control update', { steps: 2, controlUpdate: new Float32Array(5) }, 'usage.options'],
  ])('refuses %s', (_, local, code) => {
    const update = new Float32Array(5);
    for (const call of [
      () => contributionCheck(plan)(update, local),
      () => clientPipeline(plan)(update, { ...local, rounding: draws(1) }),
    ]) {
      expect(call).toThrow(UsageError);
      expect(call).toThrow(expect.objectContaining({ code }));
    }
  });

  it('takes as many steps as just fit', () => {
    expect(() => contributionCheck(plan)(new Float32Array(5), { steps: 32 })).not.toThrow();
    const thirds = definePlan({
      ...base,
      quantize: { bits: 8, range: 0.3 },
      optimizer: { ...fednova, normalizerScale: 0.1 },
    });
    expect(() => contributionCheck(thirds)(new Float32Array(5), { steps: 3 })).not.toThrow();
  });
});

describe('SCAFFOLD in a plan', () => {
  const changeOf = (i: number): Float32Array => updateOf(i + 10).map((value) => 2 * value);
  const clients = [0, 1, 2].map((i) => ({ update: updateOf(i), controlUpdate: changeOf(i) }));
  const meanAt = (values: (i: number) => Float32Array, j: number): number =>
    [0, 1, 2].reduce((sum, i) => sum + (values(i)[j] ?? Number.NaN) / 3, 0);

  it.each([{}, { rotate }, { rotate, masking: { kind: 'none' } }, { clip: { kind: 'l2', norm: 10 } }] as const)(
    'sums updates and control changes, with %o',
    (more) => {
      const plan = definePlan({ ...base, optimizer: scaffold, ...more });
      const indices = [0, 1, 2, 3, 4];
      near(
        meanOf(plan, clients),
        [...indices.map((j) => meanAt(updateOf, j)), ...indices.map((j) => meanAt(changeOf, j) / 2)],
        4 * step,
      );
    },
  );

  it('clips and compresses the update alone', () => {
    const compress = { kind: 'random-k', fraction: 0.4 } as const;
    const plan = definePlan({ ...base, optimizer: scaffold, clip: { kind: 'l2', norm: 2 }, compress });
    expect(ringShape(plan).length).toBe(2 + 5 + 1);
    const mean = meanOf(plan, [{ update: new Float32Array(5).fill(50), controlUpdate: changeOf(0) }]);
    near(
      mean.subarray(5),
      [...changeOf(0)].map((value) => value / 2),
      step,
    );
    expect(Math.hypot(...mean.subarray(0, 5))).toBeLessThan(2 * Math.sqrt(5 / 2) + 0.01);
  });

  it('sends c behind the model, and gives both back', () => {
    const plan = definePlan({ ...base, optimizer: scaffold });
    const { optimizer, broadcast: send } = serverPipeline(plan);
    const model = Float64Array.of(1, 2, 3, 4, 5);
    const mean = Float64Array.from({ length: 10 }, (_, j) => j / 8);
    const { state } = optimizer.step({ model, mean, survivors: 4, state: optimizer.initialState() });
    expect(broadcastLength(plan)).toBe(10);
    const { model: sent, control } = readBroadcast(plan, send(model, state));
    expect([...sent]).toEqual([...model]);
    // 4 of 10 took part, and the sum had half of each change.
    expect([...(control ?? [])]).toEqual([...scaffoldControl(state)].map(Math.fround));
    near(
      control ?? [],
      [5, 6, 7, 8, 9].map((value) => (value / 8) * 0.4 * 2),
      1e-6,
    );
    // What is sent follows from what is checkpointed.
    expect(send(model, optimizer.decodeState(optimizer.encodeState(state)))).toEqual(send(model, state));
  });

  it('sends the model alone under other optimizers', () => {
    for (const optimizer of [fednova, { kind: 'fedavg' } as const]) {
      const plan = definePlan({ ...base, optimizer });
      const model = Float64Array.of(1, 2, 3, 4, 5);
      const values = broadcast(plan, model, optimizerFrom(optimizer, 5).initialState());
      expect(readBroadcast(plan, values)).toEqual({ model: Float32Array.from(model) });
    }
  });

  it("refuses to send another optimizer's state, or another model's length", () => {
    const plan = definePlan({ ...base, optimizer: scaffold });
    const other = optimizerFrom({ kind: 'fedavgm' }, 5).initialState();
    const code = (value: string): unknown => expect.objectContaining({ code: value });
    expect(() => broadcast(plan, new Float64Array(5), other)).toThrow(code('optimizer.state'));
    const state = serverPipeline(plan).optimizer.initialState();
    expect(() => broadcast(plan, new Float64Array(4), state)).toThrow(code('usage.vector'));
    expect(() => readBroadcast(plan, new Float32Array(5))).toThrow(code('usage.vector'));
  });

  it.each([{}, { rotate }] as const)('says what of a control update the sum has, with %o', (more) => {
    const plan = definePlan({ ...base, optimizer: scaffold, ...more });
    const small = { controlUpdate: changeOf(1) };
    near(summedControl(plan, small, seed) ?? [], [...changeOf(1)], 1e-5);
    // Beyond the range the sum has less than was meant, and the client is told how much.
    const large = { controlUpdate: Float32Array.of(100, -100, 50, 0, 1) };
    const summed = summedControl(plan, large, seed) ?? new Float32Array();
    const mean = meanOf(plan, [{ update: updateOf(0), ...large }]);
    near(
      mean.subarray(5),
      [...summed].map((value) => value / 2),
      8 * step,
    );
    expect(Math.hypot(...summed)).toBeLessThan(12);
  });

  it.each<[string, object, string]>([
    ['no control update', {}, 'usage.options'],
    ['one that is too short', { controlUpdate: new Float32Array(4) }, 'usage.vector'],
    ['one that is empty', { controlUpdate: new Float32Array() }, 'usage.vector'],
    ['doubles', { controlUpdate: new Float64Array(5) }, 'usage.floats'],
    ['an array', { controlUpdate: [1, 2, 3, 4, 5] }, 'usage.floats'],
    ['null', { controlUpdate: null }, 'usage.floats'],
    ['infinity', { controlUpdate: Float32Array.of(1, 2, Number.POSITIVE_INFINITY, 4, 5) }, 'usage.finite'],
    ['one that scaling takes beyond float32', { controlUpdate: new Float32Array(5).fill(3e38) }, 'usage.finite'],
    ['steps', { controlUpdate: new Float32Array(5), steps: 3 }, 'usage.options'],
    ['a normalizer', { controlUpdate: new Float32Array(5), normalizer: 3 }, 'usage.options'],
  ])('refuses %s', (_, local, code) => {
    const scaled = definePlan({ ...base, optimizer: { ...scaffold, controlScale: 4 } });
    const call = (): void => contributionCheck(scaled)(new Float32Array(5), local);
    expect(call).toThrow(UsageError);
    expect(call).toThrow(expect.objectContaining({ code }));
  });
});

it.each([null, undefined, 'weight'])('refuses %s in place of what goes with an update', (given) => {
  const call = (): void => contributionCheck(definePlan(base))(new Float32Array(5), given as unknown as LocalExtra);
  expect(call).toThrow(expect.objectContaining({ code: 'usage.options' }));
});

it.each([{ steps: 1 }, { normalizer: 1 }, { controlUpdate: new Float32Array(5) }])(
  'other optimizers refuse %o',
  (local) => {
    const call = (): void => contributionCheck(definePlan(base))(new Float32Array(5), local);
    expect(call).toThrow(expect.objectContaining({ code: 'usage.options' }));
  },
);
