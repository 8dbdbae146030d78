import * as v from 'valibot';
import { checkInteger, checkOptions } from '../../core/check.js';
import { maxVectorLength } from '../../ring/vector.js';
import { integer, kindSchema, parseFields } from '../spec.js';
import { checkDoubles, type FloatVector } from '../vectors.js';
import type { CompressionContext, CompressionKind } from './kind.js';
import { gather, largest, scatter } from './select.js';
import { sharedBytes } from './shared.js';

/**
 * The count sketch (Charikar, Chen and Farach-Colton 2002; FetchSGD, Rothchild et al. 2020): each row adds every
 * coordinate, with a random sign, to one of its columns. The server sums sketches, estimates each coordinate by the
 * median of what the rows say, and keeps the `top` of greatest magnitude. A row's estimate is off by about
 * |x|/sqrt(columns).
 *
 * Hashes are simple tabulation from the shared seed (three-wise independent; Patrascu and Thorup 2012).
 */
export interface CountSketchSpec {
  readonly kind: 'count-sketch';
  /** 1, 3, 5 ... 15. */
  readonly rows: number;
  /** A power of two, 2 to 2^24. */
  readonly columns: number;
  /** Coordinates that the server keeps; the others become zero. The dimension or more keeps every estimate. */
  readonly top: number;
}

export const countSketch: CompressionKind<CountSketchSpec> = {
  schema: kindSchema('count-sketch', {
    rows: v.pipe(
      integer(1, 15),
      v.check((rows) => rows % 2 === 1, 'odd, for a median'),
    ),
    columns: v.pipe(
      integer(2, 2 ** 24),
      v.check((columns) => Number.isInteger(Math.log2(columns)), 'a power of two'),
    ),
    top: integer(1, 2 ** 28),
  }),
  linear: true,
  additive: true,
  // Only where nothing is left out: no spec can say that, it depends on the dimension.
  unbiased: () => false,
  length: ({ rows, columns }) => rows * columns,
  client: (spec, values, context) => Float32Array.from(sketch(spec, values, hashes(spec, context))),
  server: (spec, sum, context, dimension) => recover(spec, sum, hashes(spec, context), dimension),
};

/**
 * Server: error feedback in the space of sketches (FetchSGD): what the sum and the residual hold, less what is taken
 * out now. The context's seed and round have to stay the same from round to round, or the residual means nothing;
 * `residual` is zeros at first. Throws `UsageError` (`compression.schema`, `usage.floats`, `usage.vector`,
 * `usage.bytes`, `usage.range`).
 */
export function recoverWithResidual(
  spec: CountSketchSpec,
  given: { readonly sum: Float64Array; readonly residual: Float64Array; readonly dimension: number },
  context: CompressionContext,
): { readonly values: Float64Array; readonly residual: Float64Array } {
  parseFields('compression.schema', 'compression count-sketch', countSketch.schema, spec);
  const { sum, residual, dimension } = checkOptions('given', given);
  checkInteger('given.dimension', dimension, 1, maxVectorLength);
  const length = spec.rows * spec.columns;
  checkDoubles('given.sum', sum, length);
  checkDoubles('given.residual', residual, length);
  const hash = hashes(spec, context);
  const table = sum.map((value, i) => value + (residual[i] as number));
  const values = recover(spec, table, hash, dimension);
  const taken = sketch(spec, values, hash);
  return { values, residual: table.map((value, i) => value - (taken[i] as number)) };
}

/** One table of 4 * 256 random words a row: the hash of i is the exclusive or of a word for each of its bytes. */
function hashes({ rows }: CountSketchSpec, context: CompressionContext): readonly Int32Array[] {
  const bytes = sharedBytes(context, 'sketch', rows * 4096);
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  return Array.from({ length: rows }, (_, row) =>
    Int32Array.from({ length: 1024 }, (_, i) => view.getInt32(row * 4096 + 4 * i, true)),
  );
}

/** The low bits are the column, the highest is the sign. */
function hashOf(words: Int32Array, i: number): number {
  return (
    (words[i & 255] as number) ^
    (words[256 + ((i >>> 8) & 255)] as number) ^
    (words[512 + ((i >>> 16) & 255)] as number) ^
    (words[768 + (i >>> 24)] as number)
  );
}

function sketch({ columns }: CountSketchSpec, values: FloatVector, hash: readonly Int32Array[]): Float64Array {
  const table = new Float64Array(hash.length * columns);
  hash.forEach((words, row) => {
    for (let i = 0; i < values.length; i += 1) {
      const h = hashOf(words, i);
      const at = row * columns + (h & (columns - 1));
      const value = values[i] as number;
      table[at] = (table[at] as number) + (h < 0 ? -value : value);
    }
  });
  return table;
}

function recover(
  { columns, top }: CountSketchSpec,
  table: Float64Array,
  hash: readonly Int32Array[],
  dimension: number,
): Float64Array {
  const estimates = new Float64Array(dimension);
  const said = new Float64Array(hash.length);
  for (let i = 0; i < dimension; i += 1) {
    for (let row = 0; row < hash.length; row += 1) {
      const h = hashOf(hash[row] as Int32Array, i);
      const value = table[row * columns + (h & (columns - 1))] as number;
      insert(said, row, h < 0 ? -value : value);
    }
    estimates[i] = said[hash.length >> 1] as number;
  }
  if (top >= dimension) return estimates;
  const kept = largest(estimates, top);
  return scatter(gather(estimates, kept), kept, dimension);
}

/** Puts `value` in its place among the first `count` of `sorted`. */
function insert(sorted: Float64Array, count: number, value: number): void {
  let at = count;
  for (; at > 0 && (sorted[at - 1] as number) > value; at -= 1) sorted[at] = sorted[at - 1] as number;
  sorted[at] = value;
}
