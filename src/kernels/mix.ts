import { areaValues, copyRows, layout, roundUp } from './blocks.js';
import { instantiate } from './load.js';
import { commonWeights, groupRows, type MixRows, twin } from './mix.twin.js';
import { wasm } from './mix.wasm.js';
import { entryBytes, listBytes, mostSums, takenRows, writeEntries, writeSubsets } from './mix-list.js';

export type { MixRows };

type Exports = {
  readonly memory: WebAssembly.Memory;
  readonly valuesAt: () => number;
  readonly resultsAt: () => number;
  readonly listAt: () => number;
  readonly weigh: (columns: number, first: number, count: number) => void;
  readonly weighSubsets: (columns: number, stride: number, groups: number, sums: number) => void;
};

/** Rows above which the twin is used: blocks would get too short. */
const mostRows = 1024;

let chosen: MixRows | undefined;

/**
 * Writes weighted sums of rows to `out`, with the kernel where WebAssembly SIMD is available, else with its TypeScript
 * twin; see `MixRows`. The extra memory is the kernel's, 2.4 MiB.
 */
export const mixRows: MixRows = (rows, weights, from, to, out) => {
  chosen ??= startMix() ?? twin;
  chosen(rows, weights, from, to, out);
};

/** A fresh instance of the WebAssembly kernel, or `undefined` where WebAssembly or SIMD is missing. */
export function startMix(): MixRows | undefined {
  // The module is generated from our own source: these are its exports.
  const kernel = instantiate(wasm) as Exports | undefined;
  if (kernel === undefined) return undefined;
  const { buffer } = kernel.memory;
  const values = new Float32Array(buffer, kernel.valuesAt(), areaValues);
  const results = new Float32Array(buffer, kernel.resultsAt(), areaValues);
  const list = new DataView(buffer, kernel.listAt(), listBytes);

  /** Sums with any weights: a list of what each takes, as many sums a pass as the list holds. */
  const mixAny: MixRows = (rows, weights, from, to, out) => {
    const n = rows.length;
    const taken = takenRows(weights, n); // Krum takes one of many
    const used = taken.map((i) => rows[i] as Float32Array); // i < n
    const { block, stride } = layout(Math.max(1, used.length), to - from);
    const sums = Math.floor(listBytes / entryBytes / n);
    for (let pass = 0; pass < out.length; pass += sums) {
      const vectors = out.slice(pass, pass + sums);
      const parts = writeEntries(list, weights.subarray(pass * n, (pass + vectors.length) * n), n, taken, stride);
      for (let start = from; start < to; start += block) {
        const columns = Math.min(block, to - start);
        copyRows(used, start, columns, values, stride);
        for (const [k, { first, count }] of parts.entries()) {
          kernel.weigh(roundUp(columns, 16), first, count);
          vectors[k]?.set(results.subarray(0, columns), start);
        }
      }
    }
  };

  /** Sums of subsets of rows, each times one weight. */
  const mixSubsets = (
    rows: readonly Float32Array[],
    weights: Float64Array,
    common: Float64Array,
    from: number,
    to: number,
    out: readonly Float32Array[],
  ): void => {
    const n = rows.length;
    const groups = Math.ceil(n / groupRows);
    const { block, stride } = layout(Math.max(groups * groupRows, Math.min(mostSums, out.length)), to - from);
    for (let pass = 0; pass < out.length; pass += mostSums) {
      const vectors = out.slice(pass, pass + mostSums);
      writeSubsets(list, weights.subarray(pass * n), n, common.subarray(pass, pass + vectors.length));
      for (let start = from; start < to; start += block) {
        const columns = Math.min(block, to - start);
        copyRows(rows, start, columns, values, stride);
        kernel.weighSubsets(roundUp(columns, 16), stride * 4, groups, vectors.length);
        for (const [k, vector] of vectors.entries())
          vector.set(results.subarray(k * stride, k * stride + columns), start);
      }
    }
  };

  return (rows, weights, from, to, out) => {
    if (rows.length > mostRows) {
      twin(rows, weights, from, to, out);
      return;
    }
    const common = commonWeights(weights, rows.length, out.length);
    if (common === undefined) mixAny(rows, weights, from, to, out);
    else mixSubsets(rows, weights, common, from, to, out);
  };
}
