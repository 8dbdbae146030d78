/** The network, 784-64-10, in TensorFlow.js. Outside this file a model is one flat vector of its 50,890 weights. */
import type { Tensor2D } from '@tensorflow/tfjs-core';
import type { Sequential } from '@tensorflow/tfjs-layers';
import { classes, type Digits, pixels } from './digits.js';
import { permutation, type Random } from './random.js';
import { modelShapes } from './settings.js';
import { tf, tfLayers } from './tensorflow.js';

/** What a client does in a round with its own images. */
export interface LocalTraining {
  readonly epochs: number;
  readonly batchSize: number;
  /** Step size of stochastic gradient descent, by round. */
  readonly learningRate: (round: number) => number;
}

export interface Network {
  /** Trains from `model`, leaving it as it is, and returns the update: new weights minus old. The same inputs give the same update. */
  train(model: Float32Array, round: number, random: Random): Promise<Float32Array>;
  /** The part of the images, 0 to 1, that `model` names rightly. */
  accuracy(model: Float32Array): number;
  readonly images: number;
  /** `wasm`, or `tensorflow` where the optional @tensorflow/tfjs-node is installed. */
  readonly backend: string;
}

/** A network over one client's images (or over the held-out ones). Needs {@link startTensorFlow} first. */
export function createNetwork(digits: Digits, training: LocalTraining): Network {
  const images = digits.labels.length;
  const model = build();
  const optimizer = tf.train.sgd(training.learningRate(0));
  model.compile({ optimizer, loss: 'categoricalCrossentropy' });
  return {
    images,
    backend: tf.getBackend(),
    async train(weights, round, random) {
      setWeights(model, weights);
      optimizer.setLearningRate(training.learningRate(round));
      for (let epoch = 0; epoch < training.epochs; epoch++) {
        // Not `model.fit`: it shuffles with Math.random, and takes half of its time to gather the images of a batch.
        const order = permutation(images, random);
        for (let from = 0; from < images; from += training.batchSize) {
          const [x, y] = batch(digits, order.subarray(from, from + training.batchSize));
          await model.trainOnBatch(x, y);
          tf.dispose([x, y]);
        }
      }
      return getWeights(model).map((value, index) => value - (weights[index] ?? 0));
    },
    accuracy(weights) {
      setWeights(model, weights);
      const guesses = tf.tidy(() => {
        const output = model.predictOnBatch(batch(digits, Int32Array.from(digits.labels.keys()))[0]);
        if (Array.isArray(output)) throw new Error('the network has one output');
        return tf.argMax(output, 1).dataSync();
      });
      return digits.labels.filter((label, image) => label === guesses[image]).length / images;
    },
  };
}

/** Images, brightness from 0 to 1, and what they show, as rows of a 1 among zeros. */
function batch(digits: Digits, chosen: Int32Array): [Tensor2D, Tensor2D] {
  const inputs = new Float32Array(chosen.length * pixels);
  const outputs = new Float32Array(chosen.length * classes);
  chosen.forEach((image, row) => {
    for (let pixel = 0; pixel < pixels; pixel++) {
      inputs[row * pixels + pixel] = (digits.images[image * pixels + pixel] ?? 0) / 255;
    }
    outputs[row * classes + (digits.labels[image] ?? 0)] = 1;
  });
  return [tf.tensor2d(inputs, [chosen.length, pixels]), tf.tensor2d(outputs, [chosen.length, classes])];
}

function build(): Sequential {
  const model = tfLayers.sequential();
  model.add(tfLayers.layers.dense({ inputShape: [pixels], units: 64, activation: 'relu' }));
  model.add(tfLayers.layers.dense({ units: classes, activation: 'softmax' }));
  return model;
}

function setWeights(model: Sequential, weights: Float32Array): void {
  tf.tidy(() => {
    let from = 0;
    model.setWeights(
      modelShapes.map((shape) => {
        const size = shape.reduce((product, side) => product * side, 1);
        from += size;
        return tf.tensor(weights.slice(from - size, from), [...shape]);
      }),
    );
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
