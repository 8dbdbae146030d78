import { InvalidArgumentError } from 'commander';

/** Parsers of option values, for commander: what they throw is printed with the option's name. */
export function integer(text: string): number {
  if (!/^\d{1,15}$/.test(text)) throw new InvalidArgumentError('It must be a whole number from 0 up.');
  return Number(text);
}

/** Whole numbers from `min` to `max`, both included. */
export function integerFrom(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
    if (!(value >= min && value <= max))
      throw new InvalidArgumentError(`It must be a whole number from ${min} to ${max}.`);
    return value;
  };
}

export function fraction(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !(value >= 0 && value < 1))
    throw new InvalidArgumentError('It must be a number from 0 to below 1.');
  return value;
}

/** Any number from 0 up, such as 1e-5. */
export function number(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !(value >= 0 && value < Number.POSITIVE_INFINITY))
    throw new InvalidArgumentError('It must be a number from 0 up.');
  return value;
}

/** Any number above 0. */
export function positive(text: string): number {
  const value = Number(text);
  if (!(value > 0 && value < Number.POSITIVE_INFINITY)) throw new InvalidArgumentError('It must be a number above 0.');
  return value;
}

/** A number above 0 and below 1. */
export function properFraction(text: string): number {
  const value = positive(text);
  if (value >= 1) throw new InvalidArgumentError('It must be below 1.');
  return value;
}

/** A number from 0 to 1, both included. */
export function probability(text: string): number {
  const value = number(text);
  if (value > 1) throw new InvalidArgumentError('It must be from 0 to 1.');
  return value;
}

/** Whole numbers with commas between. */
export function wholeNumbers(text: string): readonly number[] {
  return text.split(',').map(integer);
}

/** Seconds as milliseconds. */
export function seconds(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !(value >= 0 && value <= 2_000_000))
    throw new InvalidArgumentError('It must be a number of seconds.');
  return Math.round(value * 1000);
}

/** `name=value`, gathered over repeated options. */
export function assignment<T>(
  parse: (text: string) => T,
): (text: string, before?: Record<string, T>) => Record<string, T> {
  return (text, before = {}) => {
    const [name = '', value] = text.split('=');
    if (name === '' || value === undefined) throw new InvalidArgumentError('It must look like name=value.');
    return { ...before, [name]: parse(value) };
  };
}
