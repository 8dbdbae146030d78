/**
 * GF(2^8) as `shamirs-secret-sharing-ts` has it: polynomials over GF(2) modulo x^8 + x^4 + x^3 + x^2 + 1 (0x11D), in
 * which x generates the group. (AES and `shamir-secret-sharing` use 0x11B: another representation, so other shares.)
 *
 * Secret symbols lie four to a 32-bit word and are multiplied by public scalars only, with shifts and masks.
 */

/** Elements other than zero: logarithms are taken modulo this, and there are this many share numbers. */
export const order = 0xff;

/** x times the four symbols of a word: shift, and where a bit fell out, add what x^8 is. */
export function double(word: number): number {
  return ((word & 0x7f7f7f7f) << 1) ^ (((word >>> 7) & 0x01010101) * 0x1d);
}

/**
 * Fills `table` with the multiples of a word: entry v is v times it, entry 16 + v is v * x^4 times it, v from 0 to 15.
 */
export function prepareMultiples(table: Int32Array, word: number): void {
  let multiple = word;
  for (let nibble = 0; nibble < 32; nibble += 16) {
    for (let bit = 1; bit < 16; bit *= 2) {
      for (let v = 0; v < bit; v += 1) table[nibble + bit + v] = multiple ^ (table[nibble + v] ?? 0);
      multiple = double(multiple);
    }
  }
}

/** `sums[i] += scalars[i] * word` for each scalar; the word is the one that the table was prepared for. */
export function addProducts(sums: Int32Array, table: Int32Array, scalars: Uint8Array): void {
  for (let i = 0; i < scalars.length; i += 1) {
    const scalar = scalars[i] ?? 0;
    const low = table[scalar & 15] ?? 0;
    const high = table[16 + (scalar >>> 4)] ?? 0;
    sums[i] = (sums[i] ?? 0) ^ low ^ high;
  }
}

/** Logarithms to the base x, for public values only. */
interface PublicLogarithms {
  /** `log[a]` for a from 1 to 255; `log[0]` is 0, so that a term a = 0 adds nothing to a sum. */
  readonly log: Uint8Array;
  /** `exp[e]` for e from 0 to 254. */
  readonly exp: Uint8Array;
}

let tables: PublicLogarithms | undefined;

/** The tables of logarithms, made at the first use. */
export function publicLogarithms(): PublicLogarithms {
  if (tables === undefined) {
    const log = new Uint8Array(order + 1);
    const exp = new Uint8Array(order);
    let power = 1;
    for (let e = 0; e < order; e += 1) {
      exp[e] = power;
      log[power] = e;
      power = double(power) & 0xff;
    }
    tables = { log, exp };
  }
  return tables;
}

const powers: Uint8Array[] = [];

/** The powers of that degree (0 to 254) of 1 to 255, which number shares; each row made at its first use and kept. */
export function publicPowers(degree: number): Uint8Array {
  let row = powers[degree];
  if (row === undefined) {
    const { log, exp } = publicLogarithms();
    row = Uint8Array.from({ length: order }, (_, i) => exp[((log[i + 1] ?? 0) * degree) % order] ?? 0);
    powers[degree] = row;
  }
  return row;
}
