import * as v from 'valibot';
import { choice, decay, kindSchema, magnitude, number, type Spec } from '../spec.js';
import { type OptimizerKind, type StepInput, type StepOutput, slotOf, updateOnly } from './kind.js';

/**
 * What FedAdam, FedYogi and FedAdagrad share: a first moment over the root of a second one (Reddi et al. 2021,
 * algorithm 2).
 */
export interface AdaptiveFields {
  /** The paper's eta. */
  readonly learningRate: number;
  /** Decay of the first moment. */
  readonly beta1: number;
  /** The degree of adaptivity: x += eta * m / (sqrt(v) + tau). 0.001 if not given. */
  readonly tau: number;
  /** What the second moment starts with. tau^2 if not given: the least that the paper allows. */
  readonly v0: number;
}

/**
 * Whether the learning rate of the t-th step is multiplied with sqrt(1 - beta2^s) / (1 - beta1^s), which makes up for
 * moments that start at zero: `none` (Reddi et al.), with s = t in `step` (Kingma and Ba 2015, TensorFlow Federated), s
 * = t + 1 in `next-step` (Flower's FedAdam). Tau stays outside the corrected root in all.
 */
export type BiasCorrection = 'none' | 'step' | 'next-step';

/** What FedAdam and FedYogi have besides: a second moment that forgets. */
export interface ForgettingFields extends AdaptiveFields {
  /** Decay of the second moment, how slowly it follows; 0.99 if not given. */
  readonly beta2: number;
  /** `none` if not given. */
  readonly biasCorrection: BiasCorrection;
}

/** Fields of `AdaptiveFields`, whose v0 `withV0` fills in. */
export function adaptiveFields(beta1: number): v.ObjectEntries {
  return {
    learningRate: magnitude(),
    beta1: v.optional(decay(), beta1),
    tau: v.optional(magnitude(), 1e-3),
    v0: v.optional(number(0, 2 ** 64)),
  };
}

/** `schema` whose output has v0, tau^2 where it wasn't given. */
export function withV0<S extends AdaptiveFields>(schema: v.GenericSchema<unknown, S>): v.GenericSchema<unknown, S> {
  return v.pipe(
    schema,
    v.transform((spec: S): S => ({ ...spec, v0: spec.v0 ?? spec.tau ** 2 })),
  );
}

/** The kind whose second moment goes from v to `second(beta2)(v, mean^2)`. */
export function forgettingKind<S extends ForgettingFields & Spec>(
  kind: S['kind'],
  second: (beta2: number) => (v: number, square: number) => number,
): OptimizerKind<S> {
  return {
    schema: withV0(
      kindSchema<S>(kind, {
        ...adaptiveFields(0.9),
        beta2: v.optional(decay(), 0.99),
        biasCorrection: v.optional(choice('none', 'step', 'next-step'), 'none'),
      }),
    ),
    slots: ({ v0 }) => [0, v0],
    contributionLength: updateOnly,
    uniform: false,
    step: (spec, input) =>
      adaptiveStep(input, {
        rate: spec.learningRate * biasFactor(spec, input.step),
        beta1: spec.beta1,
        second: second(spec.beta2),
        root: (v) => Math.sqrt(v) + spec.tau,
      }),
  };
}

/** The factor of the learning rate in step `step`, from 1. */
function biasFactor({ beta1, beta2, biasCorrection }: ForgettingFields, step: number): number {
  if (biasCorrection === 'none') return 1;
  const exponent = biasCorrection === 'step' ? step : step + 1;
  return Math.sqrt(1 - beta2 ** exponent) / (1 - beta1 ** exponent);
}

/**
 * One step: m = beta1 * m + (1 - beta1) * mean, v = `second(v, mean^2)`, change = rate * m / `root(v)`. Slots are m and
 * v.
 */
export function adaptiveStep(
  input: StepInput,
  rules: {
    readonly rate: number;
    readonly beta1: number;
    readonly second: (v: number, square: number) => number;
    readonly root: (v: number) => number;
  },
): StepOutput {
  const { mean } = input;
  const first = slotOf(input, 0);
  const second = slotOf(input, 1);
  const { rate, beta1 } = rules;
  const m = new Float64Array(mean.length);
  const s = new Float64Array(mean.length);
  const change = new Float64Array(mean.length);
  for (let i = 0; i < mean.length; i += 1) {
    const value = mean[i] as number;
    const moment = beta1 * (first[i] as number) + (1 - beta1) * value;
    const spread = rules.second(second[i] as number, value * value);
    m[i] = moment;
    s[i] = spread;
    change[i] = (rate * moment) / rules.root(spread);
  }
  return { change, slots: [m, s] };
}
