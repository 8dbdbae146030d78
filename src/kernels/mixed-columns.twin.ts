import { type ColumnRule, twin as columnsTwin, type FloatArray } from './columns.twin.js';
import { twin as mixTwin } from './mix.twin.js';

/** What is computed: a column rule over `count` weighted sums of rows. */
export interface MixedColumns<T extends FloatArray = FloatArray> {
  readonly rule: ColumnRule;
  /** As the rule has it, of `count`. */
  readonly f: number;
  readonly rows: readonly T[];
  /** count x n, row-major. */
  readonly weights: Float64Array;
  readonly count: number;
}

/**
 * Applies a column rule to weighted sums of rows, for columns `from` to `to` (exclusive), and writes `out[from]` to
 * `out[to - 1]`: the sums of `MixRows`, rounded to the type of `out`, go through `ApplyColumns`, a few columns at a
 * time, and are never stored whole. The caller has checked what those two ask for.
 */
export type ApplyMixedColumns = (task: MixedColumns<Float32Array>, from: number, to: number, out: Float32Array) => void;

/** Values that are mixed before the rule sees them. */
const blockValues = 65_536;

/** The steps of `ApplyMixedColumns`, in turns over blocks of columns. */
export function byBlocks<T extends FloatArray>(
  { rule, f, rows, weights, count }: MixedColumns<T>,
  from: number,
  to: number,
  out: T,
  steps: {
    readonly mix: (rows: readonly T[], weights: Float64Array, from: number, to: number, out: readonly T[]) => void;
    readonly columns: (rule: ColumnRule, f: number, rows: readonly T[], from: number, to: number, out: T) => void;
  },
): void {
  const block = Math.min(to - from, Math.max(16, Math.floor(blockValues / count)));
  const slice = (vector: T, start: number, end: number): T => vector.subarray(start, end) as T; // keeps its type
  const mixed = Array.from({ length: count }, () => slice(out, 0, block).slice() as T);
  for (let start = from; start < to; start += block) {
    const length = Math.min(block, to - start);
    const local = rows.map((row) => slice(row, start, start + length));
    steps.mix(local, weights, 0, length, mixed);
    steps.columns(rule, f, mixed, 0, length, slice(out, start, start + length));
  }
}

/** The same results, bit for bit, where WebAssembly SIMD is missing; and for float64. */
export function twin<T extends FloatArray>(task: MixedColumns<T>, from: number, to: number, out: T): void {
  byBlocks(task, from, to, out, { mix: mixTwin, columns: columnsTwin });
}
