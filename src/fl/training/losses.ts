/** How far outputs are from labels: one number a batch, the mean over its examples. */
import * as tf from '@tensorflow/tfjs-core';
import { checkChoice } from '../../core/check.js';

/**
 * A scalar that is to be made small. All have the examples as their first dimension; `features` is there for losses
 * that ask a teacher about them.
 */
export type LossFunction = (outputs: tf.Tensor, labels: tf.Tensor, features: tf.Tensor) => tf.Scalar;

/**
 * - `softmaxCrossEntropy`: one-hot labels, outputs are logits (the last layer has no activation)
 * - `categoricalCrossentropy`: one-hot labels, outputs are probabilities (the last layer is a softmax)
 * - `meanSquaredError`
 */
export type LossName = 'softmaxCrossEntropy' | 'categoricalCrossentropy' | 'meanSquaredError';
export type Loss = LossName | LossFunction;

/** Probabilities are kept this far from 0 before their logarithm is taken, as Keras does. */
const least = 1e-7;

const losses: Readonly<Record<LossName, LossFunction>> = {
  softmaxCrossEntropy: (outputs, labels) =>
    meanOverExamples(tf.neg(tf.sum(tf.mul(labels, tf.logSoftmax(outputs)), -1))),
  categoricalCrossentropy: (outputs, labels) =>
    meanOverExamples(tf.neg(tf.sum(tf.mul(labels, tf.log(tf.clipByValue(outputs, least, 1))), -1))),
  meanSquaredError: (outputs, labels) => meanOverExamples(tf.squaredDifference(outputs, labels)),
};

const names: readonly LossName[] = ['softmaxCrossEntropy', 'categoricalCrossentropy', 'meanSquaredError'];

/** The function of that name, or the one given. Throws `UsageError` (`usage.choice`). */
export function lossOf(loss: Loss): LossFunction {
  return typeof loss === 'function' ? loss : losses[checkChoice('loss', loss, names)];
}

export function meanOverExamples(values: tf.Tensor): tf.Scalar {
  return tf.mean<tf.Scalar>(values);
}
