import { type Field16, rowBytes, twinField16 } from './field16.twin.js';
import { wasm } from './field16.wasm.js';
import { instantiate } from './load.js';

export { type Field16, rowBytes };

/** What the module exports; its memory never grows, so views of it stay valid. */
interface Exports {
  readonly memory: WebAssembly.Memory;
  readonly rows: () => number;
  readonly sums: () => number;
  readonly scalars: () => number;
  readonly addProducts: (sums: number, rows: number) => void;
  readonly wipe: (sums: number) => void;
}

/**
 * Most rows, sums and scalars (rows times sums) that fit the module's memory in one call: as in assembly/field16.ts.
 */
const maxRows = 64;
const maxSums = 1024;
const maxScalars = 8192;

let chosen: Field16 | undefined;

/** The kernel where WebAssembly SIMD is available, else its TypeScript twin. */
export function field16(): Field16 {
  chosen ??= wasmField16() ?? twinField16;
  return chosen;
}

/** The kernel alone, or `undefined` where it can't run. */
export function wasmField16(): Field16 | undefined {
  const exports = instantiate(wasm) as Exports | undefined;
  if (exports === undefined) return undefined;
  const { buffer } = exports.memory;
  const rowsIn = new Uint8Array(buffer, exports.rows(), maxRows * rowBytes);
  const sumsIn = new Uint8Array(buffer, exports.sums(), maxSums * rowBytes);
  const scalarsIn = new Uint16Array(buffer, exports.scalars(), maxScalars);

  /** Adds to the sums from `first` on, as many as fit: rows in blocks, the sums stay in the kernel. */
  const addBlock = (sums: Uint8Array, scalars: Uint16Array, rows: Uint8Array, first: number): void => {
    const total = sums.length / rowBytes;
    const count = Math.min(maxSums, total - first);
    const step = Math.min(maxRows, Math.floor(maxScalars / count));
    const rowCount = rows.length / rowBytes;
    const part = sums.subarray(first * rowBytes, (first + count) * rowBytes);
    sumsIn.set(part);
    for (let row = 0; row < rowCount; row += step) {
      const end = Math.min(rowCount, row + step);
      rowsIn.set(rows.subarray(row * rowBytes, end * rowBytes));
      if (count === total) {
        scalarsIn.set(scalars.subarray(row * total, end * total));
      } else {
        for (let i = row; i < end; i += 1) {
          const start = i * total + first;
          scalarsIn.set(scalars.subarray(start, start + count), (i - row) * count);
        }
      }
      exports.addProducts(count, end - row);
    }
    part.set(sumsIn.subarray(0, part.length));
    exports.wipe(count);
  };

  return {
    addProducts: (sums, scalars, rows) => {
      for (let first = 0; first * rowBytes < sums.length; first += maxSums) addBlock(sums, scalars, rows, first);
    },
  };
}
