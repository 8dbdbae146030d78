import { areaValues, copyRows, layout, roundUp } from './blocks.js';
import {
  type AddSquaredDistances,
  type AddSquaredDistancesFrom,
  addBoth,
  chunkColumns,
  type Distances,
  forEachChunk,
  stripColumns,
  twin,
} from './distances.twin.js';
import { wasm } from './distances.wasm.js';
import { instantiate } from './load.js';

export { chunkColumns, type Distances };

type Exports = {
  readonly memory: WebAssembly.Memory;
  readonly valuesAt: () => number;
  readonly sumsAt: () => number;
  readonly add: (
    columns: number,
    strip: number,
    stride: number,
    rows: number,
    firstEnd: number,
    secondStart: number,
  ) => void;
};

/** Most rows in the kernel's memory at once. */
const mostRows = 256;

let chosen: Distances | undefined;

/** The kernels where WebAssembly SIMD is available, else their TypeScript twins. The extra memory is 1.5 MiB. */
export function distances(): Distances {
  chosen ??= startDistances() ?? twin;
  return chosen;
}

/** Adds all squared distances between rows to a matrix; see `AddSquaredDistances`. */
export const addSquaredDistances: AddSquaredDistances = (rows, from, to, sums) =>
  distances().between(rows, from, to, sums);

/** Adds the squared distances from a point to rows; see `AddSquaredDistancesFrom`. */
export const addSquaredDistancesFrom: AddSquaredDistancesFrom = (point, rows, from, to, sums) =>
  distances().from(point, rows, from, to, sums);

/** A fresh instance of the WebAssembly kernel, or `undefined` where WebAssembly or SIMD is missing. */
export function startDistances(): Distances | undefined {
  // The module is generated from our own source: these are its exports.
  const kernel = instantiate(wasm) as Exports | undefined;
  if (kernel === undefined) return undefined;
  const values = new Float32Array(kernel.memory.buffer, kernel.valuesAt(), areaValues);
  const pairs = new Float64Array(kernel.memory.buffer, kernel.sumsAt(), mostRows * mostRows);

  /** Leaves in `pairs` what is between rows i < firstEnd and j >= secondStart over one chunk. */
  function fill(rows: readonly Float32Array[], firstEnd: number, secondStart: number, from: number, to: number): void {
    pairs.fill(0, 0, firstEnd * mostRows);
    const { block: most, stride } = layout(rows.length, to - from);
    const block = Math.floor(most / stripColumns) * stripColumns || most; // strips are whole but for a chunk's last
    for (let start = from; start < to; start += block) {
      const count = Math.min(block, to - start);
      const columns = roundUp(count, 4);
      copyRows(rows, start, count, values, stride);
      for (let i = 0; i < rows.length && count < columns; i += 1)
        values.fill(0, i * stride + count, i * stride + columns);
      kernel?.add(columns, stripColumns, stride * 4, rows.length, firstEnd, secondStart);
    }
  }

  /** Adds what is between two groups of rows, or within one, over one chunk. */
  function addGroups(
    rows: readonly Float32Array[],
    first: Group,
    second: Group,
    chunk: Group,
    sums: Float64Array,
  ): void {
    const n = rows.length;
    const within = first === second;
    const own = rows.slice(first.start, first.end);
    const ahead = within ? 0 : own.length; // rows in memory before those of `second`
    fill(within ? own : [...own, ...rows.slice(second.start, second.end)], own.length, ahead, chunk.start, chunk.end);
    for (let i = first.start; i < first.end; i += 1) {
      for (let j = within ? i + 1 : second.start; j < second.end; j += 1)
        addBoth(sums, n, i, j, pairs[(i - first.start) * mostRows + ahead + j - second.start] as number);
    }
  }

  return {
    between: (rows, from, to, sums) => {
      const groups = groupsOf(rows.length, rows.length > mostRows ? mostRows / 2 : mostRows);
      forEachChunk(from, to, (start, end) => {
        for (const [g, first] of groups.entries())
          for (const second of groups.slice(g)) addGroups(rows, first, second, { start, end }, sums);
      });
    },
    from: (point, rows, from, to, sums) => {
      const origin = new Float32Array(point === undefined ? chunkColumns : 0);
      forEachChunk(from, to, (start, end) => {
        const local = rows.map((row) => row.subarray(start, end));
        for (const group of groupsOf(rows.length, mostRows - 1)) {
          const first = point?.subarray(start, end) ?? origin;
          fill([first, ...local.slice(group.start, group.end)], 1, 1, 0, end - start);
          for (let j = group.start; j < group.end; j += 1)
            sums[j] = (sums[j] as number) + (pairs[1 + j - group.start] as number);
        }
      });
    },
  };
}

/** From `start` to `end`, exclusive: rows, or columns. */
interface Group {
  readonly start: number;
  readonly end: number;
}

function groupsOf(n: number, size: number): readonly Group[] {
  return Array.from({ length: Math.ceil(n / size) }, (_, g) => ({ start: g * size, end: Math.min(n, (g + 1) * size) }));
}
