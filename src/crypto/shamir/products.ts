/**
 * A public matrix times secret rows of any length, over GF(2^16): splitting and recovering are both this. It feeds the
 * kernel 16 columns at a time and makes the matrix a few rows at a time, so memory follows the result, not the matrix.
 */

import { wipe } from '../../core/bytes.js';
import { field16, rowBytes } from '../../kernels/field16.js';

/** Most scalars that are held at once. */
const scalarBudget = 1 << 16;

interface Products {
  /** How many sums to make. */
  readonly count: number;
  /** The rows, all of one even length in bytes. */
  readonly rows: readonly Uint8Array[];
  /** Writes what row `row` is multiplied with in each of the `count` sums. Called for each row once, in order. */
  readonly scalars: (row: number, target: Uint16Array) => void;
}

/** Sum i is the sum over j of scalar(j, i) * rows[j]. */
interface ProductSums {
  /** A copy of sum i, as long as a row. */
  readonly take: (i: number) => Uint8Array;
  /** Overwrites the sums with zeros; copies stay. */
  readonly wipe: () => void;
}

/** Multiplies and adds. The sums are secret: wipe them once they are taken. */
export function sumProducts({ count, rows, scalars }: Products): ProductSums {
  const { addProducts } = field16();
  const length = rows[0]?.length ?? 0;
  // One array for each 16 columns: in it, 32 bytes of each sum.
  const sums = Array.from({ length: Math.ceil(length / rowBytes) }, () => new Uint8Array(count * rowBytes));
  const step = Math.min(rows.length, Math.max(1, Math.floor(scalarBudget / count)));
  const matrix = new Uint16Array(step * count);
  const packed = new Uint8Array(step * rowBytes);
  for (let first = 0; first < rows.length; first += step) {
    const part = rows.slice(first, first + step);
    for (let j = 0; j < part.length; j += 1) scalars(first + j, matrix.subarray(j * count, (j + 1) * count));
    for (const [block, sum] of sums.entries()) {
      for (const [j, row] of part.entries()) copyBytes(row, block * rowBytes, packed, j * rowBytes);
      addProducts(sum, matrix.subarray(0, part.length * count), packed.subarray(0, part.length * rowBytes));
    }
  }
  wipe(packed);
  return {
    take: (i) => {
      const result = new Uint8Array(length);
      for (const [block, sum] of sums.entries()) {
        const at = block * rowBytes;
        result.set(sum.subarray(i * rowBytes, i * rowBytes + Math.min(rowBytes, length - at)), at);
      }
      return result;
    },
    wipe: () => wipe(...sums),
  };
}

/** Copies a row's worth of bytes; what `from` hasn't is zero. A loop, because views cost more than so few bytes do. */
function copyBytes(from: Uint8Array, fromStart: number, to: Uint8Array, toStart: number): void {
  const size = Math.min(rowBytes, from.length - fromStart);
  for (let i = 0; i < size; i += 1) to[toStart + i] = from[fromStart + i] ?? 0;
  for (let i = size; i < rowBytes; i += 1) to[toStart + i] = 0;
}
