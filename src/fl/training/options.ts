import type * as tf from '@tensorflow/tfjs-core';
import { checkInteger, checkNumber, checkOptions } from '../../core/check.js';
import { UsageError } from '../../core/errors.js';
import type { TrainingData } from './data.js';
import { type Loss, type LossFunction, lossOf } from './losses.js';
import type { OptimizerOptions } from './optimizers.js';
import type { PruningOptions } from './pruning.js';
import { type Schedule, scheduleOf } from './schedules.js';
import {
  checkProximal,
  checkScaffold,
  type ProximalOptions,
  type ScaffoldOptions,
  type ScaffoldResult,
} from './terms.js';
import type { TrainableModel } from './weights.js';

/** A batch as an adversary sees it. */
export interface AttackedBatch {
  readonly features: tf.Tensor;
  readonly labels: tf.Tensor;
  readonly loss: LossFunction;
  /** Counted from 0, for what is drawn at random. */
  readonly step: number;
}

/** Gives features that the model finds harder, of the same shape; see `adversary`. */
export type Adversary = (model: TrainableModel, batch: AttackedBatch) => tf.Tensor;

export interface EarlyStopOptions {
  /** Passes without improvement after which training stops, 1 and more. */
  readonly patience: number;
  /** What counts as one; 0 where not given. */
  readonly minDelta?: number;
  /** Whose loss is watched; the training loss where not given. */
  readonly validation?: TrainingData;
}

/** Where training is, after each step. */
export interface TrainProgress {
  /** Both counted from 0. */
  readonly pass: number;
  readonly step: number;
  /** Seen so far, with repetitions. */
  readonly examples: number;
  /** Of this step's batch, before the step, without FedProx's term. */
  readonly loss: number;
  readonly learningRate: number;
}

export interface TrainOptions {
  readonly loss: Loss;
  /** By the step, counted from 0. */
  readonly learningRate: number | Schedule;
  /** Plain SGD where not given. */
  readonly optimizer?: OptimizerOptions;
  /** Passes over the data, 1 to 10^6; 1 where not given. */
  readonly epochs?: number;
  /** Stop after so many steps, if the passes haven't ended before. */
  readonly maxSteps?: number;
  /** Most that the gradient's global norm may be, with FedProx's term but without SCAFFOLD's, which must stay whole. */
  readonly clipNorm?: number;
  readonly proximal?: ProximalOptions;
  readonly scaffold?: ScaffoldOptions;
  readonly pruning?: PruningOptions;
  /**
   * Adversarial training: this part (0 to 1; 1 where not given) of the loss is on what the adversary makes of the
   * features.
   */
  readonly adversary?: Adversary;
  readonly adversaryShare?: number;
  readonly earlyStop?: EarlyStopOptions;
  readonly onProgress?: (progress: TrainProgress) => void;
  /** Aborting rejects with its reason and puts the weights back. */
  readonly signal?: AbortSignal;
  /** Lets the page or the process do something else after every so many steps; 10 where not given. */
  readonly yieldEvery?: number;
}

export interface TrainResult {
  /** Weights after minus before, all of them: see `getWeights`. */
  readonly update: Float32Array;
  readonly steps: number;
  /** Seen, with repetitions. */
  readonly examples: number;
  /** The training loss by pass, a mean over its examples as they were seen. */
  readonly losses: readonly number[];
  /** `early`: the early stop; weights are then those of the best pass. */
  readonly stopped: 'epochs' | 'steps' | 'early';
  /** With `scaffold` only. */
  readonly scaffold?: ScaffoldResult;
}

/** Options as `train` uses them: checked, and with every default in place. */
export interface CheckedOptions extends TrainOptions {
  readonly lossFunction: LossFunction;
  readonly schedule: Schedule;
  readonly optimizer: OptimizerOptions;
  readonly epochs: number;
  readonly maxSteps: number;
  readonly adversaryShare: number;
  readonly yieldEvery: number;
  readonly pruneEvery: number;
}

/** Throws `UsageError` for anything that isn't as described above. `length` is the model's. */
export function checkTrainOptions(options: TrainOptions, length: number): CheckedOptions {
  checkOptions('options', options);
  const optimizer = options.optimizer ?? { kind: 'sgd' };
  if (options.proximal !== undefined) checkProximal(options.proximal, length);
  if (options.scaffold !== undefined) checkScaffold(options.scaffold, optimizer, length);
  if (options.clipNorm !== undefined) checkNumber('options.clipNorm', options.clipNorm, 1e-30, 1e30);
  checkCallback('onProgress', options.onProgress);
  checkCallback('adversary', options.adversary);
  checkCallback('pruning.sparsity', options.pruning === undefined ? undefined : options.pruning.sparsity);
  if (options.earlyStop !== undefined) {
    checkInteger('options.earlyStop.patience', options.earlyStop.patience, 1, 1e6);
    checkNumber('options.earlyStop.minDelta', options.earlyStop.minDelta ?? 0, 0, 1e30);
  }
  return {
    ...options,
    optimizer,
    lossFunction: lossOf(options.loss),
    schedule: scheduleOf(options.learningRate),
    epochs: checkInteger('options.epochs', options.epochs ?? 1, 1, 1e6),
    maxSteps: checkInteger('options.maxSteps', options.maxSteps ?? Number.MAX_SAFE_INTEGER, 1, Number.MAX_SAFE_INTEGER),
    adversaryShare: checkNumber('options.adversaryShare', options.adversaryShare ?? 1, 0, 1),
    yieldEvery: checkInteger('options.yieldEvery', options.yieldEvery ?? 10, 1, Number.MAX_SAFE_INTEGER),
    pruneEvery: checkInteger('options.pruning.every', options.pruning?.every ?? 10, 1, Number.MAX_SAFE_INTEGER),
  };
}

function checkCallback(name: string, callback: unknown): void {
  if (callback !== undefined && typeof callback !== 'function')
    throw new UsageError('usage.options', `options.${name} must be a function, got ${typeof callback}`);
}
