import { areaValues, copyRows, layout, roundUp } from './blocks.js';
import { instantiate } from './load.js';
import { commonWeights, groupRows, type MixRows, twin } from './mix.twin.js';
import { wasm } from './mix.wasm.js';

export type { MixRows };

interface Exports {
  readonly memory: WebAssembly.Memory;
  readonly valuesAt: () => number;
  readonly resultsAt: () => number;
  readonly listAt: () => number;
  readonly weigh: (columns: number, first: number, count: number) => void;
  readonly weighSubsets: (columns: number, stride: number, groups: number, sums: number) => void;
}

/** Bytes of the kernel's list: entries of 16 bytes, or weights of 8 bytes and offsets of 4. */
const listBytes = 262_144;
const entryBytes = 16;
/** Most sums by groups at once. */
const mostSums = 256;
/** Bytes of a group's table of subset sums, and of one subset's. */
const groupBytes = 2048;
const subsetBytes = 128;
/** Rows above which the twin is used: blocks would get too short. */
const mostRows = 1024;

let chosen: MixRows | undefined;

/**
 * Writes weighted sums of rows to `out`, with the kernel where WebAssembly SIMD is available, else with its TypeScript twin;
 * see `MixRows`. The extra memory is the kernel's, 2.4 MiB.
 */
export const mixRows: MixRows = (rows, weights, from, to, out) => {
  chosen ??= startMix() ?? twin;
  chosen(rows, weights, from, to, out);
};

/** A fresh instance of the WebAssembly kernel, or `undefined` where WebAssembly or SIMD is missing. */
export function startMix(): MixRows | undefined {
  // The module is generated from our own source: these are its exports.
  const kernel = instantiate(wasm) as unknown as Exports | undefined;
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
      const parts = vectors.map((vector, k) => {
        const first = k * n;
        let count = 0;
        for (const [place, i] of taken.entries()) {
          const weight = weights[(pass + k) * n + i] as number; // there are m x n
          if (weight === 0) continue;
          list.setFloat64((first + count) * entryBytes, weight, true);
          list.setUint32((first + count) * entryBytes + 8, place * stride * 4, true);
          count += 1;
        }
        return { vector, first, count };
      });
      for (let start = from; start < to; start += block) {
        const columns = Math.min(block, to - start);
        copyRows(used, start, columns, values, stride);
        for (const { vector, first, count } of parts) {
          kernel.weigh(roundUp(columns, 16), first, count);
          vector.set(results.subarray(0, columns), start);
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
      for (const k of vectors.keys()) {
        const takes = weights.subarray((pass + k) * n, (pass + k + 1) * n);
        list.setFloat64(k * 8, common[pass + k] as number, true);
        for (let g = 0; g < groups; g += 1) {
          const members = takes.subarray(g * groupRows, (g + 1) * groupRows);
          const subset = members.reduce((bits, weight, i) => (weight === 0 ? bits : bits | (1 << i)), 0);
          list.setUint32(vectors.length * 8 + (k * groups + g) * 4, g * groupBytes + subset * subsetBytes, true);
        }
      }
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

/** The rows that have a weight in some sum, of n. */
function takenRows(weights: Float64Array, n: number): readonly number[] {
  const taken = new Set<number>();
  for (const [at, weight] of weights.entries()) if (weight !== 0) taken.add(at % n);
  return [...taken].sort((a, b) => a - b);
}
