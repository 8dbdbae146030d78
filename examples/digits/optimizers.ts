/** What the server may do with a round's mean, and what that asks of the clients. */
import type { LocalExtra, OptimizerInput } from 'veilsum/fl';
import { dealing, type Settings, scenarioOf } from './settings.js';

/** Values are rounded to `bits` bits, from -range to range. */
interface Grid {
  readonly bits: number;
  readonly range: number;
}

/** An optimizer, and the grid that its contributions are rounded to. */
interface Choice {
  readonly spec: Exclude<OptimizerInput, { readonly kind: 'fedbuff' }>;
  readonly grid: Grid;
  /** What rounding each value to the next multiple of the grid's step may move a weight of the model by, in steps. */
  readonly magnified: number;
}

const grid: Grid = { bits: 16, range: 1 };

/** Most steps that a client takes in a round, having the most images. */
const mostSteps = 2 * Math.ceil(dealing.size.max / 25);

/** An update over the number of its steps is small, so the grid is narrow; the number itself has to fit as well. */
const directions: Grid = { bits: 16, range: 0.05 };

/** The root of the second moment may be as little as tau, which the first is divided by. */
const adaptive = { learningRate: 0.01, tau: 1e-3 } as const;
const magnifiedByTau = (4 * adaptive.learningRate) / adaptive.tau;

const choices: Readonly<Record<Settings['optimizer'], Choice>> = {
  fedavg: { spec: { kind: 'fedavg' }, grid, magnified: 1 },
  // What is remembered sums up what rounding did in all rounds before.
  fedavgm: {
    spec: { kind: 'fedavgm', momentum: 0.5 },
    grid,
    magnified: 1 / (1 - 0.5),
  },
  fedadam: { spec: { kind: 'fedadam', ...adaptive }, grid, magnified: magnifiedByTau },
  fedyogi: { spec: { kind: 'fedyogi', ...adaptive }, grid, magnified: magnifiedByTau },
  fedadagrad: { spec: { kind: 'fedadagrad', ...adaptive }, grid, magnified: magnifiedByTau },
  fednova: {
    spec: { kind: 'fednova', normalizerScale: directions.range / mostSteps },
    grid: directions,
    // That of the direction, times the steps, and that of the steps, times the direction.
    magnified: 2 * mostSteps,
  },
  // Changes of control variates are differences of gradients, well below a quarter.
  scaffold: {
    spec: { kind: 'scaffold', clients: dealing.clients, controlScale: 4 },
    grid,
    magnified: 1,
  },
};

export const optimizerNames = Object.keys(choices) as readonly Settings['optimizer'][];

export function optimizerOf({ optimizer }: Settings): Choice['spec'] {
  return choices[optimizer].spec;
}

export function gridOf({ optimizer }: Settings): Grid {
  return choices[optimizer].grid;
}

/**
 * How far rounding can move a weight of the model in a round: a client's value is rounded to a neighboring multiple of
 * the step, so the mean of many is off by less; an optimizer may magnify that, and edges round a second time.
 */
export function roundingBound({ optimizer, edges }: Settings): number {
  const { grid: own, magnified } = choices[optimizer];
  const times = edges > 0 ? 2 : 1;
  return (times * magnified * own.range) / (2 ** (own.bits - 1) - 1);
}

/** Bytes that a client fetches for a round: the model, and under SCAFFOLD the server's control variate behind it. */
export function fetchedBytes(settings: Settings): number {
  return 4 * scenarioOf(settings).dimension * (settings.optimizer === 'scaffold' ? 2 : 1);
}

/** How a client trained, as the optimizer's arithmetic takes it. */
export interface LocalWork {
  readonly steps: number;
  /** SCAFFOLD: by how much the client's control variate changes. */
  readonly controlUpdate?: Float32Array;
}

/** What goes beside the update. */
export function extraOf({ optimizer }: Settings, { steps, controlUpdate }: LocalWork): LocalExtra {
  if (optimizer === 'fednova') return { steps };
  return controlUpdate === undefined ? {} : { controlUpdate };
}
