import fc from 'fast-check';
import { expect, test } from 'vitest';
import { fromHex, toHex } from '../../../src/core/bytes.js';
import { advanceCounter } from '../../../src/crypto/prg/counter.js';

test('adds big-endian, mod 2^128', () => {
  fc.assert(
    fc.property(fc.bigInt({ min: 0n, max: 2n ** 128n - 1n }), fc.nat(2 ** 40), (start, blocks) => {
      const counter = fromHex(start.toString(16).padStart(32, '0'));
      advanceCounter(counter, blocks);
      expect(BigInt(`0x${toHex(counter)}`)).toBe((start + BigInt(blocks)) % 2n ** 128n);
    }),
  );
});

test.each([
  ['ffffffffffffffffffffffffffffffff', 1, '00000000000000000000000000000000'],
  ['00000000000000000000000000ffffff', 1, '00000000000000000000000001000000'],
  ['000102030405060708090a0b0c0d0e0f', 0, '000102030405060708090a0b0c0d0e0f'],
])('%s + %i', (before, blocks, after) => {
  const counter = fromHex(before);
  advanceCounter(counter, blocks);
  expect(toHex(counter)).toBe(after);
});
