import * as v from 'valibot';
import { sha256 } from '#hash';
import { concatBytes } from '../core/bytes.js';
import { describe } from '../core/check.js';
import { UsageError } from '../core/errors.js';
import { labelBytes } from '../crypto/labels.js';
import { maxRange, minRange } from '../ring/quantize.js';
import { canonicalBytes } from './plan/canonical.js';
import { faultOf } from './schema-fault.js';

/** Settings that are plain JSON: every field said, deeply frozen, one canonical text for one meaning. */

/** What kinds of settings are told apart by. */
export interface Spec {
  readonly kind: string;
}

/** An integer from `min` to `max`. What a field must be is said in words, for `faultOf`. */
export function integer(min: number, max: number): v.GenericSchema<number> {
  const said = `an integer from ${min} to ${max}`;
  return v.pipe(v.number(said), v.safeInteger(said), v.minValue(min, said), v.maxValue(max, said));
}

/** A finite number from `min` to `max`. */
export function number(min: number, max: number, said = `a number from ${min} to ${max}`): v.GenericSchema<number> {
  return v.pipe(v.number(said), v.finite(said), v.minValue(min, said), v.maxValue(max, said));
}

/** A positive number that float32 arithmetic has room around. */
export function magnitude(): v.GenericSchema<number> {
  return number(minRange, maxRange, 'a number from 2^-64 to 2^64');
}

/** Such as a momentum. */
export function decay(): v.GenericSchema<number> {
  const said = 'a number from 0 up to below 1';
  return v.pipe(number(0, 1, said), v.ltValue(1, said));
}

/** What part of something is kept. */
export function fraction(): v.GenericSchema<number> {
  const said = 'a number above 0, up to 1';
  return v.pipe(number(0, 1, said), v.gtValue(0, said));
}

/** One of a few texts. */
export function choice<const T extends string>(...choices: readonly T[]): v.GenericSchema<T> {
  return v.picklist(choices, `one of ${choices.join(', ')}`);
}

export function flag(): v.GenericSchema<boolean> {
  return v.boolean('true or false');
}

/** `fields` that say which kind they are, and nothing that the kind doesn't know. */
export function kindSchema<S extends Spec>(kind: S['kind'], fields: v.ObjectEntries): v.GenericSchema<unknown, S> {
  // Each caller's fields are those of its S; valibot can't say so for a generic.
  return v.strictObject({ kind: v.literal(kind), ...fields }) as unknown as v.GenericSchema<unknown, S>;
}

/**
 * `input` with defaults filled in, frozen. Throws `UsageError`, `${area}.kind` if `kinds` hasn't its kind, or
 * `${area}.schema` with the path of the first field that is missing, unknown, of a wrong type or out of range.
 */
export function parseSpec<S extends Spec>(
  area: string,
  kinds: Readonly<Record<string, { readonly schema: v.GenericSchema<unknown, S> }>>,
  input: unknown,
): S {
  const kind = typeof input === 'object' && input !== null && 'kind' in input ? input.kind : undefined;
  if (typeof kind !== 'string' || !Object.hasOwn(kinds, kind))
    throw new UsageError(
      `${area}.kind`,
      `${area}.kind must be one of ${Object.keys(kinds).join(', ')}, got ${describe(kind)}`,
    );
  return parseFields(`${area}.schema`, `${area} ${kind}`, kinds[kind]?.schema ?? v.never(), input);
}

/** `input` as `schema` has it, frozen. Throws `UsageError` (`code`); `what` names it in the message. */
export function parseFields<T extends object>(
  code: string,
  what: string,
  schema: v.GenericSchema<unknown, T>,
  input: unknown,
): T {
  const result = v.safeParse(schema, input, { abortEarly: true });
  if (result.success) return freezeDeep(result.output);
  throw new UsageError(code, `${what}: ${faultOf(result.issues[0], schema, 'the value')}`);
}

/** SHA-256 over the purpose and the canonical JSON of a spec: 32 bytes that name it. */
export function specHash(purpose: string, spec: object): Uint8Array {
  return sha256(concatBytes(labelBytes(`veilsum/1 ${purpose}`), canonicalBytes(spec)));
}

/** `value`, which holds nothing but plain data, with all that is in it. */
export function freezeDeep<T extends object>(value: T): T {
  for (const field of Object.values(value)) if (typeof field === 'object' && field !== null) freezeDeep(field);
  return Object.freeze(value);
}
