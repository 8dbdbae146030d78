import * as v from 'valibot';
import { decay, flag, kindSchema, magnitude } from '../spec.js';
import { type OptimizerKind, slotOf, updateOnly } from './kind.js';

/**
 * Server momentum (Hsu, Qi and Brown 2019): m = momentum * m + mean; x += learningRate * m, or with Nesterov's
 * look-ahead x += learningRate * (mean + momentum * m), as in Sutskever et al. 2013 rewritten for gradients at the
 * model that is kept.
 */
export interface FedAvgMSpec {
  readonly kind: 'fedavgm';
  /** 1 if not given. */
  readonly learningRate: number;
  /** From 0 up to below 1; 0.9 if not given. */
  readonly momentum: number;
  /** False if not given. */
  readonly nesterov: boolean;
}

export const fedavgm: OptimizerKind<FedAvgMSpec> = {
  schema: kindSchema('fedavgm', {
    learningRate: v.optional(magnitude(), 1),
    momentum: v.optional(decay(), 0.9),
    nesterov: v.optional(flag(), false),
  }),
  slots: () => [0],
  contributionLength: updateOnly,
  uniform: false,
  step: ({ learningRate, momentum, nesterov }, input) => {
    const { mean } = input;
    const last = slotOf(input, 0);
    const next = mean.map((value, i) => momentum * (last[i] as number) + value);
    const change = next.map(
      (velocity, i) => learningRate * (nesterov ? (mean[i] as number) + momentum * velocity : velocity),
    );
    return { change, slots: [next] };
  },
};
