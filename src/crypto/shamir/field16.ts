/**
 * GF(2^16), element by element: polynomials over GF(2) modulo x^16 + x^5 + x^3 + x + 1 (0x1002B), as u16 whose bit i is
 * the coefficient of x^i.
 *
 * That polynomial is the irreducible pentanomial of degree 16 with the least exponents (Seroussi, HPL-98-135; a degree
 * divisible by 8 has no irreducible trinomial). Its tail has eight bits or fewer, so a bit that falls out of a shift is
 * reduced by one mask and one exclusive or.
 *
 * Holder numbers are public, and so is all that depends on them alone: those use tables of logarithms. Whatever touches
 * shares uses `multiply` and `invert`, which neither branch on their operands nor index by them, or the kernel.
 */

/** Elements other than zero: logarithms are taken modulo this. */
export const order = 0xffff;

/** a * b, by shifts and masks. */
export function multiply(a: number, b: number): number {
  let product = 0;
  for (let bit = 15; bit >= 0; bit -= 1) {
    product = ((product << 1) & 0xffff) ^ (-(product >>> 15) & 0x2b) ^ (-((b >>> bit) & 1) & a);
  }
  return product;
}

/** 1 / a as a^(2^16 - 2); zero gives zero. */
export function invert(a: number): number {
  let power = a;
  let inverse = 1;
  for (let bit = 1; bit < 16; bit += 1) {
    power = multiply(power, power);
    inverse = multiply(inverse, power);
  }
  return inverse;
}

/** Logarithms to the base x + 1, which generates the group (x itself has order 21845). For public values only. */
interface PublicLogarithms {
  /** `log[a]` for a from 1 to 65535; `log[0]` is 0, so that a term a = 0 adds nothing to a sum. */
  readonly log: Uint16Array;
  /** `exp[e]` for e from 0 to 65535, which is as good as 0. */
  readonly exp: Uint16Array;
}

/**
 * a + b for exponents from 0 to 65535, again one of those: a carry out of 2^16 comes back as one. No branch to
 * mispredict.
 */
export function addExponents(a: number, b: number): number {
  const sum = a + b;
  return (sum & 0xffff) + (sum >>> 16);
}

let tables: PublicLogarithms | undefined;

/** The tables of logarithms, made at the first use: 256 KiB. */
export function publicLogarithms(): PublicLogarithms {
  if (tables === undefined) {
    const log = new Uint16Array(order + 1);
    const exp = new Uint16Array(order + 1);
    let power = 1;
    for (let e = 0; e < order; e += 1) {
      exp[e] = power;
      log[power] = e;
      power ^= (power << 1) ^ (-(power >>> 15) & 0x1002b);
    }
    exp[order] = 1;
    tables = { log, exp };
  }
  return tables;
}
