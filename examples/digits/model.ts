/** The network in TensorFlow.js. Outside this file a model is one flat vector of its weights. */
import { setImmediate } from 'node:timers/promises';
import type { Tensor, Tensor2D } from '@tensorflow/tfjs-core';
import type { Sequential } from '@tensorflow/tfjs-layers';
import { permutation, type Random } from 'veilsum/fl';
import { classes, type Digits, type Inputs, pooled } from './digits.js';
import type { ModelShapes, Scenario } from './settings.js';
import { tf, tfLayers } from './tensorflow.js';

export interface Network {
  /** Trains from `start.model`, leaving it as it is. The same inputs give the same update. */
  train(start: Start, round: number, random: Random): Promise<Trained>;
  /** The part of the images, 0 to 1, that `model` names rightly. */
  accuracy(model: Float32Array): number;
  readonly images: number;
  /** `wasm`, or `tensorflow` where the optional @tensorflow/tfjs-node is installed. */
  readonly backend: string;
}

export interface Start {
  readonly model: Float32Array;
  /** SCAFFOLD: what is added to each gradient. */
  readonly correction?: Float32Array;
}

export interface Trained {
  /** New weights minus old. */
  readonly update: Float32Array;
  /** Batches seen, and the sum of the learning rates they were learned at. */
  readonly steps: number;
  readonly rates: number;
}

/** A network over one client's images (or over the held-out ones). Needs {@link startTensorFlow} first. */
export function createNetwork(digits: Digits, { training, shapes, pooling }: Scenario): Network {
  const images = digits.labels.length;
  const inputs = pooled(digits, pooling);
  const model = build(shapes);
  const optimizer = tf.train.sgd(training.learningRate(0));
  model.compile({ optimizer, loss: 'categoricalCrossentropy' });
  return {
    images,
    backend: tf.getBackend(),
    async train({ model: weights, correction }, round, random) {
      const rate = training.learningRate(round);
      setWeights(model, weights, shapes);
      optimizer.setLearningRate(rate);
      const drift = correction === undefined ? [] : tf.tidy(() => tensorsOf(correction, shapes, -rate));
      let steps = 0;
      for (let epoch = 0; epoch < training.epochs; epoch++) {
        // Not `model.fit`: it shuffles with Math.random, and takes half of its time to gather the images of a batch.
        const order = permutation(images, random);
        for (let from = 0; from < images; from += training.batchSize) {
          const [x, y] = batch(inputs, order.subarray(from, from + training.batchSize));
          await model.trainOnBatch(x, y);
          // Gradient descent by the corrected gradient is a step by the gradient, and one by the correction.
          tf.tidy(() => {
            drift.forEach((change, index) => {
              const weight = model.weights[index];
              weight?.write(tf.add(weight.read(), change));
            });
          });
          tf.dispose([x, y]);
          steps += 1;
          // Else nothing else happens in this thread until all is trained: a server that hears nothing takes a client
          // for gone.
          await setImmediate();
        }
      }
      tf.dispose(drift);
      const update = getWeights(model).map((value, index) => value - (weights[index] ?? 0));
      return { update, steps, rates: steps * rate };
    },
    accuracy(weights) {
      setWeights(model, weights, shapes);
      const guesses = tf.tidy(() => {
        const output = model.predictOnBatch(batch(inputs, Int32Array.from(digits.labels.keys()))[0]);
        if (Array.isArray(output)) throw new Error('the network has one output');
        return tf.argMax(output, 1).dataSync();
      });
      return digits.labels.filter((label, image) => label === guesses[image]).length / images;
    },
  };
}

/** Some images, and what they show, as rows of a 1 among zeros. */
function batch({ values, size, labels }: Inputs, chosen: Int32Array): [Tensor2D, Tensor2D] {
  const inputs = new Float32Array(chosen.length * size);
  const outputs = new Float32Array(chosen.length * classes);
  chosen.forEach((image, row) => {
    inputs.set(values.subarray(image * size, (image + 1) * size), row * size);
    outputs[row * classes + (labels[image] ?? 0)] = 1;
  });
  return [tf.tensor2d(inputs, [chosen.length, size]), tf.tensor2d(outputs, [chosen.length, classes])];
}

/** Dense layers: a softmax at the end, rectifiers before it. */
function build(shapes: ModelShapes): Sequential {
  const model = tfLayers.sequential();
  const weights = shapes.filter((shape) => shape.length === 2);
  weights.forEach(([inputs, units], layer) => {
    const activation = layer === weights.length - 1 ? 'softmax' : 'relu';
    model.add(tfLayers.layers.dense({ ...(layer === 0 ? { inputShape: [inputs] } : {}), units, activation }));
  });
  return model;
}

function setWeights(model: Sequential, weights: Float32Array, shapes: ModelShapes): void {
  tf.tidy(() => {
    model.setWeights(tensorsOf(weights, shapes));
  });
}

/** A flat vector times `factor`, as tensors of the layers' shapes. */
function tensorsOf(flat: Float32Array, shapes: ModelShapes, factor: number = 1): Tensor[] {
  let from = 0;
  return shapes.map((shape) => {
    const size = shape.reduce<number>((product, side) => product * side, 1);
    from += size;
    const values = flat.slice(from - size, from);
    return tf.tensor(factor === 1 ? values : values.map((value) => factor * value), [...shape]);
  });
}

function getWeights(model: Sequential): Float32Array {
  const parts = model.getWeights().map((tensor) => tensor.dataSync());
  const weights = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0));
  let from = 0;
  for (const part of parts) {
    weights.set(part, from);
    from += part.length;
  }
  return weights;
}
