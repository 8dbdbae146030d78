/** Knowledge distillation: a model learns what another, or many others together, make of examples. */
import * as tf from '@tensorflow/tfjs-core';
import { checkNumber, checkOptions } from '../../core/check.js';
import { UsageError } from '../../core/errors.js';
import { type Example, type TrainingData, type TrainingDataOptions, trainingData } from './data.js';
import { tensorsOf } from './evaluate.js';
import { type LossFunction, lossOf, meanOverExamples } from './losses.js';
import type { TrainOptions, TrainResult } from './options.js';
import { train } from './train.js';
import { getWeights, outputOf, setWeights, type TrainableModel } from './weights.js';

/** A model that gives logits, or a function from a batch of features to its logits. */
export type Teacher = TrainableModel | ((features: tf.Tensor) => tf.Tensor);

export interface DistillOptions extends Omit<TrainOptions, 'loss'> {
  /** Softens both distributions; above 0 to 1,000. 2 where not given. */
  readonly temperature?: number;
}

/**
 * Trains a student to agree with its teachers: the loss is T^2 KL(softmax(teacher / T) || softmax(student / T)), plus
 * cross entropy with the labels weighted by `labelShare` (Hinton et al., 2015, section 2). Both give logits. The logits
 * of several teachers are averaged.
 *
 * @param data labels are one-hot; they are used only if `labelShare` is above 0
 * @throws UsageError as `train` does; `distillation.teachers` without any
 */
export function distill(
  student: TrainableModel,
  data: TrainingData,
  options: DistillOptions & {
    readonly teachers: readonly Teacher[];
    /** The labels' part of the loss, 0 (the default) to 1. */
    readonly labelShare?: number;
  },
): Promise<TrainResult> {
  checkOptions('options', options);
  const { teachers, labelShare = 0, temperature = 2, ...rest } = options;
  if (!Array.isArray(teachers) || teachers.length === 0)
    throw new UsageError('distillation.teachers', 'teachers must be an array of one teacher or more');
  checkNumber('options.labelShare', labelShare, 0, 1);
  const soft = distillationLoss(temperature);
  const hard = lossOf('softmaxCrossEntropy');
  const loss: LossFunction = (logits, labels, features) => {
    const distance = soft(logits, meanLogits(teachers, features), features);
    if (labelShare === 0) return distance;
    return tf.add(tf.mul(distance, 1 - labelShare), tf.mul(hard(logits, labels, features), labelShare));
  };
  return train(student, data, { ...rest, loss });
}

/**
 * Server-side ensemble distillation (FedDF: Lin et al., NeurIPS 2020): the global model learns, on examples without
 * labels, what the models of all cohorts together make of them. It starts from their mean, which alone is FedAvg's
 * answer, and ends with its new weights. The server sees cohort models only, so this works with masking.
 *
 * @param model gives logits; its weights are overwritten
 * @param cohorts one flat vector of weights each
 * @param data one pass of it is read for the cohorts' logits, so that nothing in it should be random
 * @param options of training, and how the examples are shuffled and batched for it
 * @throws UsageError as `train` does; `distillation.teachers` without cohorts
 */
export async function distillEnsemble(
  model: TrainableModel,
  cohorts: readonly Float32Array[],
  data: TrainingData,
  options: DistillOptions & Pick<TrainingDataOptions, 'batchSize' | 'seed' | 'steps'>,
): Promise<TrainResult> {
  checkOptions('options', options);
  const { temperature = 2, batchSize, seed, steps, ...rest } = options;
  const loss = distillationLoss(temperature);
  const { examples, shape } = await withEnsembleLogits(model, cohorts, data);
  setWeights(model, meanWeights(cohorts));
  const dataOptions = {
    shape,
    ...(batchSize === undefined ? {} : { batchSize }),
    ...(seed === undefined ? {} : { seed }),
    ...(steps === undefined ? {} : { steps }),
  };
  return train(model, trainingData(examples, dataOptions), { ...rest, loss });
}

/** Labels are the teacher's logits. */
function distillationLoss(temperature: number): LossFunction {
  checkNumber('options.temperature', temperature, 1e-3, 1e3);
  return (logits, teacherLogits) => {
    const teacher = tf.logSoftmax(tf.div(teacherLogits, temperature));
    const student = tf.logSoftmax(tf.div(logits, temperature));
    const divergence = tf.sum(tf.mul(tf.exp(teacher), tf.sub(teacher, student)), -1);
    // Softening makes gradients smaller by T^2.
    return tf.mul(meanOverExamples(divergence), temperature ** 2);
  };
}

function meanLogits(teachers: readonly Teacher[], features: tf.Tensor): tf.Tensor {
  const all = teachers.map((teacher) =>
    typeof teacher === 'function' ? teacher(features) : outputOf(teacher, features, false),
  );
  return tf.div(tf.addN(all), all.length);
}

/**
 * The examples of one pass, each labelled with the mean of the cohorts' logits. The model ends with the last one's
 * weights.
 */
async function withEnsembleLogits(
  model: TrainableModel,
  cohorts: readonly Float32Array[],
  data: TrainingData,
): Promise<{ readonly examples: readonly Example[]; readonly shape: readonly number[] }> {
  if (!Array.isArray(cohorts) || cohorts.length === 0)
    throw new UsageError('distillation.teachers', 'cohorts must be an array of one flat vector of weights or more');
  const batches = [...data.batches(0)];
  const sums: Float32Array[] = [];
  const before = await getWeights(model);
  try {
    // Cohorts outside, batches inside: weights are loaded once each.
    for (const weights of cohorts) {
      setWeights(model, weights);
      for (const [index, batch] of batches.entries()) {
        const logits = tf.tidy(() => outputOf(model, tensorsOf(batch).features, false));
        const values = await logits.data();
        logits.dispose();
        const sum = sums[index] ?? new Float32Array(values.length);
        for (let i = 0; i < sum.length; i++) sum[i] = (sum[i] ?? 0) + (values[i] ?? 0) / cohorts.length;
        sums[index] = sum;
      }
    }
  } catch (error) {
    setWeights(model, before);
    throw error;
  }
  const examples = batches.flatMap(({ size, features }, index) => {
    const sum = sums[index] ?? new Float32Array(0);
    const [width, classes] = [features.length / size, sum.length / size];
    return Array.from({ length: size }, (_, row) => ({
      features: features.subarray(row * width, (row + 1) * width),
      label: sum.subarray(row * classes, (row + 1) * classes),
    }));
  });
  return { examples, shape: batches[0]?.featureShape ?? [1] };
}

function meanWeights(all: readonly Float32Array[]): Float32Array {
  const mean = new Float32Array(all[0]?.length ?? 0);
  for (const weights of all)
    for (let i = 0; i < mean.length; i++) mean[i] = (mean[i] ?? 0) + (weights[i] ?? 0) / all.length;
  return mean;
}
