/**
 * FedNova and SCAFFOLD in rounds over real sockets: clients with curvatures of their own, which plain averaging gets
 * wrong.
 */
import { expect, it } from 'vitest';
import { type ClientRound, type Contribution, join, type RoundOutcome } from '../../src/client/index.js';
import {
  definePlan,
  type OptimizerInput,
  type Plan,
  type PlanInput,
  scaffoldControlUpdate,
  scaffoldCorrection,
  scaffoldSettle,
} from '../../src/fl/index.js';
import type { Phase } from '../../src/secagg/index.js';
import type { RoundResult, TaskOptions } from '../../src/server/index.js';
import { allRounds, authority, newIdentity, policy, range, startServer } from './fixtures.js';

const dimension = 6;
const n = 5;
const rate = 0.1;
const planFor = (optimizer: OptimizerInput, more: object = {}): Plan =>
  definePlan({
    vector: { dimension },
    cohort: { maxClients: n },
    quantize: { bits: 24, range: 4 },
    optimizer,
    ...more,
  } as PlanInput);
const scaffold = { kind: 'scaffold', clients: n } as const;
const fednova = { kind: 'fednova', normalizerScale: 1 / 8 } as const;

/**
 * Client `i` wants its own point, and pulls the harder the greater its number; the loss of all is least at `optimum`.
 */
const target = (i: number, j: number): number => Math.sin(2 * i + j);
const curvature = (i: number): number => 1 + i;
const optimum = range(dimension).map((j) => {
  const total = range(n).reduce((sum, i) => sum + curvature(i), 0);
  return range(n).reduce((sum, i) => sum + curvature(i) * target(i, j), 0) / total;
});
const away = (model: Float32Array): number => Math.max(...optimum.map((value, j) => Math.abs(value - (model[j] ?? 9))));

/** Gradient descent on a client's loss, `steps` times, each gradient corrected. */
function trained(i: number, model: Float32Array, steps: number, correction?: Float32Array): Float32Array {
  const weights = Float64Array.from(model);
  for (let k = 0; k < steps; k += 1)
    weights.forEach((value, j) => {
      weights[j] = value - rate * (curvature(i) * (value - target(i, j)) + (correction?.[j] ?? 0));
    });
  return Float32Array.from(weights, (value, j) => value - (model[j] ?? Number.NaN));
}

/** What one client does in each round, and what it is told then. */
interface Member {
  readonly make: (round: ClientRound) => readonly [Float32Array, Contribution];
  readonly told?: (outcome: RoundOutcome) => void;
  readonly vanishAt?: Phase;
}

async function run(
  task: Partial<TaskOptions>,
  members: readonly Member[],
): Promise<{ readonly results: readonly RoundResult[]; readonly errors: readonly unknown[] }> {
  const server = await startServer({
    gather: 2000,
    task: {
      model: new Float32Array(dimension),
      clients: { min: n - 1, max: n },
      ...task,
    },
  });
  const parts = members.map(async ({ make, told, vanishAt }) => {
    const gone = new AbortController();
    const onPhase = (phase: Phase): void => {
      if (phase === vanishAt) gone.abort();
    };
    const identity = await newIdentity();
    const options = { authority: authority.publicKey, identity, policy, onPhase, allowUnmasked: true };
    for await (const round of join(server.url, { ...options, signal: gone.signal })) {
      const outcome = await round.submit(...make(round));
      told?.(outcome);
    }
  });
  const ended = Promise.allSettled(parts);
  const results = await allRounds(server);
  return { results, errors: (await ended).flatMap((part) => (part.status === 'rejected' ? [part.reason] : [])) };
}

/** A client under SCAFFOLD, and its own control variate. */
class Controlled implements Member {
  own: Float32Array = new Float32Array(dimension);
  readonly controls: Float32Array[] = [];
  readonly #i: number;
  readonly #steps: number;

  constructor(i: number, steps: number = 4) {
    this.#i = i;
    this.#steps = steps;
  }

  readonly make = (round: ClientRound): readonly [Float32Array, Contribution] => {
    const { model, control = new Float32Array() } = round;
    this.controls.push(control);
    const update = trained(this.#i, model, this.#steps, scaffoldCorrection(control, this.own));
    const controlUpdate = scaffoldControlUpdate({ update, control, rates: this.#steps * rate });
    return [update, { controlUpdate }];
  };

  readonly told = (outcome: RoundOutcome): void => {
    if (outcome.status !== 'summed') return;
    if (outcome.controlUpdate === undefined) throw new Error('a sum under SCAFFOLD tells its clients what it had');
    this.own = scaffoldSettle(this.own, outcome.controlUpdate, true);
  };
}

/** What averaging comes to in so many rounds, in the clear. */
function averaged(rounds: number): Float32Array {
  let model: Float32Array = new Float32Array(dimension);
  for (let round = 0; round < rounds; round += 1) {
    const updates = range(n).map((i) => trained(i, model, 4));
    model = model.map((value, j) => value + updates.reduce((sum, update) => sum + (update[j] ?? 0), 0) / n);
  }
  return model;
}

/** The greatest difference of a control variate from the mean of the clients' own. */
const apart = (control: Float32Array, clients: readonly Controlled[]): number =>
  Math.max(
    ...Array.from(control, (value, j) =>
      Math.abs(value - clients.reduce((sum, { own }) => sum + (own[j] ?? Number.NaN), 0) / clients.length),
    ),
  );

it('SCAFFOLD finds the optimum that averaging misses, and c stays the mean of the clients', async () => {
  // The control: the same clients, steps and rounds without control variates end elsewhere.
  expect(away(averaged(12))).toBeGreaterThan(0.03);
  const clients = range(n).map((i) => new Controlled(i));
  const { results, errors } = await run({ plan: planFor(scaffold), rounds: 12 }, clients);
  expect(errors).toEqual([]);
  expect(away(results.at(-1)?.model ?? new Float32Array())).toBeLessThan(0.01);
  for (const { failures } of results) expect(failures).toEqual([]);
  // Everybody gets the same c, which is 0 at first.
  const [first] = clients;
  expect(first?.controls.length).toBe(12);
  expect(first?.controls[0]).toEqual(new Float32Array(dimension));
  for (const { controls } of clients) expect(controls).toEqual(first?.controls);
  const { task } = await resumed(results.at(-1), planFor(scaffold));
  expect(apart(task, clients)).toBeLessThan(1e-4);
  expect(Math.hypot(...task)).toBeGreaterThan(0);
});

/** What a server that goes on from a round sends its clients. */
async function resumed(
  result: RoundResult | undefined,
  plan: Plan,
): Promise<{ readonly task: Float32Array; readonly model: Float32Array }> {
  if (result === undefined) throw new Error('there was no round');
  const watchers = range(n).map((i) => new Controlled(i));
  const models: Float32Array[] = [];
  const checkpoint = result.checkpoint();
  const { errors } = await run(
    { plan, rounds: result.round + 2, checkpoint },
    watchers.map(({ make, told }) => ({
      told,
      make: (round) => {
        models.push(round.model);
        return make(round);
      },
    })),
  );
  expect(errors).toEqual([]);
  const [task] = watchers[0]?.controls ?? [];
  const [model] = models;
  if (task === undefined || model === undefined) throw new Error('nobody was offered a round');
  return { task, model };
}

it('goes on from a checkpoint with the same c, bit for bit', async () => {
  const plan = planFor(scaffold);
  const clients = range(n).map((i) => new Controlled(i));
  const { results } = await run({ plan, rounds: 3 }, clients);
  // What the third round began with.
  const { task, model } = await resumed(results[1], plan);
  expect(task).toEqual(clients[0]?.controls[2]);
  expect(model).toEqual(results[1]?.model);
});

it("keeps the control variate of a client that isn't in the sum", async () => {
  const clients = range(n).map((i) => new Controlled(i));
  const [lost, ...others] = clients;
  if (lost === undefined) throw new Error('nobody is there to be lost');
  const { results, errors } = await run({ plan: planFor(scaffold), rounds: 2 }, [
    { make: lost.make, told: lost.told, vanishAt: 'input' },
    ...others,
  ]);
  expect(errors.length).toBe(1);
  expect(results.map(({ cohorts }) => cohorts[0]?.survivors)).toEqual([4, 4]);
  expect(lost.own).toEqual(new Float32Array(dimension));
  expect(others.every(({ own }) => own.some((value) => value !== 0))).toBe(true);
  const { task } = await resumed(results.at(-1), planFor(scaffold));
  expect(apart(task, clients)).toBeLessThan(1e-5);
});

it.each([
  ['masked', {}],
  ['in the clear', { masking: { kind: 'none' } }],
  ['rotated', { rotate: { kind: 'hadamard' } }],
])('FedNova makes up for different numbers of steps, %s', async (_, more) => {
  const stepsOf = (i: number): number => 1 + 4 * i;
  const members = range(n).map((i): Member => {
    const extra: Contribution = i % 2 === 0 ? { steps: stepsOf(i) } : { normalizer: stepsOf(i) };
    return { make: ({ model }) => [trained(i, model, stepsOf(i)), extra] };
  });
  const { results, errors } = await run({ rounds: 2, plan: planFor(fednova, more) }, members);
  expect(errors).toEqual([]);
  /** The same in the clear: each update over its steps, times `factor` of all steps. */
  const mean = (model: Float32Array, divisor: (i: number) => number, factor: number): Float32Array =>
    model.map((value, j) => {
      const updates = range(n).map((i) => (trained(i, model, stepsOf(i))[j] ?? Number.NaN) / divisor(i));
      return value + (factor * updates.reduce((sum, update) => sum + update)) / n;
    });
  const effective = range(n).reduce((sum, i) => sum + stepsOf(i), 0) / n;
  const apart = (a: Float32Array, b: Float32Array): number =>
    Math.max(...a.map((value, j) => Math.abs(value - (b[j] ?? Number.NaN))));
  let model: Float32Array = new Float32Array(dimension);
  for (const result of results) {
    const wanted = mean(model, stepsOf, effective);
    expect(apart(result.model, wanted)).toBeLessThan(1e-4);
    // The control: FedAvg goes elsewhere from here.
    expect(
      apart(
        mean(model, () => 1, 1),
        wanted,
      ),
    ).toBeGreaterThan(0.01);
    model = result.model;
  }
});

it('lets a client submit again that left out what the optimizer asks for', async () => {
  const refused: unknown[] = [];
  const clients = range(n).map((i) => new Controlled(i));
  const identity = await newIdentity();
  const server = await startServer({
    task: { plan: planFor(scaffold), model: new Float32Array(dimension), clients: { min: n, max: n } },
  });
  const parts = clients.map(async ({ make, told }, i) => {
    const options = { authority: authority.publicKey, identity: i === 0 ? identity : await newIdentity(), policy };
    for await (const round of join(server.url, options)) {
      const [update, contribution] = make(round);
      for (const wrong of [{}, { steps: 3 }, { controlUpdate: new Float32Array(2) }, { ...contribution, steps: 1 }])
        if (i === 0) await round.submit(update, wrong).catch((error: unknown) => refused.push(error));
      told(await round.submit(update, contribution));
    }
  });
  const [result] = await allRounds(server);
  await Promise.all(parts);
  expect(result?.cohorts[0]?.survivors).toBe(n);
  expect(refused).toMatchObject([
    { code: 'usage.options' },
    { code: 'usage.options' },
    { code: 'usage.vector' },
    { code: 'usage.options' },
  ]);
});
