export type { AdaptiveFields, BiasCorrection, ForgettingFields } from './adaptive.js';
export type { FedAdagradSpec } from './fedadagrad.js';
export type { FedAdamSpec } from './fedadam.js';
export type { FedAvgSpec } from './fedavg.js';
export type { FedAvgMSpec } from './fedavgm.js';
export {
  defineStaleness,
  type FedBuffSpec,
  type StalenessSpec,
  staleContribution,
  stalenessWeight,
} from './fedbuff.js';
export { type FedNovaSpec, type LocalSteps, novaContribution, novaNormalizer } from './fednova.js';
export { proximalGradient } from './fedprox.js';
export type { FedYogiSpec } from './fedyogi.js';
export {
  defineOptimizer,
  type OptimizerInput,
  type OptimizerRound,
  type OptimizerSpec,
  optimizerFrom,
  type ServerOptimizer,
  scaffoldControl,
} from './optimizer.js';
export { type OptimizerPreset, optimizerPresets } from './presets.js';
export {
  type ScaffoldSpec,
  scaffoldContribution,
  scaffoldControlUpdate,
  scaffoldCorrection,
  scaffoldSettle,
} from './scaffold.js';
export type { OptimizerState } from './state.js';
