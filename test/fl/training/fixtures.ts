/** Small models and data for the training tests. */
import * as tf from '@tensorflow/tfjs-core';
import * as layers from '@tensorflow/tfjs-layers';
import { expect } from 'vitest';
import { seededNumbers } from '../../../src/fl/partition/random.js';
import { type Example, oneHot, shuffle, type TrainingData, trainingData } from '../../../src/fl/training/data.js';
import type { TrainableModel } from '../../../src/fl/training/weights.js';

/** Three classes of points in the plane, mostly apart; `turn` (radians) moves the classes around the origin. */
export function blobs(count: number, seed = 1, turn = 0): readonly Example[] {
  const random = seededNumbers(seed, 'blobs');
  return Array.from({ length: count }, (_, i) => {
    const label = i % 3;
    const angle = turn + (label * 2 * Math.PI) / 3;
    const near = (): number => (random() + random() + random() - 1.5) * 0.8;
    return { features: [Math.cos(angle) + near(), Math.sin(angle) + near()], label };
  });
}

export function blobData(examples: readonly Example[], seed = 1, batchSize = 16): TrainingData {
  return trainingData(examples, { steps: [shuffle(), oneHot(3)], batchSize, seed });
}

/** 2-`hidden`-3, giving logits; the same weights from the same seed. */
export function network(seed = 1, hidden = 8): layers.Sequential {
  const kernelInitializer = (offset: number) => layers.initializers.glorotUniform({ seed: seed + offset });
  return layers.sequential({
    layers: [
      layers.layers.dense({
        inputShape: [2],
        units: hidden,
        activation: 'tanh',
        kernelInitializer: kernelInitializer(0),
      }),
      layers.layers.dense({ units: 3, kernelInitializer: kernelInitializer(100) }),
    ],
  });
}

/**
 * One vector of weights and nothing else; the output is the vector itself, whatever the input: the loss says what it
 * means.
 */
export function vectorModel(start: readonly number[]): TrainableModel & { readonly dispose: () => void } {
  const variable = tf.variable(tf.tensor1d([...start]));
  const weight = {
    name: 'w',
    trainable: true,
    read: () => variable,
    write: (value: tf.Tensor) => variable.assign(tf.reshape<tf.Rank.R1>(value, variable.shape)),
  };
  return { weights: [weight], apply: () => variable, dispose: () => variable.dispose() };
}

/** Data of `count` batches for models that don't look at them. */
export function emptyBatches(count: number): TrainingData {
  return trainingData(
    Array.from({ length: count }, () => ({ features: [0], label: 0 })),
    { batchSize: 1 },
  );
}

/** Throws unless all numbers of the two are within `tolerance`. */
export function expectNear(got: ArrayLike<number>, want: ArrayLike<number>, tolerance = 1e-5): void {
  expect(got.length).toBe(want.length);
  for (let i = 0; i < want.length; i++)
    expect(Math.abs((got[i] ?? Number.NaN) - (want[i] ?? Number.NaN)), `at ${i}`).toBeLessThanOrEqual(tolerance);
}
