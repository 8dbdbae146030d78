import { sha256 } from '@noble/hashes/sha2.js';
import { toHex, utf8 } from '../../core/bytes.js';
import { checkInteger, checkOptions, describe } from '../../core/check.js';
import { UsageError } from '../../core/errors.js';

/** What JSON can hold without loss: numbers are finite. */
export type JsonValue = null | boolean | number | string | readonly JsonValue[] | { readonly [key: string]: JsonValue };

/** What a release is paid for. `task`, `round` and `context` name it: the same three are never charged twice. */
export interface Charge {
  /** 1 to 255 characters. */
  readonly task: string;
  /** From 0 to 2^32 - 1. */
  readonly round: number;
  /**
   * What else tells releases apart, such as the hash of the session context: lower-case hexadecimal, up to 128 digits,
   * or ''.
   */
  readonly context: string;
  /** The privacy event, in whatever form the accountant reads: the ledger only keeps it. */
  readonly event: JsonValue;
}

/** The first line of each writer's part: who wrote before, up to which line, is settled by it. */
export interface OpenEntry {
  readonly kind: 'open';
  readonly version: 1;
  /** Number of the part, from 1. */
  readonly epoch: number;
  /** SHA-256 of the line that it follows; 64 zeros for the first. */
  readonly previous: string;
}

export interface ChargeEntry extends Charge {
  readonly kind: 'charge';
  readonly previous: string;
}

/** A line of the ledger: who begins to write, or what was paid for. */
export type LedgerEntry = OpenEntry | ChargeEntry;

/** `previous` of the first line. */
export const genesis: string = '0'.repeat(64);

/** The longest line, so that a hostile file can't exhaust memory by one. */
export const maxLine: number = 2 ** 20;

/** SHA-256 of a line without its newline, in hexadecimal. */
export function lineHash(line: string): string {
  return toHex(sha256(utf8(line)));
}

/** The line of an entry: canonical JSON, keys sorted, no spaces. One entry has one line. */
export function formatEntry(entry: LedgerEntry): string {
  return canonicalJson(entry as unknown as JsonValue);
}

/** A privacy event, which is plain data, as a charge has it. */
export function eventJson(event: object): JsonValue {
  return JSON.parse(JSON.stringify(event)) as JsonValue;
}

/** The key under which a charge is known. */
export function chargeKey({ task, round, context }: Pick<Charge, 'task' | 'round' | 'context'>): string {
  return canonicalJson([task, round, context]);
}

/**
 * Returns a copy of `charge` that nobody else holds; throws `UsageError`: `usage.options`, `usage.task`, `usage.range`,
 * `usage.hex`, `usage.json`.
 */
export function checkCharge(charge: Charge): Charge {
  const { task, round, context, event } = checkOptions('charge', charge);
  if (typeof task !== 'string' || task.length < 1 || task.length > 255)
    throw new UsageError('usage.task', `task must be a name of 1 to 255 characters, got ${describe(task)}`);
  checkInteger('round', round, 0, 0xffffffff);
  if (typeof context !== 'string' || !/^([0-9a-f]{2}){0,64}$/.test(context))
    throw new UsageError(
      'usage.hex',
      `context must be up to 128 lower-case hexadecimal digits, got ${describe(context)}`,
    );
  const text = canonicalJson(event);
  if (text.length > maxLine / 4)
    throw new UsageError('usage.json', `event must be shorter than ${maxLine / 4} characters`);
  return { task, round, context, event: JSON.parse(text) as JsonValue };
}

/**
 * The entry in a line, or `undefined` if it isn't exactly what `formatEntry` writes: so a line can't mean two things.
 */
export function parseEntry(line: string): LedgerEntry | undefined {
  try {
    const value: unknown = JSON.parse(line);
    const entry = isRecord(value) ? readEntry(value) : undefined;
    return entry !== undefined && formatEntry(entry) === line ? entry : undefined;
  } catch {
    return undefined;
  }
}

function readEntry(value: { readonly [key: string]: unknown }): LedgerEntry | undefined {
  const { kind, previous } = value;
  if (typeof previous !== 'string' || !/^[0-9a-f]{64}$/.test(previous)) return undefined;
  if (kind === 'open') {
    const { version, epoch } = value;
    return version === 1 ? { kind, version, epoch: checkInteger('epoch', epoch, 1, 2 ** 32), previous } : undefined;
  }
  if (kind !== 'charge') return undefined;
  return { kind, previous, ...checkCharge(value as unknown as Charge) };
}

function isRecord(value: unknown): value is { readonly [key: string]: unknown } {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** JSON with sorted keys and no spaces. Throws `UsageError` (`usage.json`) for what JSON would change or drop. */
export function canonicalJson(value: JsonValue, depth = 0): string {
  if (depth > 64) throw new UsageError('usage.json', 'an event must not be nested deeper than 64 levels');
  if (value === null || typeof value === 'boolean' || typeof value === 'string') return JSON.stringify(value);
  if (typeof value === 'number' && Number.isFinite(value)) return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map((item) => canonicalJson(item, depth + 1)).join(',')}]`;
  if (typeof value === 'object' && isPlain(value)) {
    const fields = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
    return `{${fields.map(([key, item]) => `${JSON.stringify(key)}:${canonicalJson(item, depth + 1)}`).join(',')}}`;
  }
  throw new UsageError('usage.json', `an event must consist of plain JSON values, got ${describe(value)}`);
}

function isPlain(value: object): value is { readonly [key: string]: JsonValue } {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}
