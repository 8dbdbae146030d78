import * as tf from '@tensorflow/tfjs-core';
import { UsageError } from '../../core/errors.js';
import type { Batch, TrainingData } from './data.js';
import { type Loss, lossOf } from './losses.js';
import { outputOf, type TrainableModel } from './weights.js';

export interface Evaluation {
  /** Mean over the examples. */
  readonly loss: number;
  /**
   * The part of the examples, 0 to 1, whose largest output is where the label is largest; 0 where labels are no rows.
   */
  readonly accuracy: number;
  readonly examples: number;
}

/**
 * How good a model is on one pass over the data; the model stays as it is.
 *
 * @throws UsageError `training.model`, `usage.choice`, `data.*`; `data.empty` without examples
 */
export async function evaluate(
  model: TrainableModel,
  data: TrainingData,
  options: { readonly loss: Loss },
): Promise<Evaluation> {
  const loss = lossOf(options.loss);
  let examples = 0;
  let losses = 0;
  let right = 0;
  for (const batch of data.batches(0)) {
    const results = tf.tidy(() => {
      const { features, labels } = tensorsOf(batch);
      const outputs = outputOf(model, features, false);
      const hits = batch.labelSize < 2 ? tf.scalar(0) : tf.sum(tf.equal(tf.argMax(outputs, -1), tf.argMax(labels, -1)));
      return tf.stack([loss(outputs, labels, features), tf.cast(hits, 'float32')]);
    });
    const [mean, hits] = await results.data();
    results.dispose();
    examples += batch.size;
    losses += (mean ?? Number.NaN) * batch.size;
    right += hits ?? 0;
  }
  if (examples === 0) throw new UsageError('data.empty', 'data has no examples to evaluate on');
  return { loss: losses / examples, accuracy: right / examples, examples };
}

/** A batch as tensors, which the caller disposes of. */
export function tensorsOf(batch: Batch): { features: tf.Tensor; labels: tf.Tensor } {
  return {
    features: tf.tensor(batch.features, [batch.size, ...batch.featureShape]),
    labels: tf.tensor(batch.labels, [batch.size, batch.labelSize]),
  };
}
