import fc from 'fast-check';
import { expect, test } from 'vitest';
import { field16, rowBytes, wasmField16 } from '../../src/kernels/field16.js';
import { twinField16 } from '../../src/kernels/field16.twin.js';

/** a * b by the school method on bigints: no code in common with the kernel. */
function slowProduct(a: number, b: number): number {
  let product = 0n;
  for (let bit = 0n; bit < 16n; bit += 1n) if ((BigInt(b) >> bit) & 1n) product ^= BigInt(a) << bit;
  for (let bit = 31n; bit >= 16n; bit -= 1n) if ((product >> bit) & 1n) product ^= 0x1002bn << (bit - 16n);
  return Number(product);
}

const kernel = wasmField16();

/** Sums, scalars and rows that fit together. */
const inputs = (maxCount: number, maxRows: number) =>
  fc.tuple(fc.integer({ min: 0, max: maxCount }), fc.integer({ min: 0, max: maxRows })).chain(([count, rows]) =>
    fc.record({
      sums: fc.uint8Array({ minLength: count * rowBytes, maxLength: count * rowBytes }),
      scalars: fc.uint16Array({ minLength: count * rows, maxLength: count * rows }),
      rows: fc.uint8Array({ minLength: rows * rowBytes, maxLength: rows * rowBytes }),
    }),
  );

test('WebAssembly is there on the platforms that run the tests', () => {
  expect(kernel).toBeDefined();
  expect(field16()).not.toBe(twinField16);
});

test('the twin gives the same bytes', () => {
  fc.assert(
    fc.property(inputs(20, 10), ({ sums, scalars, rows }) => {
      const twinSums = sums.slice();
      twinField16.addProducts(twinSums, scalars, rows);
      kernel?.addProducts(sums, scalars, rows);
      expect(sums).toEqual(twinSums);
    }),
  );
});

test.each([
  [1, 1000],
  [1023, 3],
  [1024, 9],
  [1025, 9],
  [3000, 2],
  [129, 65],
])('the twin gives the same bytes for %i sums of %i rows, beyond one block', (count, rowCount) => {
  const rows = pseudorandom(rowCount * rowBytes);
  const scalars = new Uint16Array(pseudorandom(2 * count * rowCount).buffer);
  const sums = pseudorandom(count * rowBytes);
  const twinSums = sums.slice();
  twinField16.addProducts(twinSums, scalars, rows);
  kernel?.addProducts(sums, scalars, rows);
  expect(sums).toEqual(twinSums);
});

test.each([
  ['twin', twinField16],
  ['kernel', kernel],
])('the %s multiplies as the definition says', (_, version) => {
  const symbols = [
    0, 1, 2, 3, 0x8000, 0xffff, 0x1234, 0x00ff, 0xff00, 0x5555, 0xaaaa, 0x7fff, 0x002b, 0x4000, 0xbeef, 7,
  ];
  const row = new Uint8Array(new Uint16Array(symbols).buffer);
  for (let scalar = 0; scalar < 0x10000; scalar += 251) {
    const sums = new Uint8Array(rowBytes);
    version?.addProducts(sums, Uint16Array.of(scalar), row);
    expect([...new Uint16Array(sums.buffer)]).toEqual(symbols.map((symbol) => slowProduct(symbol, scalar)));
  }
});

test('known answers: x^15 * x = x^5 + x^3 + x + 1, and one wrapped by eight', () => {
  const sums = new Uint8Array(2 * rowBytes);
  const row = new Uint8Array(rowBytes);
  row[1] = 0x80;
  kernel?.addProducts(sums, Uint16Array.of(2, 0x100), row);
  expect([...new Uint16Array(sums.buffer)].filter((symbol) => symbol !== 0)).toEqual([0x002b, 0x1580]);
});

/** Bytes of a xorshift generator: the same in each run. */
function pseudorandom(length: number): Uint8Array<ArrayBuffer> {
  let state = 0x9e3779b9 ^ length;
  return Uint8Array.from({ length }, () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state >>> 11;
  });
}
