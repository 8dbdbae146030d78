import * as v from 'valibot';
import { choice, kindSchema } from '../spec.js';
import { type AdaptiveFields, adaptiveFields, adaptiveStep, withV0 } from './adaptive.js';
import { type OptimizerKind, updateOnly } from './kind.js';

/** v = v + mean^2 (Reddi et al. 2021, FedAdagrad). beta1 is 0 if not given, as in their experiments. */
export interface FedAdagradSpec extends AdaptiveFields {
  readonly kind: 'fedadagrad';
  /**
   * `outside` the root, sqrt(v) + tau, is the paper's and the default; `inside`, sqrt(v + tau), TensorFlow Federated's.
   */
  readonly tauPlace: 'outside' | 'inside';
}

export const fedadagrad: OptimizerKind<FedAdagradSpec> = {
  schema: withV0(
    kindSchema('fedadagrad', {
      ...adaptiveFields(0),
      tauPlace: v.optional(choice('outside', 'inside'), 'outside'),
    }),
  ),
  slots: ({ v0 }) => [0, v0],
  contributionLength: updateOnly,
  uniform: false,
  step: ({ learningRate, beta1, tau, tauPlace }, input) =>
    adaptiveStep(input, {
      rate: learningRate,
      beta1,
      second: (v, square) => v + square,
      root: tauPlace === 'outside' ? (v) => Math.sqrt(v) + tau : (v) => Math.sqrt(v + tau),
    }),
};
