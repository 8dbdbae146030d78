/** A client's work in a round: some passes over its own examples, and the update that comes of it. */
import * as tf from '@tensorflow/tfjs-core';
import { UsageError } from '../../core/errors.js';
import type { Batch, TrainingData } from './data.js';
import { evaluate, tensorsOf } from './evaluate.js';
import { createOptimizer, type Optimizer } from './optimizers.js';
import { type CheckedOptions, checkTrainOptions, type TrainOptions, type TrainResult } from './options.js';
import { checkSparsity, isPrunable, magnitudeMask } from './pruning.js';
import { addProximal, clipByGlobalNorm, nextControl } from './terms.js';
import {
  flatTensors,
  getWeights,
  outputOf,
  setWeights,
  type TrainableModel,
  trainedWeights,
  type WeightSlot,
  weightCount,
  weightLayout,
  weightUpdate,
} from './weights.js';

/**
 * Trains a model where it stands, and leaves it with its new weights. The same weights, data and options give the same
 * update on the same backend; layers that draw at random, such as dropout, need a seed of their own for that. Memory
 * stays as it was, however many steps.
 *
 * In a step the gradient of the loss gets FedProx's term, is clipped, gets SCAFFOLD's correction c - c_i, goes to the
 * optimizer, and what is pruned becomes 0 again.
 *
 * @throws UsageError `usage.*`, `data.*`, `training.model`, `training.weights`, `training.scaffold`;
 *   `training.diverged` if the loss is no number any more; the reason of `signal`. The weights are then what they were
 *   before.
 */
export async function train(model: TrainableModel, data: TrainingData, options: TrainOptions): Promise<TrainResult> {
  const layout = weightLayout(model);
  const checked = checkTrainOptions(options, weightCount(layout));
  checked.signal?.throwIfAborted();
  const before = await getWeights(model);
  const run = new Run(model, layout, checked, before);
  try {
    const { losses, stopped } = await run.passes(data);
    const update = weightUpdate(before, await getWeights(model));
    const { steps, examples, rates } = run;
    const result = { update, steps, examples, losses, stopped };
    if (checked.scaffold === undefined) return result;
    return { ...result, scaffold: nextControl(checked.scaffold, { update, rates, layout }) };
  } catch (error) {
    setWeights(model, before);
    throw error;
  } finally {
    run.dispose();
  }
}

/** One call of `train`: its tensors, and how far it is. */
class Run {
  steps = 0;
  examples = 0;
  /** The sum of all learning rates so far. */
  rates = 0;
  readonly #model: TrainableModel;
  readonly #layout: readonly WeightSlot[];
  readonly #options: CheckedOptions;
  readonly #variables: readonly tf.Variable[];
  readonly #optimizer: Optimizer;
  /** FedProx's center, and c - c_i; a tensor for each variable, or none where there is no such term. */
  readonly #center: readonly tf.Tensor[];
  readonly #correction: readonly tf.Tensor[];
  #masks: readonly (tf.Tensor | undefined)[] = [];

  constructor(model: TrainableModel, layout: readonly WeightSlot[], options: CheckedOptions, before: Float32Array) {
    this.#model = model;
    this.#layout = layout;
    this.#options = options;
    this.#variables = trainableVariables(model);
    const slots = layout.filter(({ trainable }) => trainable);
    this.#optimizer = createOptimizer(options.optimizer, this.#variables);
    const { proximal, scaffold } = options;
    this.#center = proximal === undefined ? [] : flatTensors(proximal.center ?? before, slots);
    this.#correction = scaffold === undefined ? [] : flatTensors(weightUpdate(scaffold.client, scaffold.server), slots);
  }

  dispose(): void {
    this.#optimizer.dispose();
    tf.dispose([...this.#center, ...this.#correction]);
    tf.dispose(this.#masks.filter((mask) => mask !== undefined));
  }

  async passes(data: TrainingData): Promise<Pick<TrainResult, 'losses' | 'stopped'>> {
    const { epochs, maxSteps, earlyStop } = this.#options;
    const losses: number[] = [];
    let best: { readonly loss: number; readonly pass: number; readonly weights: Float32Array } | undefined;
    for (let pass = 0; pass < epochs; pass++) {
      const loss = await this.#pass(data, pass);
      losses.push(loss);
      if (earlyStop !== undefined) {
        const { validation, minDelta = 0, patience } = earlyStop;
        const watched = validation === undefined ? loss : (await evaluate(this.#model, validation, this.#options)).loss;
        if (best === undefined || watched < best.loss - minDelta)
          best = { loss: watched, pass, weights: await getWeights(this.#model) };
        else if (pass - best.pass >= patience) {
          setWeights(this.#model, best.weights);
          return { losses, stopped: 'early' };
        }
      }
      if (this.steps >= maxSteps) return { losses, stopped: 'steps' };
    }
    return { losses, stopped: 'epochs' };
  }

  async #pass(data: TrainingData, pass: number): Promise<number> {
    const { maxSteps, signal, yieldEvery, onProgress, schedule } = this.#options;
    let seen = 0;
    let sum = 0;
    for (const batch of data.batches(pass)) {
      const learningRate = schedule(this.steps);
      await this.#updateMasks();
      const loss = await this.#step(batch, learningRate);
      if (!Number.isFinite(loss))
        throw new UsageError(
          'training.diverged',
          `the loss is ${loss} at step ${this.steps}: lower the learning rate, set clipNorm, or look for NaN in the data`,
        );
      seen += batch.size;
      sum += loss * batch.size;
      this.examples += batch.size;
      onProgress?.({ pass, step: this.steps, examples: this.examples, loss, learningRate });
      this.steps += 1;
      this.rates += learningRate;
      if (this.steps % yieldEvery === 0) await new Promise((resolve) => setTimeout(resolve, 0));
      signal?.throwIfAborted();
      if (this.steps >= maxSteps) break;
    }
    if (seen === 0) throw new UsageError('data.empty', `data has no examples in pass ${pass}`);
    return sum / seen;
  }

  /** One step; the batch's loss before it. */
  async #step(batch: Batch, learningRate: number): Promise<number> {
    const value = tf.tidy(() => {
      const { features, labels } = tensorsOf(batch);
      const { value, grads } = tf.variableGrads(this.#lossOn(features, labels), [...this.#variables]);
      const gradients = this.#variables.map((variable) => grads[variable.name] ?? tf.zerosLike(variable));
      this.#optimizer.step(this.#corrected(gradients), learningRate);
      this.#prune();
      return value;
    });
    const [loss] = await value.data();
    value.dispose();
    return loss ?? Number.NaN;
  }

  #lossOn(features: tf.Tensor, labels: tf.Tensor): () => tf.Scalar {
    const { adversary, adversaryShare, lossFunction } = this.#options;
    const lossAt = (seen: tf.Tensor): tf.Scalar => lossFunction(outputOf(this.#model, seen, true), labels, seen);
    if (adversary === undefined || adversaryShare === 0) return () => lossAt(features);
    const attacked = adversary(this.#model, { features, labels, loss: lossFunction, step: this.steps });
    if (adversaryShare === 1) return () => lossAt(attacked);
    return () => tf.add(tf.mul(lossAt(features), 1 - adversaryShare), tf.mul(lossAt(attacked), adversaryShare));
  }

  #corrected(gradients: readonly tf.Tensor[]): readonly tf.Tensor[] {
    const { proximal, clipNorm } = this.#options;
    const pulled =
      proximal === undefined ? gradients : addProximal(gradients, this.#variables, this.#center, proximal.mu);
    const clipped = clipNorm === undefined ? pulled : clipByGlobalNorm(pulled, clipNorm);
    return clipped.map((gradient, index) => {
      const correction = this.#correction[index];
      return correction === undefined ? gradient : tf.add(gradient, correction);
    });
  }

  async #updateMasks(): Promise<void> {
    const { pruning, pruneEvery } = this.#options;
    if (pruning === undefined || this.steps % pruneEvery !== 0) return;
    const sparsity = checkSparsity('options.pruning.sparsity', pruning.sparsity(this.steps));
    const mask = magnitudeMask(await getWeights(this.#model), this.#layout, { ...pruning, sparsity });
    const slots = this.#layout.filter(({ trainable }) => trainable);
    tf.dispose(this.#masks.filter((old) => old !== undefined));
    this.#masks = slots.map((slot) =>
      isPrunable(slot)
        ? tf.tensor(Float32Array.from(mask.subarray(slot.offset, slot.offset + slot.size)), [...slot.shape])
        : undefined,
    );
  }

  #prune(): void {
    this.#variables.forEach((variable, index) => {
      const mask = this.#masks[index];
      if (mask !== undefined) variable.assign(tf.mul(variable, mask));
    });
  }
}

function trainableVariables(model: TrainableModel): readonly tf.Variable[] {
  const variables = trainedWeights(model).map((weight) => {
    const variable = weight.read();
    if (variable instanceof tf.Variable) return variable;
    throw new UsageError('training.model', `weight ${weight.name} must be a tf.Variable to be trained`);
  });
  if (variables.length === 0) throw new UsageError('training.model', 'model has no trainable weights');
  return variables;
}
