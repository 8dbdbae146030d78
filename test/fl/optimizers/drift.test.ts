/** What FedNova, SCAFFOLD and staleness weights are for, each with the same run without it. */
import { describe, expect, it } from 'vitest';
import {
  type FedNovaSpec,
  novaContribution,
  novaNormalizer,
  type OptimizerInput,
  optimizerFrom,
  type ScaffoldSpec,
  type StalenessSpec,
  scaffoldContribution,
  scaffoldControl,
  scaffoldControlUpdate,
  scaffoldCorrection,
  scaffoldSettle,
  staleContribution,
  stalenessWeight,
} from '../../../src/fl/optimizers/index.js';

/** Clients with F_i(w) = h_i / 2 * (w - b_i)^2. */
const clients = [
  { h: 1, b: 1, steps: 2 },
  { h: 4, b: -2, steps: 12 },
  { h: 0.5, b: 6, steps: 5 },
];
/** Small: what FedAvg gets wrong stays as it goes to 0, what is left of drift under FedNova goes with it. */
const learningRate = 0.002;

function trained(w: number, { h, b, steps }: (typeof clients)[number], correction = 0): number {
  let weight = w;
  for (let step = 0; step < steps; step += 1) weight -= learningRate * (h * (weight - b) + correction);
  return weight - w;
}

const meanOf = (rows: readonly Float64Array[]): Float64Array =>
  Float64Array.from(
    { length: rows[0]?.length ?? 0 },
    (_, k) => rows.reduce((sum, row) => sum + (row[k] ?? 0), 0) / rows.length,
  );

function run(input: OptimizerInput, rounds: number, contribute: (w: number) => readonly Float64Array[]): number {
  const optimizer = optimizerFrom(input, 1);
  let model = Float64Array.of(10);
  let state = optimizer.initialState();
  for (let round = 0; round < rounds; round += 1) {
    const mean = meanOf(contribute(model[0] ?? Number.NaN));
    ({ model, state } = optimizer.step({ model, mean, survivors: clients.length, state }));
  }
  return model[0] ?? Number.NaN;
}

/** argmin of the mean of the F_i. */
const optimum = clients.reduce((sum, { h, b }) => sum + h * b, 0) / clients.reduce((sum, { h }) => sum + h, 0);

const fedavg = (): number =>
  run({ kind: 'fedavg' }, 2000, (w) => clients.map((client) => Float64Array.of(trained(w, client))));

describe('FedNova', () => {
  const spec: FedNovaSpec = { kind: 'fednova', learningRate: 1, normalizerScale: 0.05 };

  it('is tau_eff times the mean direction', () => {
    const optimizer = optimizerFrom(spec, 1);
    const contributions = [
      novaContribution(spec, Float64Array.of(6), { steps: 2 }),
      novaContribution(spec, Float64Array.of(4), { steps: 4 }),
    ];
    expect(contributions.map((values) => [...values])).toEqual([
      [3, 0.1],
      [1, 0.2],
    ]);
    const { model } = optimizer.step({
      model: Float64Array.of(1),
      mean: meanOf(contributions),
      survivors: 2,
      state: optimizer.initialState(),
    });
    expect(model[0]).toBeCloseTo(1 + 3 * 2, 12);
  });

  it('is FedAvg where all clients take the same steps', () => {
    const same = clients.map((client) => ({ ...client, steps: 4 }));
    const nova = run(spec, 5, (w) =>
      same.map((client) => novaContribution(spec, Float64Array.of(trained(w, client)), client)),
    );
    const plain = run({ kind: 'fedavg' }, 5, (w) => same.map((client) => Float64Array.of(trained(w, client))));
    expect(nova).toBeCloseTo(plain, 10);
  });

  it('removes the pull of those who step more, which FedAvg has', () => {
    const nova = run(spec, 2000, (w) =>
      clients.map((client) => novaContribution(spec, Float64Array.of(trained(w, client)), client)),
    );
    expect(Math.abs(nova - optimum)).toBeLessThan(0.05);
    expect(Math.abs(fedavg() - optimum)).toBeGreaterThan(0.5);
  });

  it('knows how far steps with momentum or a proximal term go, by simulating them', () => {
    const simulate = (steps: number, momentum: number, proximal: number): number => {
      // Each gradient is 1: what has been travelled, in learning rates, is the norm of the weights.
      let [position, velocity] = [0, 0];
      for (let step = 0; step < steps; step += 1) {
        velocity = momentum * velocity + 1;
        position = position * (1 - proximal) + velocity;
      }
      return position;
    };
    expect(novaNormalizer({ steps: 7 })).toBe(7);
    expect(novaNormalizer({ steps: 7, momentum: 0.9 })).toBeCloseTo(simulate(7, 0.9, 0), 10);
    expect(novaNormalizer({ steps: 7, proximal: 0.3 })).toBeCloseTo(simulate(7, 0, 0.3), 10);
  });

  it.each([
    ['no local', undefined, 'usage.options'],
    ['0 steps', { steps: 0 }, 'usage.range'],
    ['half a step', { steps: 0.5 }, 'usage.range'],
    ['momentum 1', { steps: 1, momentum: 1 }, 'usage.range'],
    ['a negative term', { steps: 1, proximal: -1 }, 'usage.range'],
    ['both', { steps: 1, momentum: 0.5, proximal: 0.5 }, 'usage.range'],
  ])('refuses %s', (_, local, code) => {
    expect(() => novaContribution(spec, new Float32Array(1), local as { steps: number })).toThrow(
      expect.objectContaining({ code }),
    );
  });

  it('refuses what is no update', () => {
    expect(() => novaContribution(spec, [1] as unknown as Float32Array, { steps: 1 })).toThrow(
      expect.objectContaining({ code: 'usage.floats' }),
    );
  });
});

describe('SCAFFOLD', () => {
  const spec: ScaffoldSpec = { kind: 'scaffold', learningRate: 1, clients: 3, controlScale: 0.1 };

  /**
   * Clients with equal numbers of steps, but unequal optima and curvatures; `dropped` tells who drops out before the
   * sum.
   */
  function scaffold(settleDropouts: boolean, dropped: (round: number) => number): { w: number; gap: number } {
    const optimizer = optimizerFrom(spec, 1);
    let model = Float64Array.of(10);
    let state = optimizer.initialState();
    const own = clients.map((): Float64Array => new Float64Array(1));
    for (let round = 0; round < 2000; round += 1) {
      const control = scaffoldControl(state);
      const made = clients.map((client, i) => {
        const clientControl = own[i] ?? control;
        const correction = scaffoldCorrection(control, clientControl)[0] ?? 0;
        const update = Float64Array.of(trained(model[0] ?? 0, { ...client, steps: 6 }, correction));
        const controlUpdate = scaffoldControlUpdate({ update, control, rates: 6 * learningRate });
        return { controlUpdate, sent: scaffoldContribution(spec, update, controlUpdate) };
      });
      const survivors = made.filter((_, i) => i !== dropped(round));
      const mean = meanOf(survivors.map(({ sent }) => sent));
      ({ model, state } = optimizer.step({ model, mean, survivors: survivors.length, state }));
      made.forEach(({ controlUpdate }, i) => {
        own[i] = scaffoldSettle(own[i] ?? controlUpdate, controlUpdate, settleDropouts || i !== dropped(round));
      });
    }
    const meanControl = own.reduce((sum, [value = 0]) => sum + value, 0) / own.length;
    return { w: model[0] ?? Number.NaN, gap: Math.abs(meanControl - (scaffoldControl(state)[0] ?? Number.NaN)) };
  }

  const nobody = (): number => -1;
  const byTurns = (round: number): number => round % 4;

  it('arrives at the optimum that FedAvg drifts away from', () => {
    const even = run({ kind: 'fedavg' }, 2000, (w) =>
      clients.map((client) => Float64Array.of(trained(w, { ...client, steps: 6 }))),
    );
    expect(Math.abs(even - optimum)).toBeGreaterThan(0.01);
    expect(scaffold(false, nobody).w).toBeCloseTo(optimum, 8);
  });

  it("keeps c the mean of the clients' c_i under dropouts, because dropped clients keep their old one", () => {
    expect(scaffold(false, byTurns).gap).toBeLessThan(1e-9);
    expect(Math.abs(scaffold(false, byTurns).w - optimum)).toBeLessThan(1e-6);
    // The control: clients that go on as if they had been in the sum.
    expect(scaffold(true, byTurns).gap).toBeGreaterThan(1e-3);
  });

  const local = { update: new Float32Array(2), control: new Float32Array(2), rates: 1 };
  it.each([
    ['nothing', undefined, 'usage.options'],
    ['an update of another type', { ...local, update: [0, 0] }, 'usage.floats'],
    ['a short c', { ...local, control: new Float32Array(1) }, 'usage.vector'],
    ['no steps', { ...local, rates: 0 }, 'usage.range'],
  ])('refuses %s', (_, wrong, code) => {
    expect(() => scaffoldControlUpdate(wrong as typeof local)).toThrow(expect.objectContaining({ code }));
  });

  it('refuses controls that are not alike', () => {
    const [two, one] = [new Float32Array(2), new Float32Array(1)];
    for (const call of [
      () => scaffoldCorrection(two, one),
      () => scaffoldContribution(spec, two, one),
      () => scaffoldSettle(two, one, true),
    ])
      expect(call).toThrow(expect.objectContaining({ code: 'usage.vector' }));
    expect(() => scaffoldContribution({ ...spec, clients: 0 }, two, two)).toThrow(
      expect.objectContaining({ code: 'optimizer.schema' }),
    );
  });
});

describe('staleness weights', () => {
  it('are 1 for a fresh update, and then what the papers say', () => {
    const rules: readonly StalenessSpec[] = [
      { kind: 'constant' },
      { kind: 'polynomial', exponent: 0.5 },
      { kind: 'hinge', after: 2, slope: 10 },
    ];
    expect(rules.map((rule) => stalenessWeight(rule, 0))).toEqual([1, 1, 1]);
    expect(rules.map((rule) => stalenessWeight(rule, 3))).toEqual([1, 0.5, 1 / 11]);
    expect(stalenessWeight({ kind: 'hinge', after: 2, slope: 10 }, 2)).toBe(1);
    expect([...staleContribution({ kind: 'polynomial', exponent: 1 }, Float32Array.of(4, -2), 1)]).toEqual([2, -1]);
  });

  it('move the model less where all are stale, since the mean is over clients', () => {
    const optimizer = optimizerFrom({ kind: 'fedbuff' }, 1);
    const move = (staleness: number): number => {
      const mean = meanOf(
        [1, 1].map((value) =>
          staleContribution({ kind: 'polynomial', exponent: 0.5 }, Float64Array.of(value), staleness),
        ),
      );
      return (
        optimizer.step({ model: new Float64Array(1), mean, survivors: 2, state: optimizer.initialState() }).model[0] ??
        0
      );
    };
    expect(move(0)).toBe(1);
    expect(move(3)).toBe(0.5);
  });

  it.each([
    ['a negative staleness', { kind: 'constant' }, -1, 'usage.range'],
    ['half a version', { kind: 'constant' }, 0.5, 'usage.range'],
    ['an unknown rule', { kind: 'exponential' }, 1, 'staleness.schema'],
    ['no rule', undefined, 1, 'staleness.schema'],
    ['a negative exponent', { kind: 'polynomial', exponent: -1 }, 1, 'staleness.schema'],
  ])('refuse %s', (_, rule, staleness, code) => {
    expect(() => stalenessWeight(rule as StalenessSpec, staleness)).toThrow(expect.objectContaining({ code }));
  });
});
