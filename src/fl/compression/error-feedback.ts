import * as v from 'valibot';
import { decay as decayField, kindSchema } from '../spec.js';
import { type CompressionKind, contextLacks, sameLength } from './kind.js';

/**
 * Adds what earlier rounds left unsent (Seide et al. 2014; Karimireddy et al. 2019), which makes biased compressions
 * converge. Comes first. `Compression.residual` says what is left then.
 */
export interface ErrorFeedbackSpec {
  readonly kind: 'error-feedback';
  /**
   * What part of the residual is forgotten each round, from 0 up to below 1: old residuals belong to old models. 0 if
   * not given.
   */
  readonly decay: number;
}

export const errorFeedback: CompressionKind<ErrorFeedbackSpec> = {
  schema: kindSchema('error-feedback', { decay: v.optional(decayField(), 0) }),
  linear: false,
  additive: true,
  // Over rounds, not in one.
  unbiased: () => false,
  length: sameLength,
  client: ({ decay }, values, { residual }) => {
    if (!(residual instanceof Float32Array) || residual.length !== values.length)
      throw contextLacks('error-feedback', `residual: a Float32Array of ${values.length}, zeros at first`);
    return values.map((value, i) => value + (1 - decay) * (residual[i] as number));
  },
  server: (_spec, sum) => sum,
};
