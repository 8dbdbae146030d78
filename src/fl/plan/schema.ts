import * as v from 'valibot';
import type { Brand } from '../../core/brand.js';
import { maxRange, minRange } from '../../ring/quantize.js';

/** What an update counts for in the mean. */
export type WeightPlan =
  /** Every client counts the same. */
  | { readonly kind: 'uniform' }
  /** A client counts for the number of its training examples, an integer from 0 to `max`. */
  | { readonly kind: 'examples'; readonly max: number };

/** The bound on an update before it is quantized. */
export type ClipPlan =
  | { readonly kind: 'none' }
  /** L2 clipping: an update with a norm above `norm` (the clip norm C) is scaled down to it. */
  | { readonly kind: 'l2'; readonly norm: number };

/** How real values become integers. */
export interface QuantizePlan {
  /** Unbiased stochastic rounding. */
  readonly kind: 'stochastic';
  /** Bits of a rounded value, sign included: 2 to 32. */
  readonly bits: number;
  /** Values are clamped to [-range, range]. */
  readonly range: number;
}

/** A masked counter: each client gives an integer from 0 to `max`, the server learns the sum. */
export interface MetricPlan {
  /** a-z, then a-z, 0-9 and _, at most 32 characters. */
  readonly name: string;
  readonly max: number;
}

/** What becomes of the sum. */
export interface CombinePlan {
  /** The weighted mean of the updates. */
  readonly kind: 'mean';
}

/** What clients do to an update before masking, and what the server does to the sum. Plain JSON. */
export interface PlanFields {
  readonly version: 1;
  readonly vector: {
    /** Values of an update, d. */
    readonly dimension: number;
  };
  readonly cohort: {
    /** The most clients that are ever summed together. */
    readonly maxClients: number;
  };
  readonly weight: WeightPlan;
  readonly clip: ClipPlan;
  readonly quantize: QuantizePlan;
  readonly metrics: readonly MetricPlan[];
  readonly combine: CombinePlan;
}

/** Lawful fields, deeply frozen: only `definePlan` and `parsePlan` make one. */
export type Plan = Brand<PlanFields, 'Plan'>;

/** What has to be said: version 1, uniform weights, no clipping, no metrics and the mean are assumed. */
export type PlanInput = Pick<PlanFields, 'vector' | 'cohort'> &
  Partial<Omit<PlanFields, 'vector' | 'cohort' | 'quantize'>> & {
    readonly quantize: Omit<QuantizePlan, 'kind'> & Partial<Pick<QuantizePlan, 'kind'>>;
  };

function integer(min: number, max: number) {
  return v.pipe(v.number(), v.safeInteger(), v.minValue(min), v.maxValue(max));
}

/** A positive number that float32 arithmetic has room around. */
function magnitude() {
  return v.pipe(v.number(), v.finite(), v.minValue(minRange), v.maxValue(maxRange));
}

/** A counter's largest value has to fit the widest ring. */
const counterMax = integer(1, 2 ** 32 - 1);

const schema = v.strictObject({
  version: v.optional(v.literal(1), 1),
  vector: v.strictObject({ dimension: integer(1, 2 ** 27) }),
  cohort: v.strictObject({ maxClients: integer(2, 2 ** 20) }),
  weight: v.optional(
    v.variant('kind', [
      v.strictObject({ kind: v.literal('uniform') }),
      v.strictObject({ kind: v.literal('examples'), max: counterMax }),
    ]),
    { kind: 'uniform' },
  ),
  clip: v.optional(
    v.variant('kind', [
      v.strictObject({ kind: v.literal('none') }),
      v.strictObject({ kind: v.literal('l2'), norm: magnitude() }),
    ]),
    { kind: 'none' },
  ),
  quantize: v.strictObject({
    kind: v.optional(v.literal('stochastic'), 'stochastic'),
    bits: integer(2, 32),
    range: magnitude(),
  }),
  metrics: v.optional(
    v.pipe(
      v.array(
        v.strictObject({
          name: v.pipe(v.string(), v.maxLength(32), v.regex(/^[a-z][a-z0-9_]*$/)),
          max: counterMax,
        }),
      ),
      v.maxLength(64),
    ),
    [],
  ),
  combine: v.optional(v.strictObject({ kind: v.literal('mean') }), { kind: 'mean' }),
});

/** The fields of a plan with defaults filled in, or what is wrong with the first field that is. */
export function checkFields(input: unknown): { readonly fields: PlanFields } | { readonly fault: string } {
  const result = v.safeParse(schema, input, { abortEarly: true });
  if (result.success) return { fields: result.output };
  const [issue] = result.issues;
  const path = v.getDotPath(issue);
  return { fault: `${path === null ? '' : `${path}: `}${issue.message}` };
}
