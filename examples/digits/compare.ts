/** Federated learning in the clear: what a round gives without masking, and how far apart two models are. */
import {
  novaContribution,
  type OptimizerInput,
  type OptimizerState,
  optimizerFrom,
  type ServerOptimizer,
  scaffoldContribution,
  scaffoldControl,
} from 'veilsum/fl';
import type { Update } from './messages.js';

/** A server that sees every update: in double precision, and without quantization or noise. */
export class PlainServer {
  readonly #optimizer: ServerOptimizer;
  readonly #clip: number;
  #state: OptimizerState;

  /** With `clip`, updates are scaled down to that norm first. */
  constructor(optimizer: OptimizerInput, { dimension, clip }: { readonly dimension: number; readonly clip?: number }) {
    this.#optimizer = optimizerFrom(optimizer, dimension);
    this.#clip = clip ?? Number.POSITIVE_INFINITY;
    this.#state = this.#optimizer.initialState();
  }

  /** SCAFFOLD's, which clients get with the model. */
  get control(): Float32Array | undefined {
    return this.#state.kind === 'scaffold' ? Float32Array.from(scaffoldControl(this.#state)) : undefined;
  }

  /** What `model` becomes by the weighted mean of the updates. */
  round(model: Float32Array, updates: readonly Update[]): Float32Array {
    const weight = totalWeight(updates);
    const sum = new Float64Array(this.#optimizer.contributionLength);
    for (const update of updates)
      this.#contribution(update).forEach((value, index) => {
        sum[index] = (sum[index] ?? 0) + (update.weight / weight) * value;
      });
    const step = this.#optimizer.step({
      model: Float64Array.from(model),
      mean: sum,
      survivors: updates.length,
      state: this.#state,
    });
    this.#state = step.state;
    return Float32Array.from(step.model);
  }

  /** The update, and behind it what the optimizer takes beside it. */
  #contribution({ values, extra }: Update): Float64Array {
    const clipped = clippedTo(this.#clip, values);
    const { spec } = this.#optimizer;
    const { steps = 1, controlUpdate = new Float32Array(values.length) } = extra;
    if (spec.kind === 'fednova') return novaContribution(spec, clipped, { steps });
    return spec.kind === 'scaffold' ? scaffoldContribution(spec, clipped, Float64Array.from(controlUpdate)) : clipped;
  }
}

/** `values`, scaled down to the norm `clip` if theirs is above. */
export function clippedTo(clip: number, values: Float32Array): Float64Array {
  const factor = clip === Number.POSITIVE_INFINITY ? 1 : Math.min(1, clip / norm(values));
  return Float64Array.from(values, (value) => factor * value);
}

export function totalWeight(updates: readonly Update[]): number {
  return updates.reduce((sum, update) => sum + update.weight, 0);
}

function norm(values: Float32Array): number {
  return Math.sqrt(values.reduce((sum, value) => sum + value ** 2, 0));
}

/** The largest difference in any weight. */
export function maxAbsDifference(a: Float32Array, b: Float32Array): number {
  return a.reduce((most, value, index) => Math.max(most, Math.abs(value - (b[index] ?? Number.NaN))), 0);
}

/** The root of the mean squared difference of the weights. */
export function rmsDifference(a: Float32Array, b: Float32Array): number {
  const squares = a.reduce((sum, value, index) => sum + (value - (b[index] ?? Number.NaN)) ** 2, 0);
  return Math.sqrt(squares / a.length);
}
