import { describe } from '../core/check.js';
import { UsageError } from '../core/errors.js';
import { addBoth, chunkColumns } from '../kernels/distances.twin.js';
import { applyColumns, applyMixedColumns, type ColumnRule } from './columns.js';
import { addSquaredDistances, addSquaredDistancesFrom } from './distances.js';
import { mixRows } from './mix.js';
import { type FloatVector, isUsable } from './vectors.js';

/** A rule by columns over n rows of d values, or over weighted sums of them. */
export interface ColumnTask {
  readonly rule: ColumnRule;
  /** Values left out, as the rule has it. */
  readonly f: number;
  readonly rows: readonly FloatVector[];
  /** Where given: the rule sees `count` sums of the rows, `weights` being count x n. They are never stored whole. */
  readonly mixing?: { readonly weights: Float64Array; readonly count: number };
}

/**
 * Where rules compute what goes through all coordinates: on this thread, or on several. The bits are the same. Rows are
 * n vectors of d finite values.
 */
export interface Executor {
  /** The vectors as this executor reads them best: themselves or copies. */
  share(vectors: readonly FloatVector[]): readonly FloatVector[];
  /** Whether each vector can take part: see `isUsable`. */
  usable(vectors: readonly FloatVector[]): readonly boolean[];
  /** Writes the rule's d values to `out`. */
  columns(task: ColumnTask, out: FloatVector): void;
  /** All squared distances, n x n. */
  squaredDistances(rows: readonly FloatVector[]): Float64Array;
  /** The squared distances from a point, or the origin, to each row. */
  squaredDistancesFrom(point: FloatVector | undefined, rows: readonly FloatVector[]): Float64Array;
  /** Writes weighted sums of rows to `out`, as `mixRows` does. */
  mix(rows: readonly FloatVector[], weights: Float64Array, out: readonly FloatVector[]): void;
}

/** Coordinates of the parts that work is cut into: sums of distances part there. */
export const partLength: number = chunkColumns;

/** This thread. */
export const thisThread: Executor = {
  share: (vectors) => vectors,
  usable: (vectors) => vectors.map(isUsable),
  columns: (task, out) => applyPart(task, 0, out.length, out),
  squaredDistances: (rows) => {
    const sums = new Float64Array(rows.length ** 2);
    addSquaredDistances(rows, 0, rows[0]?.length ?? 0, sums);
    return sums;
  },
  squaredDistancesFrom: (point, rows) => {
    const sums = new Float64Array(rows.length);
    addSquaredDistancesFrom(point, rows, 0, rows[0]?.length ?? 0, sums);
    return sums;
  },
  mix: (rows, weights, out) => mixRows(rows, weights, 0, rows[0]?.length ?? 0, out),
};

/** Returns `value` if it has what an executor does; throws `UsageError` (`robust.options`) otherwise. */
export function checkExecutor(value: unknown): Executor {
  if (isExecutor(value)) return value;
  throw new UsageError('robust.options', `executor must be one such as a ThreadPool, got ${describe(value)}`);
}

function isExecutor(value: unknown): value is Executor {
  if (typeof value !== 'object' || value === null) return false;
  return Object.keys(thisThread).every((name) => typeof Reflect.get(value, name) === 'function');
}

/** Coordinates `from` to `to` of a rule by columns, written to those of `out`. */
export function applyPart({ rule, f, rows, mixing }: ColumnTask, from: number, to: number, out: FloatVector): void {
  if (mixing === undefined) applyColumns(rule, f, rows, from, to, out);
  else applyMixedColumns({ rule, f, rows, ...mixing }, from, to, out);
}

/** Distances over one part as a triangle, (0,1), (0,2) ... (n-2,n-1): what a thread hands back. */
export function trianglePart(rows: readonly FloatVector[], from: number, to: number, triangle: Float64Array): void {
  const n = rows.length;
  const sums = new Float64Array(n * n);
  addSquaredDistances(rows, from, to, sums);
  let at = 0;
  for (let i = 0; i < n; i += 1) for (let j = i + 1; j < n; j += 1) triangle[at++] = sums[i * n + j] as number; // i, j < n
}

/** Adds a triangle to a matrix of sums, as one call over all parts would have. */
export function addTriangle(triangle: Float64Array, n: number, sums: Float64Array): void {
  let at = 0;
  for (let i = 0; i < n; i += 1) for (let j = i + 1; j < n; j += 1) addBoth(sums, n, i, j, triangle[at++] as number);
}
