/** Models of one's own: what a client keeps beside the global model, fitted to its own examples. */
import { checkChoice, checkNumber, checkOptions } from '../../core/check.js';
import type { TrainingData } from './data.js';
import type { TrainOptions, TrainResult } from './options.js';
import { train } from './train.js';
import { applyUpdate, checkFlat, setWeights, type TrainableModel } from './weights.js';

/**
 * - `fine-tune`: some passes over the client's own examples, from the global model on (Wang et al., 2019)
 * - `fedprox`: the same, held near the global model by mu/2 |w - w_global|^2
 * - `ditto`: from the client's own model of last time on, held near the new global one by lambda (Li et al., ICML 2021,
 *   algorithm 1)
 */
export type PersonalizeMethod =
  | { readonly kind: 'fine-tune' }
  | { readonly kind: 'fedprox'; readonly mu: number }
  | { readonly kind: 'ditto'; readonly lambda: number; readonly personal: Float32Array };

export interface PersonalizeOptions extends Omit<TrainOptions, 'proximal' | 'scaffold'> {
  readonly method: PersonalizeMethod;
  /** The global model's weights. */
  readonly global: Float32Array;
}

export interface PersonalizeResult extends TrainResult {
  /** The client's own weights, which never leave it. */
  readonly personal: Float32Array;
}

/**
 * Fits a model to one client. `model` ends with the personal weights; `global` stays as it is.
 *
 * @throws UsageError as `train` does
 */
export async function personalize(
  model: TrainableModel,
  data: TrainingData,
  options: PersonalizeOptions,
): Promise<PersonalizeResult> {
  checkOptions('options', options);
  const { method, global, ...rest } = options;
  checkOptions('options.method', method);
  checkChoice('options.method.kind', method.kind, ['fine-tune', 'fedprox', 'ditto']);
  checkFlat('options.global', global);
  const start = method.kind === 'ditto' ? checkFlat('options.method.personal', method.personal, global.length) : global;
  const pull = pullOf(method);
  setWeights(model, start);
  const result = await train(model, data, pull === 0 ? rest : { ...rest, proximal: { mu: pull, center: global } });
  return { ...result, personal: applyUpdate(start, result.update) };
}

/**
 * A client's whole round with Ditto: trains the global model for the update that it submits, and its own beside it.
 * `model` ends with the personal weights.
 *
 * @throws UsageError as `train` does
 */
export async function dittoRound(
  model: TrainableModel,
  data: TrainingData,
  options: Omit<PersonalizeOptions, 'method'> & { readonly lambda: number; readonly personal: Float32Array },
): Promise<{ readonly update: Float32Array; readonly personal: Float32Array }> {
  checkOptions('options', options);
  const { lambda, personal, ...rest } = options;
  const { global, ...training } = rest;
  checkFlat('options.personal', personal, checkFlat('options.global', global).length);
  setWeights(model, global);
  const { update } = await train(model, data, training);
  const own = await personalize(model, data, { ...rest, method: { kind: 'ditto', lambda, personal } });
  return { update, personal: own.personal };
}

function pullOf(method: PersonalizeMethod): number {
  if (method.kind === 'fine-tune') return 0;
  if (method.kind === 'fedprox') return checkNumber('options.method.mu', method.mu, 0, 1e6);
  return checkNumber('options.method.lambda', method.lambda, 0, 1e6);
}
