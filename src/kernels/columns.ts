import { areaValues, copyRows, layout, mostColumns, roundUp } from './blocks.js';
import { type ApplyColumns, type ColumnRule, middleOf, twin } from './columns.twin.js';
import { wasm } from './columns.wasm.js';
import { instantiate } from './load.js';
import { pruneNetwork, sortingNetwork } from './sorting-network.js';

export type { ApplyColumns, ColumnRule };

type Exports = {
  readonly memory: WebAssembly.Memory;
  readonly valuesAt: () => number;
  readonly networkAt: () => number;
  readonly resultsAt: () => number;
  readonly sort: (comparators: number, columns: number, strip: number) => void;
  readonly mean: (columns: number, stride: number, first: number, last: number) => void;
  readonly meanAroundMedian: (
    columns: number,
    stride: number,
    rows: number,
    count: number,
    low: number,
    high: number,
  ) => void;
};

/** Values of a strip, which is sorted in the first-level cache: 28 KiB. */
const stripValues = 7168;
/** Columns of a strip at most: more don't make it quicker. */
const mostStripColumns = 128;
/** Words of the kernel's network, two a comparator. */
const networkWords = 65_536;
/** Rows above which the network no longer fits: more rows are for the twin. */
export const mostRows = 1024;

let chosen: ApplyColumns | undefined;

/**
 * Applies a column rule with the kernel where WebAssembly SIMD is available, else with its TypeScript twin; see
 * `ApplyColumns`. The extra memory is the kernel's, 1.3 MiB, however many rows and columns there are.
 */
export const applyColumns: ApplyColumns = (rule, f, rows, from, to, out) => {
  chosen ??= startColumns() ?? twin;
  chosen(rule, f, rows, from, to, out);
};

/** A fresh instance of the WebAssembly kernel, or `undefined` where WebAssembly or SIMD is missing. */
export function startColumns(): ApplyColumns | undefined {
  // The module is generated from our own source: these are its exports.
  const kernel = instantiate(wasm) as Exports | undefined;
  if (kernel === undefined) return undefined;
  const values = new Float32Array(kernel.memory.buffer, kernel.valuesAt(), areaValues);
  const results = new Float32Array(kernel.memory.buffer, kernel.resultsAt(), mostColumns);
  const network = loadNetwork(new Uint32Array(kernel.memory.buffer, kernel.networkAt(), networkWords));

  return (rule, f, rows, from, to, out) => {
    const n = rows.length;
    if (n > mostRows) {
      twin(rule, f, rows, from, to, out);
      return;
    }
    const { block, stride } = layout(n, to - from);
    const { first, last } = middleOf(rule, f, n);
    const comparators = network(n, stride, first, last);
    for (let start = from; start < to; start += block) {
      const count = Math.min(block, to - start);
      const columns = roundUp(count, 16); // the kernel's steps; what lies past `count` is not read
      copyRows(rows, start, count, values, stride);
      kernel.sort(comparators, columns, stripColumns(n));
      if (rule === 'meamed') {
        const median = middleOf('median', f, n);
        kernel.meanAroundMedian(columns, stride * 4, n, n - f, median.first, median.last);
      } else kernel.mean(columns, stride * 4, first, last);
      out.set(results.subarray(0, count), start);
    }
  };
}

/** Columns of a strip of n rows: a multiple of 16. */
export function stripColumns(n: number): number {
  return Math.min(mostStripColumns, 16 * Math.max(1, Math.floor(stripValues / 16 / n)));
}

/**
 * Writes networks for n rows, `stride` values apart, to a kernel's memory, unless they are there already; gives the
 * number of comparators.
 */
export function loadNetwork(words: Uint32Array): (n: number, stride: number, first: number, last: number) => number {
  let loaded = '';
  let comparators = 0;
  return (n: number, stride: number, first: number, last: number): number => {
    const key = [n, stride, first, last].join();
    if (key === loaded) return comparators;
    const network = pruneNetwork(sortingNetwork(n), first, last);
    let at = 0;
    for (const { low, high } of network) {
      words[at++] = low * stride * 4;
      words[at++] = high * stride * 4;
    }
    loaded = key;
    comparators = network.length;
    return comparators;
  };
}
