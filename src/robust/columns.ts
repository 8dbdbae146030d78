import { applyColumns as applyToFloat32, type ColumnRule } from '../kernels/columns.js';
import { twin } from '../kernels/columns.twin.js';
import { applyMixedColumns as applyMixedToFloat32, type MixedColumns } from '../kernels/mixed-columns.js';
import { twin as mixedTwin } from '../kernels/mixed-columns.twin.js';
import { allFloat32, type FloatVector } from './vectors.js';

export type { ColumnRule };

/**
 * Applies `rule` to coordinates `from` to `to` of `rows` and writes `out[from]` to `out[to - 1]`: see `ColumnRule`.
 * Values must be finite. Sums run in float64 over ascending values, so the order of rows does not change a bit. The
 * kernel takes float32, its twin what is float64.
 */
export function applyColumns(
  rule: ColumnRule,
  f: number,
  rows: readonly FloatVector[],
  from: number,
  to: number,
  out: FloatVector,
): void {
  if (allFloat32(rows) && out instanceof Float32Array) applyToFloat32(rule, f, rows, from, to, out);
  else twin(rule, f, rows, from, to, out);
}

/** The same over weighted sums of rows, see `ApplyMixedColumns`: they are rounded to the type of `out` first. */
export function applyMixedColumns(task: MixedColumns<FloatVector>, from: number, to: number, out: FloatVector): void {
  const { rows } = task;
  if (allFloat32(rows) && out instanceof Float32Array) applyMixedToFloat32({ ...task, rows }, from, to, out);
  else mixedTwin(task, from, to, out);
}
