/** A model's weights as one flat vector: the form in which they are clipped, masked, summed and stored. */
import * as tf from '@tensorflow/tfjs-core';
import { describe } from '../../core/check.js';
import { UsageError } from '../../core/errors.js';

/** One of a model's weights, as TensorFlow.js's `LayerVariable` is. */
export interface Weight {
  readonly name: string;
  readonly trainable: boolean;
  read(): tf.Tensor;
  write(value: tf.Tensor): unknown;
}

/**
 * What training needs of a model: `tf.Sequential` and `tf.LayersModel` are one, and so is anything else that has these.
 */
export interface TrainableModel {
  /**
   * In the order in which the flat vector holds them. TensorFlow.js puts what isn't trainable last, so a layer has to
   * be frozen on all clients and the server, or on none.
   */
  readonly weights: readonly Weight[];
  /**
   * Those that are trained; those that say so themselves where not given. A `Sequential` that is built after a layer
   * was frozen has weights that say wrongly that they are trainable.
   */
  readonly trainableWeights?: readonly Weight[];
  /** The outputs of a batch of inputs; both have the examples as their first dimension. */
  apply(inputs: tf.Tensor, options?: { readonly training?: boolean }): unknown;
}

/** Where in the flat vector a weight is. */
export interface WeightSlot {
  readonly name: string;
  readonly shape: readonly number[];
  /** Where it starts, and how many values it has. */
  readonly offset: number;
  readonly size: number;
  /** False for what isn't learned by gradients, such as the moving averages of batch normalization. */
  readonly trainable: boolean;
}

/** The layout of a model's flat vector. Throws `UsageError` (`training.model`) for what isn't a model. */
export function weightLayout(model: TrainableModel): readonly WeightSlot[] {
  const trained = new Set(trainedWeights(checkModel(model)));
  let offset = 0;
  return model.weights.map((weight) => {
    const { shape, size } = weight.read();
    const slot = { name: weight.name, shape: [...shape], offset, size, trainable: trained.has(weight) };
    offset += size;
    return slot;
  });
}

/** The weights that training changes, in the order of the flat vector. */
export function trainedWeights(model: TrainableModel): readonly Weight[] {
  const { weights, trainableWeights } = model;
  return weights.filter((weight) => trainableWeights?.includes(weight) ?? weight.trainable);
}

/** How long the flat vector is: the dimension d of an update. */
export function weightCount(layout: readonly WeightSlot[]): number {
  return layout.reduce((sum, { size }) => sum + size, 0);
}

/** All weights of a model, trainable or not, as one vector. Throws `UsageError` (`training.model`). */
export async function getWeights(model: TrainableModel): Promise<Float32Array> {
  const layout = weightLayout(model);
  const flat = new Float32Array(weightCount(layout));
  const parts = await Promise.all(model.weights.map((weight) => weight.read().data()));
  layout.forEach(({ offset }, index) => {
    flat.set(parts[index] ?? [], offset);
  });
  return flat;
}

/**
 * Overwrites all weights of a model. Throws `UsageError` (`training.model`, `training.weights`), having changed
 * nothing.
 */
export function setWeights(model: TrainableModel, flat: Float32Array): void {
  const layout = weightLayout(model);
  checkFlat('weights', flat, weightCount(layout));
  tf.tidy(() => {
    const tensors = flatTensors(flat, layout);
    model.weights.forEach((weight, index) => {
      const value = tensors[index];
      if (value !== undefined) weight.write(value);
    });
  });
}

/** After minus before: what a client submits. Throws `UsageError` (`training.weights`) if lengths differ. */
export function weightUpdate(before: Float32Array, after: Float32Array): Float32Array {
  checkFlat('before', before);
  checkFlat('after', after, before.length);
  return after.map((value, index) => value - (before[index] ?? 0));
}

/** Before plus update: the way back. Throws `UsageError` (`training.weights`) if lengths differ. */
export function applyUpdate(before: Float32Array, update: Float32Array): Float32Array {
  checkFlat('before', before);
  checkFlat('update', update, before.length);
  return before.map((value, index) => value + (update[index] ?? 0));
}

/** One new tensor a slot, with its part of the vector; the caller disposes of them. */
export function flatTensors(flat: Float32Array, slots: readonly WeightSlot[]): tf.Tensor[] {
  return slots.map(({ offset, size, shape }) => tf.tensor(flat.slice(offset, offset + size), [...shape], 'float32'));
}

/** Throws `UsageError` (`training.weights`) unless it is a vector of that length. */
export function checkFlat(name: string, flat: unknown, length?: number): Float32Array {
  if (!(flat instanceof Float32Array))
    throw new UsageError('training.weights', `${name} must be a Float32Array, got ${describe(flat)}`);
  if (length !== undefined && flat.length !== length)
    throw new UsageError(
      'training.weights',
      `${name} must have ${length} values, as the model has, got ${flat.length}`,
    );
  return flat;
}

/** Throws `UsageError` (`training.model`) unless it has weights and `apply`. */
export function checkModel(model: TrainableModel): TrainableModel {
  if (typeof model !== 'object' || model === null || !Array.isArray(model.weights) || typeof model.apply !== 'function')
    throw new UsageError(
      'training.model',
      `model must have weights and apply, as a LayersModel has, got ${describe(model)}`,
    );
  if (model.weights.length === 0)
    throw new UsageError('training.model', 'model has no weights: build it, or give its first layer an inputShape');
  return model;
}

/** The one tensor that a model makes of a batch. Throws `UsageError` (`training.model`) if it is several. */
export function outputOf(model: TrainableModel, inputs: tf.Tensor, training: boolean): tf.Tensor {
  const output = model.apply(inputs, { training });
  if (!(output instanceof tf.Tensor))
    throw new UsageError('training.model', 'model must have one output: several are not supported');
  return output;
}
