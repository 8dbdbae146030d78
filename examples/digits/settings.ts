/** The example's numbers in one place. Rounds and clients count from 0; people are shown numbers from 1. */
import type { LocalTraining } from './model.js';
import type { Random } from './random.js';

export interface Settings {
  readonly rounds: number;
  /** Everything drawn in the example follows from it, except keys, masks and rounding: those are fresh and secret. */
  readonly seed: number;
}

export const defaults: Settings = { rounds: 10, seed: 7 };

export const clients = 10;

/** Images kept back from all clients to measure accuracy with. */
export const heldOut = 2000;

/** How the other 8,000 are dealt out: the smaller `alpha`, the more the clients differ. */
export const dealing = { clients, alpha: 0.5, size: { min: 100, max: 2048 } } as const;

/** Weights and biases of the two layers, in the order in which a model is laid out flat. */
export const modelShapes = [[784, 64], [64], [64, 10], [10]] as const;

/** 50,890: how long that is, the dimension d of an update. */
export const dimension: number = modelShapes.reduce((sum, [rows, columns = 1]) => sum + rows * columns, 0);

/** What each client does in a round. */
export const training: LocalTraining = { epochs: 2, batchSize: 25, learningRate: (round) => 0.35 * 0.9 ** round };

/** Random starting weights (Glorot and Bengio, 2010); biases start at zero. */
export function initialModel(random: Random): Float32Array {
  return Float32Array.from(
    modelShapes.flatMap(([rows, columns]) => {
      if (columns === undefined) return new Array<number>(rows).fill(0);
      const limit = Math.sqrt(6 / (rows + columns));
      return Array.from({ length: rows * columns }, () => (2 * random() - 1) * limit);
    }),
  );
}
