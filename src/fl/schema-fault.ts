import * as v from 'valibot';
import { describe } from '../core/check.js';

/**
 * What is wrong with a field, for the person who wrote it: where, what, and what instead. `issue` is valibot's; the
 * schema's checks of numbers and texts carry their own words, and objects and choices are explained from the schema's
 * structure. `whole` is what the schema is of.
 */
export function faultOf(issue: v.BaseIssue<unknown>, schema: v.GenericSchema, whole: string): string {
  const where = v.getDotPath(issue) ?? whole;
  switch (issue.type) {
    case 'strict_object':
      return objectFault(issue, where, schema);
    case 'variant':
      return choiceFault(issue, where);
    case 'literal':
      return `${where} must be ${issue.expected}, got ${describe(issue.input)}: write ${issue.expected}, or leave it out`;
    case 'raw_transform':
      return `${where}: ${issue.message}`;
    default:
      return `${where} must be ${issue.message}, got ${describe(issue.input)}${remedy(issue)}`;
  }
}

function objectFault(issue: v.BaseIssue<unknown>, where: string, schema: v.GenericSchema): string {
  const keys = issue.path?.map(({ key }) => key) ?? [];
  if (issue.expected === 'Object') return `${where} must be an object, got ${describe(issue.input)}: write { … }`;
  const parent = issue.path?.at(-1)?.input;
  const known = keysOf(schema, keys.slice(0, -1), parent);
  if (issue.expected !== 'never') return `${where} is missing: give it a value`;
  const near = known.find((name) => alike(name, String(keys.at(-1))));
  return `${where} is no field: ${near === undefined ? 'leave it out' : `did you mean ${near}`}; there ${known.length === 1 ? 'is' : 'are'} ${known.join(', ')}`;
}

function choiceFault(issue: v.BaseIssue<unknown>, where: string): string {
  const choices = (issue.expected ?? '').replace(/[()]/g, '').replaceAll(' | ', ', ');
  if (choices === 'Object')
    return `${where} must be an object with a kind, got ${describe(issue.input)}: write { kind: … }`;
  return `${where} must be one of ${choices}, got ${describe(issue.input)}: choose one of them`;
}

/** The nearest value that would do. */
function remedy({ type, requirement, input }: v.BaseIssue<unknown>): string {
  if (type === 'min_value') return `: raise it to ${requirement}`;
  if (type === 'max_value') return `: lower it to ${requirement}`;
  if (type === 'safe_integer' && typeof input === 'number') return `: round it to ${Math.round(input)}`;
  return '';
}

/** Whether one is the other with a letter changed, added or lost, or in other capitals. */
function alike(a: string, b: string): boolean {
  const [short, long] = [a.toLowerCase(), b.toLowerCase()].sort((x, y) => x.length - y.length) as [string, string];
  if (long.length - short.length > 1 || long.length < 3) return false;
  let same = 0;
  while (same < short.length && short[same] === long[same]) same += 1;
  return short.slice(same + (long.length === short.length ? 1 : 0)) === long.slice(same + 1);
}

/** The fields that the object at `path` has room for; of a choice, those of the kind that `value` says it is. */
function keysOf(schema: unknown, path: readonly unknown[], value: unknown): readonly string[] {
  const node = unwrap(schema);
  if (node === undefined) return [];
  if ('options' in node && Array.isArray(node.options)) {
    const fits = node.options.filter((option) => path.length > 0 || saysSo(option, value));
    const all = fits.map((option) => keysOf(option, path, value));
    return all.find((keys) => keys.length > 0) ?? [];
  }
  const [key, ...rest] = path;
  if ('item' in node && key !== undefined) return keysOf(node.item, rest, value);
  if (!('entries' in node) || typeof node.entries !== 'object' || node.entries === null) return [];
  const entries = new Map(Object.entries(node.entries));
  return key === undefined ? [...entries.keys()] : keysOf(entries.get(String(key)), rest, value);
}

function unwrap(schema: unknown): object | undefined {
  if (typeof schema !== 'object' || schema === null) return undefined;
  return 'wrapped' in schema ? unwrap(schema.wrapped) : schema;
}

/** Whether an option's literal fields are those of the value. */
function saysSo(option: unknown, value: unknown): boolean {
  const node = unwrap(option);
  if (node === undefined || typeof value !== 'object' || value === null) return false;
  if ('options' in node && Array.isArray(node.options)) return node.options.some((each) => saysSo(each, value));
  if (!('entries' in node) || typeof node.entries !== 'object' || node.entries === null) return false;
  const given = new Map(Object.entries(value));
  return Object.entries(node.entries).every(([name, entry]) => {
    const literal = unwrap(entry);
    const field = given.get(name);
    return literal === undefined || !('literal' in literal) || field === undefined || field === literal.literal;
  });
}
