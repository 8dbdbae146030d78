import * as v from 'valibot';
import { UsageError } from '../../core/errors.js';
import { distributedNoiseKinds } from '../../dp/mechanisms/noisy-sum.js';
import { maxRange } from '../../ring/quantize.js';
import { checkAggregatorSpec } from '../../robust/spec.js';
import { stalenessSchema } from '../optimizers/fedbuff.js';
import { defineOptimizer, type OptimizerInput } from '../optimizers/optimizer.js';
import { faultOf } from '../schema-fault.js';
import { choice, integer, magnitude, number } from '../spec.js';
import type { PlanFields } from './fields.js';
import { checkCompress } from './stages/compress.js';
import { needsVersion2 } from './version.js';

/**
 * Each field by itself: which there are, of which type, in which range. What they may say together is for the rules.
 */

/** Above 0, below 1. */
function probability() {
  return number(1e-300, 1 - 2 ** -53);
}

/** Data whose own rules are elsewhere: `check` gives it in canonical form or throws a `UsageError`. */
function checked<T>(check: (value: unknown) => T) {
  return v.pipe(
    v.unknown(),
    v.rawTransform<unknown, T>(({ dataset, addIssue, NEVER }) => {
      try {
        return check(dataset.value);
      } catch (error) {
        if (!(error instanceof UsageError)) throw error;
        addIssue({ message: error.message });
        return NEVER;
      }
    }),
  );
}

/** A counter's largest value has to fit the widest ring. */
const counterMax = integer(1, 2 ** 32 - 1);
const variance = number(2 ** -10, 2 ** 60);
const budget = v.strictObject({
  epsilon: number(1e-6, 1e6),
  delta: probability(),
  rounds: integer(1, 2 ** 32 - 1),
});
const sampling = v.optional(
  v.variant('kind', [
    v.strictObject({ kind: v.literal('none') }),
    v.strictObject({ kind: v.literal('poisson'), probability: probability() }),
  ]),
  { kind: 'none' },
);
const aggregator = checked(checkAggregatorSpec);

const schema = v.strictObject({
  version: v.optional(v.picklist([1, 2], '1 or 2')),
  masking: v.optional(
    v.variant('kind', [v.strictObject({ kind: v.literal('pairwise') }), v.strictObject({ kind: v.literal('none') })]),
    { kind: 'pairwise' },
  ),
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
  errorFeedback: v.optional(
    v.variant('kind', [
      v.strictObject({ kind: v.literal('none') }),
      v.strictObject({ kind: v.literal('residual'), decay: v.optional(number(0, 1 - 2 ** -53), 0) }),
    ]),
    { kind: 'none' },
  ),
  compress: v.optional(checked(checkCompress), { kind: 'none' }),
  rotate: v.optional(
    v.variant('kind', [v.strictObject({ kind: v.literal('none') }), v.strictObject({ kind: v.literal('hadamard') })]),
    { kind: 'none' },
  ),
  quantize: v.variant('kind', [
    v.strictObject({
      kind: v.optional(v.literal('stochastic'), 'stochastic'),
      bits: integer(2, 32),
      range: magnitude(),
    }),
    v.strictObject({
      kind: v.literal('conditional'),
      granularity: number(2 ** -100, maxRange),
      beta: number(0, 0.999),
      ringBits: integer(4, 32),
    }),
  ]),
  privacy: v.optional(
    v.variant('kind', [
      v.strictObject({ kind: v.literal('none') }),
      v.strictObject({ kind: v.literal('central'), variance, sampling, budget }),
      v.strictObject({
        kind: v.literal('distributed'),
        noise: choice(...distributedNoiseKinds),
        variance,
        minSurvivors: integer(2, 2 ** 20),
        colluders: integer(0, 2 ** 20),
        releaseAt: v.pipe(v.array(integer(1, 2 ** 20), 'an array'), v.maxLength(16, 'an array of at most 16')),
        sampling,
        budget,
      }),
    ]),
    { kind: 'none' },
  ),
  metrics: v.optional(
    v.pipe(
      v.array(
        v.strictObject({
          name: v.pipe(
            v.string(namePattern()),
            v.maxLength(32, namePattern()),
            v.regex(/^[a-z][a-z0-9_]*$/, namePattern()),
          ),
          max: counterMax,
        }),
        'an array',
      ),
      v.maxLength(64, 'an array of at most 64 metrics'),
    ),
    [],
  ),
  combine: v.optional(
    v.variant('kind', [
      v.strictObject({ kind: v.literal('mean') }),
      v.variant('over', [
        v.strictObject({
          kind: v.literal('robust'),
          over: v.literal('cohorts'),
          cohorts: integer(1, 1024),
          aggregator,
        }),
        v.strictObject({
          kind: v.literal('robust'),
          over: v.literal('clients'),
          clients: integer(1, 2 ** 20),
          aggregator,
        }),
      ]),
    ]),
    { kind: 'mean' },
  ),
  optimizer: v.optional(
    // The table of optimizers checks whatever it is.
    checked((value) => defineOptimizer(value as OptimizerInput)),
    { kind: 'fedavg' },
  ),
  schedule: v.optional(
    v.variant('kind', [
      v.strictObject({ kind: v.literal('rounds') }),
      v.strictObject({
        kind: v.literal('buffered'),
        bufferSize: integer(2, 2 ** 20),
        staleness: v.optional(stalenessSchema, { kind: 'polynomial' }),
        // A session is bound to the hashes of so many versions, which its clients fetch.
        maxStaleness: v.optional(integer(0, 1000), 100),
      }),
    ]),
    { kind: 'rounds' },
  ),
});

function namePattern(): string {
  return 'a name of a-z, then a-z, 0-9 and _, at most 32 characters';
}

/** The fields of a plan with defaults filled in, or what is wrong with the first field that is. */
export function checkFields(input: unknown): { readonly fields: PlanFields } | { readonly fault: string } {
  const result = v.safeParse(schema, input, { abortEarly: true });
  if (!result.success) return { fault: faultOf(result.issues[0], schema, 'the plan') };
  const { version: said, ...rest } = result.output;
  const version = needsVersion2(rest) ? 2 : 1;
  if (said !== undefined && said !== version)
    return { fault: `version must be ${version} for these fields, got ${said}: leave it out` };
  return { fields: { version, ...rest } };
}
