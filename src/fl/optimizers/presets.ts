import { defineOptimizer, type OptimizerSpec } from './optimizer.js';

/**
 * The same names mean different things elsewhere; these are what they mean there, defaults included. Spread one and
 * change what you like: `{ ...optimizerPresets['flower/fedadam'], learningRate: 0.01 }`.
 *
 * - `reddi/...`: Reddi et al. 2021, algorithm 2: no bias correction, v starts at tau^2. The paper tunes the learning
 *   rate; 0.1 is the middle of its grid.
 * - `flower/...`: Flower's strategies. FedAdam corrects the bias with exponent round + 1, FedYogi and FedAdagrad don't;
 *   v starts at 0.
 * - `tff/...`: TensorFlow Federated's server optimizers. Adam and Yogi correct the bias with exponent round, beta2 is
 *   0.999; Adagrad has tau inside the root. A learning rate has to be chosen there; here it is 0.1.
 */
export const optimizerPresets: Readonly<Record<OptimizerPreset, OptimizerSpec>> = {
  'reddi/fedavgm': defineOptimizer({ kind: 'fedavgm', momentum: 0.9 }),
  'reddi/fedadam': defineOptimizer({ kind: 'fedadam', learningRate: 0.1 }),
  'reddi/fedyogi': defineOptimizer({ kind: 'fedyogi', learningRate: 0.1 }),
  'reddi/fedadagrad': defineOptimizer({ kind: 'fedadagrad', learningRate: 0.1 }),
  'flower/fedavgm': defineOptimizer({ kind: 'fedavgm', momentum: 0 }),
  'flower/fedadam': defineOptimizer({
    kind: 'fedadam',
    learningRate: 0.1,
    tau: 1e-9,
    v0: 0,
    biasCorrection: 'next-step',
  }),
  'flower/fedyogi': defineOptimizer({ kind: 'fedyogi', learningRate: 0.01, tau: 1e-3, v0: 0 }),
  'flower/fedadagrad': defineOptimizer({ kind: 'fedadagrad', learningRate: 0.1, tau: 1e-9, v0: 0 }),
  'tff/fedavgm': defineOptimizer({ kind: 'fedavgm', momentum: 0.9 }),
  'tff/fedadam': defineOptimizer({
    kind: 'fedadam',
    learningRate: 0.1,
    beta2: 0.999,
    tau: 1e-7,
    v0: 0,
    biasCorrection: 'step',
  }),
  'tff/fedyogi': defineOptimizer({
    kind: 'fedyogi',
    learningRate: 0.1,
    beta2: 0.999,
    tau: 1e-3,
    v0: 1e-6,
    biasCorrection: 'step',
  }),
  'tff/fedadagrad': defineOptimizer({
    kind: 'fedadagrad',
    learningRate: 0.1,
    tau: 1e-7,
    v0: 0.1,
    tauPlace: 'inside',
  }),
};

export type OptimizerPreset = `${'reddi' | 'flower' | 'tff'}/${'fedavgm' | 'fedadam' | 'fedyogi' | 'fedadagrad'}`;
