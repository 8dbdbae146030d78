import { UsageError } from './errors.js';

/** How a value is shown in an error: short, and never the content of bytes, which may be secret. */
export function describe(value: unknown): string {
  if (ArrayBuffer.isView(value)) return `${value.constructor.name}(${value.byteLength} bytes)`;
  if (Array.isArray(value)) return `an array of ${value.length}`;
  if (typeof value === 'string')
    return value.length > 40 ? `a string of ${value.length} characters` : JSON.stringify(value);
  if (typeof value === 'object' && value !== null) return 'an object';
  return typeof value === 'function' ? 'a function' : String(value);
}

/** Returns `value` if it is an object; throws `UsageError` (`usage.options`) otherwise. */
export function checkOptions<T>(name: string, value: T): T {
  if (typeof value !== 'object' || value === null)
    throw new UsageError('usage.options', `${name} must be an object, got ${describe(value)}`);
  return value;
}

/** Returns `value` if it is an integer in [min, max]; throws `UsageError` (`usage.range`) otherwise. */
export function checkInteger(name: string, value: unknown, min: number, max: number): number {
  if (typeof value !== 'number' || !Number.isInteger(value) || value < min || value > max)
    throw new UsageError('usage.range', `${name} must be an integer from ${min} to ${max}, got ${describe(value)}`);
  return value;
}

/** Returns `value` if it is a finite number in [min, max]; throws `UsageError` (`usage.range`) otherwise. */
export function checkNumber(name: string, value: unknown, min: number, max: number): number {
  if (typeof value !== 'number' || !Number.isFinite(value) || value < min || value > max)
    throw new UsageError('usage.range', `${name} must be a number from ${min} to ${max}, got ${describe(value)}`);
  return value;
}

/**
 * Returns `value` if it is a `Uint8Array`, of `length` bytes where given; throws `UsageError` (`usage.bytes`)
 * otherwise.
 */
export function checkBytes(name: string, value: unknown, length?: number): Uint8Array {
  if (!(value instanceof Uint8Array))
    throw new UsageError('usage.bytes', `${name} must be a Uint8Array, got ${describe(value)}`);
  if (length !== undefined && value.length !== length)
    throw new UsageError('usage.bytes', `${name} must have ${length} bytes, got ${value.length}`);
  return value;
}

/** Throws `UsageError` (`usage.type`) unless `value` is a function. */
export function checkFunction(name: string, value: unknown): void {
  if (typeof value !== 'function')
    throw new UsageError('usage.type', `${name} must be a function, got ${describe(value)}`);
}

/** Returns `value` if it is one of `allowed`; throws `UsageError` (`usage.choice`) otherwise. */
export function checkChoice<T extends string | number>(name: string, value: unknown, allowed: readonly T[]): T {
  const found = allowed.find((choice) => choice === value);
  if (found === undefined)
    throw new UsageError('usage.choice', `${name} must be one of ${allowed.join(', ')}, got ${describe(value)}`);
  return found;
}
