/** Bytes of a row: 16 symbols of 16 bits. */
export const rowBytes = 32;

/**
 * Sums of products over GF(2^16), the inner loop of Shamir sharing. The field is GF(2)[x] / (x^16 + x^5 + x^3 + x + 1);
 * a symbol is a little-endian u16 whose bit i is the coefficient of x^i; a row is 16 symbols.
 *
 * Rows and sums may be secret: nothing branches on them or is indexed by them. Scalars must be public: they pick among
 * prepared multiples of a row (the method of Four Russians).
 */
export interface Field16 {
  /**
   * `sums[i] += scalars[j * count + i] * rows[j]` for every i below count and every row j.
   *
   * @param sums count sums of 32 bytes, changed in place
   * @param scalars one public scalar for each row and sum, row by row; its length is rows times sums
   * @param rows any number of rows of 32 bytes
   */
  readonly addProducts: (sums: Uint8Array, scalars: Uint16Array, rows: Uint8Array) => void;
}

/** 32-bit words of a row. */
const words = 8;

/** x times both symbols of a word: shift, and where a bit fell out, add what x^16 is (x^5 + x^3 + x + 1). */
function double(word: number): number {
  return ((word & 0x7fff7fff) << 1) ^ (((word >>> 15) & 0x00010001) * 0x2b);
}

/** Fills `table` with the multiples of a row: entry 16 n + v, of 8 words, is v * x^(4 n) times the row. */
function prepare(table: Int32Array, rows: Uint8Array, at: number): void {
  for (let k = 0; k < words; k += 1) {
    const from = at + 4 * k;
    let word =
      (rows[from] ?? 0) | ((rows[from + 1] ?? 0) << 8) | ((rows[from + 2] ?? 0) << 16) | ((rows[from + 3] ?? 0) << 24);
    for (let nibble = 0; nibble < 64; nibble += 16) {
      for (let bit = 1; bit < 16; bit *= 2) {
        for (let v = 0; v < bit; v += 1)
          table[(nibble + bit + v) * words + k] = word ^ (table[(nibble + v) * words + k] ?? 0);
        word = double(word);
      }
    }
  }
}

function addProducts(sums: Uint8Array, scalars: Uint16Array, rows: Uint8Array): void {
  const count = sums.length / rowBytes;
  const table = new Int32Array(64 * words);
  const added = new Int32Array(count * words);
  let next = 0;
  for (let row = 0; row < rows.length; row += rowBytes) {
    prepare(table, rows, row);
    for (let sum = 0; sum < added.length; sum += words) {
      const scalar = scalars[next] ?? 0;
      next += 1;
      const a = (scalar & 15) * words;
      const b = (16 + ((scalar >>> 4) & 15)) * words;
      const c = (32 + ((scalar >>> 8) & 15)) * words;
      const d = (48 + (scalar >>> 12)) * words;
      for (let k = 0; k < words; k += 1) {
        const product = (table[a + k] ?? 0) ^ (table[b + k] ?? 0) ^ (table[c + k] ?? 0) ^ (table[d + k] ?? 0);
        added[sum + k] = (added[sum + k] ?? 0) ^ product;
      }
    }
  }
  for (let i = 0; i < sums.length; i += 1) {
    sums[i] = (sums[i] ?? 0) ^ ((added[i >>> 2] ?? 0) >>> (8 * (i & 3)));
  }
  table.fill(0);
  added.fill(0);
}

/**
 * The field16 kernel in TypeScript, two symbols to a 32-bit word: the same results where WebAssembly SIMD is missing.
 */
export const twinField16: Field16 = { addProducts };
