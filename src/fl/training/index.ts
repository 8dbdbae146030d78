/**
 * `veilsum/training`: a client's local training, on TensorFlow.js. Needs the optional peers @tensorflow/tfjs-core and,
 * for building models, @tensorflow/tfjs-layers, and a backend; nothing else of veilsum does.
 */
export { PeerError, UsageError, VeilsumError } from '../../core/errors.js';
export { type Random, seededNumbers } from '../partition/random.js';
export { type AttackOptions, adversary, fgsm, type PgdOptions, pgd } from './adversarial.js';
export {
  augment,
  type Batch,
  type Dataset,
  type Example,
  examplesOf,
  flipImage,
  type ImageShape,
  normalize,
  oneHot,
  type Step,
  shiftImage,
  shuffle,
  type TrainingData,
  type TrainingDataOptions,
  trainingData,
} from './data.js';
export { type DistillOptions, distill, distillEnsemble, type Teacher } from './distillation.js';
export { type Evaluation, evaluate } from './evaluate.js';
export { decodeIdx, type IdxArray } from './idx.js';
export type { Loss, LossFunction, LossName } from './losses.js';
export type { AdamOptions, OptimizerOptions, SgdOptions } from './optimizers.js';
export type {
  Adversary,
  AttackedBatch,
  EarlyStopOptions,
  TrainOptions,
  TrainProgress,
  TrainResult,
} from './options.js';
export {
  dittoRound,
  type PersonalizeMethod,
  type PersonalizeOptions,
  type PersonalizeResult,
  personalize,
} from './personalization.js';
export {
  applyMask,
  magnitudeMask,
  type PruningOptions,
  type PruningScope,
  pruningSchedule,
  sparsityOf,
} from './pruning.js';
export { exportQuantized, importQuantized, quantizedBytes } from './quantized.js';
export { constantRate, cosineDecay, type Schedule, scheduleOf, stepDecay, warmUp } from './schedules.js';
export type { ProximalOptions, ScaffoldOptions, ScaffoldResult } from './terms.js';
export { train } from './train.js';
export { prepareWasm } from './wasm.js';
export {
  applyUpdate,
  getWeights,
  setWeights,
  type TrainableModel,
  type Weight,
  type WeightSlot,
  weightCount,
  weightLayout,
  weightUpdate,
} from './weights.js';
