import { InvalidArgumentError } from 'commander';

/** Parsers of option values, for commander: what they throw is printed with the option's name. */
export function integer(text: string): number {
  if (!/^\d{1,15}$/.test(text)) throw new InvalidArgumentError('It must be a whole number.');
  return Number(text);
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
