import * as v from 'valibot';
import { checkInteger, checkOptions } from '../core/check.js';
import { AbortError } from '../core/errors.js';
import { type StalenessSpec, staleContribution, stalenessSchema, stalenessWeight } from './optimizers/fedbuff.js';
import { integer, parseFields } from './spec.js';
import { checkDoubles, type FloatVector } from './vectors.js';

/**
 * The arithmetic of buffered asynchronous rounds (Nguyen et al. 2022, FedBuff) under masks. Clients train when they
 * like and join a cohort; once `bufferSize` have joined, it runs one session of its own, and its sum goes into whatever
 * the model is by then. Masks live inside one cohort only, so nobody waits for anybody in another.
 *
 * The server can't weigh an update that it doesn't see, so a client weighs its own, by how many versions the model has
 * moved between the one that it trained and the one that its cohort was formed at. How far the model moves while the
 * session runs is the same for all of the cohort: the server weighs the sum for that.
 */
export interface AsyncSpec {
  /** Clients of a cohort, K: 2 to 2^20. */
  readonly bufferSize: number;
  /** Polynomial with exponent 0.5 if not given. */
  readonly staleness: StalenessSpec;
  /** An update that is staler isn't sent: 0 to 2^32; 100 if not given. */
  readonly maxStaleness: number;
}

/** What may be left out is said at each field. */
export type AsyncInput = Pick<AsyncSpec, 'bufferSize'> & Partial<AsyncSpec>;

const schema: v.GenericSchema<unknown, AsyncSpec> = v.strictObject({
  bufferSize: integer(2, 2 ** 20),
  staleness: v.optional(stalenessSchema, { kind: 'polynomial' }),
  maxStaleness: v.optional(integer(0, 2 ** 32), 100),
});

/** Asynchronous rounds from plain data. Throws `UsageError` (`async.schema`). */
export function defineAsync(input: AsyncInput): AsyncSpec {
  return parseFields('async.schema', 'async', schema, input);
}

/**
 * Client: what goes into its cohort's sum for an update of the model of version `trained`, where the cohort was formed
 * at version `formed`, trained <= formed. Throws `UsageError` (`async.schema`, `usage.floats`, `usage.range`), and
 * `AbortError` (`async.stale`) if it is too old to send: train the current model.
 */
export function asyncContribution<V extends FloatVector>(
  input: AsyncInput,
  update: V,
  versions: { readonly trained: number; readonly formed: number },
): V {
  return staleContribution(defineAsync(input).staleness, update, sendableAge(input, versions));
}

/** By how many versions an update is stale. Throws as `asyncContribution`. */
export function sendableAge(
  input: AsyncInput,
  versions: { readonly trained: number; readonly formed: number },
): number {
  const { maxStaleness } = defineAsync(input);
  const { trained, formed } = checkOptions('versions', versions);
  checkInteger('versions.formed', formed, 0, 2 ** 32);
  const age = formed - checkInteger('versions.trained', trained, 0, formed);
  if (age > maxStaleness)
    throw new AbortError('async.stale', `the update is ${age} versions old, at most ${maxStaleness} are allowed`);
  return age;
}

/**
 * Server: the mean of a cohort that was formed at version `formed`, as it goes into the model of version `current`,
 * formed <= current. Throws `UsageError` (`async.schema`, `usage.floats`, `usage.range`).
 */
export function asyncMean(
  input: AsyncInput,
  mean: Float64Array,
  versions: { readonly formed: number; readonly current: number },
): Float64Array {
  const { staleness } = defineAsync(input);
  const { formed, current } = checkOptions('versions', versions);
  checkDoubles('mean', mean);
  checkInteger('versions.current', current, 0, 2 ** 32);
  const weight = stalenessWeight(staleness, current - checkInteger('versions.formed', formed, 0, current));
  return mean.map((value) => weight * value);
}
