/**
 * What the examples of this folder share: TensorFlow.js on its WebAssembly backend, handwritten digits, and small
 * networks.
 */
import '@tensorflow/tfjs-backend-wasm';
import * as tf from '@tensorflow/tfjs-core';
import * as layers from '@tensorflow/tfjs-layers';
import { permutation } from 'veilsum/fl';
import {
  type Dataset,
  type Example,
  examplesOf,
  normalize,
  oneHot,
  prepareWasm,
  seededNumbers,
  shuffle,
  type TrainingData,
  trainingData,
} from 'veilsum/training';
import { loadDigits, pixels } from '../digits/digits.js';

tf.enableProdMode();
await tf.setBackend('wasm');
prepareWasm();

const { images, labels } = await loadDigits();
const order = permutation(labels.length, seededNumbers(1, 'order'));

export const digits: Dataset = { features: images, labels, size: pixels };
/** 3,000 digits to train with, and 1,000 others. */
export const chosen: Int32Array = order.slice(0, 3000);
export const test: TrainingData = batches(examplesOf(digits, order.subarray(9000)));

/** Batches of 20, in another order in each pass. */
export function batches(examples: readonly Example[] = examplesOf(digits, chosen), seed = 1): TrainingData {
  const steps = [shuffle(), normalize({ deviation: 255 }), oneHot(10)];
  return trainingData(examples, { steps, batchSize: 20, seed, shape: [28, 28, 1] });
}

/** 784-`hidden`-10, giving logits. */
export function network(hidden = 32): layers.Sequential {
  const kernelInitializer = layers.initializers.glorotUniform({ seed: 1 });
  return layers.sequential({
    layers: [
      layers.layers.flatten({ inputShape: [28, 28, 1] }),
      layers.layers.dense({ units: hidden, activation: 'relu', kernelInitializer }),
      layers.layers.dense({ units: 10, kernelInitializer }),
    ],
  });
}

export const percent = (part: number): string => `${(100 * part).toFixed(1)}%`;
