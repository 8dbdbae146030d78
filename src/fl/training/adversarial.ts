/** Attacks on a model's inputs, and training that withstands them. */
import * as tf from '@tensorflow/tfjs-core';
import { checkInteger, checkNumber, checkOptions } from '../../core/check.js';
import { UsageError } from '../../core/errors.js';
import { seededNumbers } from '../partition/random.js';
import { type Loss, lossOf } from './losses.js';
import type { Adversary } from './options.js';
import { outputOf, type TrainableModel } from './weights.js';

export interface AttackOptions {
  readonly loss: Loss;
  /** How far each feature may be moved, in the features' own units; above 0. */
  readonly epsilon: number;
  /** Least and most that a feature can be, such as [0, 1] for images; without limits where not given. */
  readonly bounds?: readonly [number, number];
}

export interface PgdOptions extends AttackOptions {
  /** 1 to 10^4. */
  readonly steps: number;
  /** Above 0; 2.5 epsilon / steps where not given, as Madry et al. do. */
  readonly stepSize?: number;
  /** Starts at a random point around the features if given, drawn from this seed; at the features otherwise. */
  readonly seed?: number;
}

/**
 * The fast gradient sign method (Goodfellow et al., ICLR 2015): one step of `epsilon` up the loss. Returns a new
 * tensor.
 *
 * @param features a batch, the examples first
 * @param labels as the loss wants them
 * @throws UsageError `usage.*`, `training.model`
 */
export function fgsm(model: TrainableModel, features: tf.Tensor, labels: tf.Tensor, options: AttackOptions): tf.Tensor {
  const { epsilon, bounds } = checkAttack(options);
  return tf.tidy(() => {
    const moved = tf.add(features, tf.mul(tf.sign(inputGradient(model, features, labels, options.loss)), epsilon));
    return within(moved, features, epsilon, bounds);
  });
}

/**
 * Projected gradient descent (Madry et al., ICLR 2018): many small steps up the loss, never further than `epsilon` from
 * the features. Returns a new tensor. Parameters and errors as of `fgsm`.
 */
export function pgd(model: TrainableModel, features: tf.Tensor, labels: tf.Tensor, options: PgdOptions): tf.Tensor {
  const { epsilon, bounds } = checkAttack(options);
  const steps = checkInteger('options.steps', options.steps, 1, 1e4);
  const stepSize = checkNumber('options.stepSize', options.stepSize ?? (2.5 * epsilon) / steps, Number.MIN_VALUE, 1e30);
  return tf.tidy(() => {
    let moved = within(tf.add(features, randomStart(features, epsilon, options.seed)), features, epsilon, bounds);
    for (let step = 0; step < steps; step++) {
      const from = moved;
      moved = tf.tidy(() => {
        const up = tf.sign(inputGradient(model, from, labels, options.loss));
        return within(tf.add(from, tf.mul(up, stepSize)), features, epsilon, bounds);
      });
    }
    return moved;
  });
}

/**
 * For `train`'s option `adversary`: FGSM, or PGD where `steps` is given; with a seed, every step starts at other
 * points.
 */
export function adversary(options: Omit<AttackOptions, 'loss'> | Omit<PgdOptions, 'loss'>): Adversary {
  checkAttack(options);
  return (model, { features, labels, loss, step }) => {
    if (!('steps' in options)) return fgsm(model, features, labels, { ...options, loss });
    const seed = options.seed === undefined ? {} : { seed: (options.seed + step) % Number.MAX_SAFE_INTEGER };
    return pgd(model, features, labels, { ...options, loss, ...seed });
  };
}

function inputGradient(model: TrainableModel, features: tf.Tensor, labels: tf.Tensor, loss: Loss): tf.Tensor {
  const lossFunction = lossOf(loss);
  return tf.grad((x: tf.Tensor) => lossFunction(outputOf(model, x, false), labels, x))(features);
}

function within(moved: tf.Tensor, features: tf.Tensor, epsilon: number, bounds?: readonly [number, number]): tf.Tensor {
  const near = tf.minimum(tf.maximum(moved, tf.sub(features, epsilon)), tf.add(features, epsilon));
  return bounds === undefined ? near : tf.clipByValue(near, bounds[0], bounds[1]);
}

function randomStart(features: tf.Tensor, epsilon: number, seed: number | undefined): tf.Tensor {
  if (seed === undefined) return tf.zerosLike(features);
  const random = seededNumbers(seed, 'attack');
  const values = Float32Array.from({ length: features.size }, () => (2 * random() - 1) * epsilon);
  return tf.tensor(values, features.shape);
}

function checkAttack({ epsilon, bounds }: Omit<AttackOptions, 'loss'>): Omit<AttackOptions, 'loss'> {
  checkNumber('options.epsilon', epsilon, Number.MIN_VALUE, 1e30);
  if (bounds === undefined) return { epsilon };
  checkOptions('options.bounds', bounds);
  const least = checkNumber('options.bounds[0]', bounds[0], -1e30, 1e30);
  const most = checkNumber('options.bounds[1]', bounds[1], -1e30, 1e30);
  if (least > most) throw new UsageError('usage.range', `options.bounds must ascend, got [${least}, ${most}]`);
  return { epsilon, bounds };
}
