import { areaValues, copyRows, layout, mostColumns, roundUp } from './blocks.js';
import { applyColumns, loadNetwork, stripColumns } from './columns.js';
import { middleOf } from './columns.twin.js';
import { instantiate } from './load.js';
import { mixRows } from './mix.js';
import { commonWeights, groupRows } from './mix.twin.js';
import { entryBytes, listBytes, mostSums, takenRows, writeEntries, writeSubsets } from './mix-list.js';
import { type ApplyMixedColumns, byBlocks, type MixedColumns, twin } from './mixed-columns.twin.js';
import { wasm } from './mixed-columns.wasm.js';

export type { ApplyMixedColumns, MixedColumns };

type Exports = {
  readonly memory: WebAssembly.Memory;
  readonly valuesAt: () => number;
  readonly listAt: () => number;
  readonly networkAt: () => number;
  readonly resultsAt: () => number;
  readonly weigh: (at: number, columns: number, first: number, count: number, sum: number, stripStride: number) => void;
  readonly weighSubsets: (
    at: number,
    columns: number,
    stride: number,
    groups: number,
    sums: number,
    stripStride: number,
  ) => void;
  readonly mean: (
    at: number,
    columns: number,
    stripStride: number,
    comparators: number,
    first: number,
    last: number,
  ) => void;
  readonly meanAroundMedian: (
    at: number,
    columns: number,
    stripStride: number,
    comparators: number,
    sums: number,
    count: number,
    low: number,
    high: number,
  ) => void;
};

/** Words of the kernel's network: two a comparator, and 256 sums take 3839. */
const networkWords = 16_384;

let chosen: ApplyMixedColumns | undefined;

/**
 * Applies a column rule to weighted sums of rows with the kernel where WebAssembly SIMD is available, else with its
 * TypeScript twin; see `ApplyMixedColumns`. The extra memory is the kernel's, 1.6 MiB, however many rows and columns
 * there are.
 */
export const applyMixedColumns: ApplyMixedColumns = (task, from, to, out) => {
  chosen ??= startMixedColumns() ?? twin;
  chosen(task, from, to, out);
};

/** A fresh instance of the WebAssembly kernel, or `undefined` where WebAssembly or SIMD is missing. */
export function startMixedColumns(): ApplyMixedColumns | undefined {
  // The module is generated from our own source: these are its exports.
  const kernel = instantiate(wasm) as Exports | undefined;
  if (kernel === undefined) return undefined;
  const { buffer } = kernel.memory;
  const values = new Float32Array(buffer, kernel.valuesAt(), areaValues);
  const results = new Float32Array(buffer, kernel.resultsAt(), mostColumns);
  const list = new DataView(buffer, kernel.listAt(), listBytes);
  const network = loadNetwork(new Uint32Array(buffer, kernel.networkAt(), networkWords));

  /** Writes the list, and gives what mixes a strip: `columns` columns from byte `at` of the block on. */
  const listed = (
    { weights, count }: MixedColumns,
    { n, taken, common }: Takes,
    stride: number,
    stripStride: number,
  ): ((at: number, columns: number) => void) => {
    if (common !== undefined) {
      writeSubsets(list, weights, n, common);
      const groups = Math.ceil(n / groupRows);
      return (at, columns) => kernel.weighSubsets(at, columns, stride * 4, groups, count, stripStride);
    }
    const entries = writeEntries(list, weights, n, taken, stride);
    return (at, columns) => {
      for (const [sum, entry] of entries.entries())
        kernel.weigh(at, columns, entry.first, entry.count, sum, stripStride);
    };
  };

  return (task, from, to, out) => {
    const { rule, f, rows, count } = task;
    const takes = takesOf(task);
    if (takes === undefined) {
      byBlocks(task, from, to, out, { mix: mixRows, columns: applyColumns });
      return;
    }
    const used = takes.taken.map((i) => rows[i] as Float32Array); // i < n
    const { block, stride } = layout(Math.max(1, roundUp(used.length, groupRows)), to - from);
    const strip = stripColumns(count);
    const { first, last } = middleOf(rule, f, count);
    const median = middleOf('median', f, count);
    const comparators = network(count, strip, first, last);
    const mix = listed(task, takes, stride, strip * 4);
    for (let start = from; start < to; start += block) {
      const length = Math.min(block, to - start);
      copyRows(used, start, length, values, stride);
      for (let column = 0; column < length; column += strip) {
        const columns = Math.min(strip, roundUp(length - column, 16)); // what lies past `length` is not read
        const at = column * 4;
        mix(at, columns);
        if (rule !== 'meamed') kernel.mean(at, columns, strip * 4, comparators, first, last);
        else kernel.meanAroundMedian(at, columns, strip * 4, comparators, count, count - f, median.first, median.last);
      }
      out.set(results.subarray(0, length), start);
    }
  };
}

/** What the sums take of n rows. */
interface Takes {
  readonly n: number;
  /** The rows that are read. */
  readonly taken: readonly number[];
  /** The weight of each sum, where sums are made by groups of rows. */
  readonly common: Float64Array | undefined;
}

/** `undefined` where the kernel has no room for that many rows and sums. */
function takesOf({ rows, weights, count }: MixedColumns): Takes | undefined {
  const n = rows.length;
  if (count > mostSums) return undefined;
  const common = commonWeights(weights, n, count);
  const taken = common === undefined ? takenRows(weights, n) : [...rows.keys()];
  if (common === undefined && taken.length * count > listBytes / entryBytes) return undefined;
  return { n, taken, common };
}
