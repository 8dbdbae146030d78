import { ctr } from '@noble/ciphers/aes.js';
import { chacha20 } from '@noble/ciphers/chacha.js';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { equalBytes, fromHex, toHex } from '../../../src/core/bytes.js';
import { UsageError } from '../../../src/core/errors.js';
import { checkStreamLength, type MaskExpander, type MaskStream } from '../../../src/crypto/prg/expander.js';
import { nobleExpander } from '../../../src/crypto/prg/noble.js';
import { nodeExpander } from '../../../src/crypto/prg/prg.node.js';
import { webExpander } from '../../../src/crypto/prg/web.js';
import { prgSizes, type SuiteId } from '../../../src/crypto/suite.js';
import { type LaneBits, type Lanes, laneBytes } from '../../../src/kernels/lanes.js';

const arrays = { 8: Uint8Array, 16: Uint16Array, 32: Uint32Array };
const expanders = { noble: nobleExpander, node: nodeExpander, web: webExpander };

const stream = (suite: SuiteId, seed: number, subtract = false): MaskStream => ({
  key: new Uint8Array(prgSizes[suite].key).map((_, i) => seed * 31 + i * i),
  nonce: new Uint8Array(prgSizes[suite].nonce).map((_, i) => 255 - seed * (i + 3)),
  subtract,
});

/** The definition: whole key streams, one after the other, by noble. */
function expected(suite: SuiteId, lanes: Lanes, streams: readonly MaskStream[]): Lanes {
  const sums = lanes.slice();
  for (const { key, nonce, subtract } of streams) {
    const zeros = new Uint8Array(lanes.byteLength);
    const bytes = suite === 1 ? chacha20(key, nonce, zeros) : ctr(key, nonce).encrypt(zeros);
    const view = new DataView(bytes.buffer, bytes.byteOffset);
    for (let i = 0; i < sums.length; i++) {
      const value =
        sums instanceof Uint32Array
          ? view.getUint32(4 * i, true)
          : sums instanceof Uint16Array
            ? view.getUint16(2 * i, true)
            : view.getUint8(i);
      sums[i] = (sums[i] ?? 0) + (subtract ? -value : value);
    }
  }
  return sums;
}

const same = (a: Lanes, b: Lanes) => equalBytes(laneBytes(a), laneBytes(b));

describe.each(Object.entries(expanders))('%s', (_, { accumulate }: MaskExpander) => {
  test('ChaCha20, RFC 8439 appendix A.1, vectors 1 and 2', async () => {
    const lanes = new Uint8Array(128);
    await accumulate(1, lanes, [{ key: new Uint8Array(32), nonce: new Uint8Array(12), subtract: false }]);
    expect(toHex(lanes)).toBe(
      '76b8e0ada0f13d90405d6ae55386bd28bdd219b8a08ded1aa836efcc8b770dc7da41597c5157488d7724e03fb8d84a376a43b8f41518a11cc387b669b2ee6586' +
        '9f07e7be5551387a98ba977c732d080dcb0f29a048e3656912c6533e32ee7aed29b721769ce64e43d57133b074d839d531ed1f28510afb45ace10a1f4b794d6f',
    );
  });

  test('AES-128-CTR, NIST SP 800-38A F.5.1', async () => {
    const plaintext =
      '6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51' +
      '30c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710';
    const ciphertext =
      '874d6191b620e3261bef6864990db6ce9806f66b7970fdff8617187bb9fffdff' +
      '5ae4df3edbd5d35e5b4f09020db03eab1e031dda2fbe03d1792170a0f3009cee';
    const lanes = new Uint8Array(64);
    const [key, nonce] = [fromHex('2b7e151628aed2a6abf7158809cf4f3c'), fromHex('f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff')];
    await accumulate(2, lanes, [{ key, nonce, subtract: false }]);
    expect(toHex(lanes.map((byte, i) => byte ^ (fromHex(plaintext)[i] ?? 0)))).toBe(ciphertext);
  });

  test('lanes are little-endian, and begin anywhere in their buffer', async () => {
    for (const lane of [8, 16, 32] as const) {
      const lanes = new arrays[lane](100).fill(0xfffffffe).subarray(3, 90);
      const streams = [stream(1, 1), stream(1, 2, true), stream(1, 3)];
      const sums = expected(1, lanes, streams);
      await accumulate(1, lanes, streams);
      expect(same(lanes, sums)).toBe(true);
    }
  });

  test.each([1, 2] as const)('suite %i: any lengths, signs and numbers of streams', async (suite) => {
    const length = fc.oneof(fc.nat({ max: 300 }), fc.integer({ min: 16_300, max: 40_000 }));
    const signs = fc.array(fc.boolean(), { maxLength: 11 });
    const lane = fc.constantFrom<LaneBits>(8, 16, 32);
    await fc.assert(
      fc.asyncProperty(lane, length, signs, fc.nat({ max: 255 }), async (lane, length, signs, seed) => {
        const lanes = new arrays[lane](length).map((_, i) => i * 65_537 * seed);
        const streams = signs.map((subtract, i) => stream(suite, seed + i, subtract));
        const sums = expected(suite, lanes, streams);
        await accumulate(suite, lanes, streams);
        expect(same(lanes, sums)).toBe(true);
      }),
      { numRuns: 15 },
    );
  });

  test.each([1, 2] as const)('suite %i: masks of two sides cancel, over several blocks and groups', async (suite) => {
    const before = new Uint16Array(40_001).map((_, i) => i * 3);
    const streams = Array.from({ length: 9 }, (_, i) => stream(suite, i, i % 3 === 0));
    const lanes = before.slice();
    await accumulate(suite, lanes, streams);
    expect(same(lanes, before)).toBe(false);
    await accumulate(
      suite,
      lanes,
      streams.map((mask) => ({ ...mask, subtract: !mask.subtract })),
    );
    expect(same(lanes, before)).toBe(true);
  });

  test.each([
    ['after one cipher block', 'ffff', 17],
    ['within a block of the vector', 'f0f0', 40_000],
    ['between two', 'f000', 40_000],
  ])('the counter block of suite 2 wraps mod 2^128, %s', async (_, end, length) => {
    const streams = [{ ...stream(2, 1), nonce: fromHex(end.padStart(32, 'f')) }];
    const lanes = new Uint32Array(length);
    await accumulate(2, lanes, streams);
    expect(same(lanes, expected(2, new Uint32Array(length), streams))).toBe(true);
  });

  test.each([1, 2] as const)('suite %i: calls that overlap share a vector', async (suite) => {
    const lanes = new Uint32Array(50_000);
    const streams = Array.from({ length: 12 }, (_, i) => stream(suite, i, i % 2 === 0));
    await Promise.all([0, 4, 8].map((first) => accumulate(suite, lanes, streams.slice(first, first + 4))));
    expect(same(lanes, expected(suite, new Uint32Array(50_000), streams))).toBe(true);
  });

  test('nothing to do', async () => {
    const lanes = new Uint32Array([1, 2, 3]);
    await accumulate(1, lanes, []);
    await accumulate(2, new Uint8Array(0), [stream(2, 1)]);
    expect([...lanes]).toEqual([1, 2, 3]);
  });

  test.each([1, 2] as const)('suite %i: the event loop turns meanwhile', async (suite) => {
    let turns = 0;
    const timer = setInterval(() => {
      turns++;
    }, 1);
    const lanes = new Uint32Array(suite === 1 ? 250_000 : 100_000);
    const streams = Array.from({ length: accumulate === nodeExpander.accumulate ? 600 : 60 }, (_, i) =>
      stream(suite, i),
    );
    await accumulate(suite, lanes, streams.slice(0, accumulate === nobleExpander.accumulate ? 16 : undefined));
    clearInterval(timer);
    expect(turns).toBeGreaterThan(1);
  });

  test.each([
    ['suite', [3, new Uint8Array(1), []]],
    ['suite', ['1', new Uint8Array(1), []]],
    ['lanes', [1, [1, 2], []]],
    ['lanes', [1, new Float64Array(1), []]],
    ['lanes', [1, new Int32Array(1), []]],
    ['lanes', [1, undefined, []]],
    ['streams', [1, new Uint8Array(1), undefined]],
    ['streams', [1, new Uint8Array(1), stream(1, 1)]],
    ['streams', [1, new Uint8Array(1), [null]]],
    ['streams', [1, new Uint8Array(1), [stream(1, 1), undefined]]],
    ['key', [1, new Uint8Array(1), [stream(2, 1)]]],
    ['key', [2, new Uint8Array(1), [stream(1, 1)]]],
    ['key', [1, new Uint8Array(1), [{ ...stream(1, 1), key: '00'.repeat(16) }]]],
    ['key', [1, new Uint8Array(1), [{ ...stream(1, 1), key: new Uint8Array(0) }]]],
    ['nonce', [1, new Uint8Array(1), [{ ...stream(1, 1), nonce: new Uint8Array(13) }]]],
    ['nonce', [2, new Uint8Array(1), [{ ...stream(2, 1), nonce: undefined }]]],
    ['subtract', [1, new Uint8Array(1), [{ ...stream(1, 1), subtract: 1 }]]],
  ] as const)('refuses a bad %s', async (_, args) => {
    const call = accumulate(...(args as unknown as Parameters<MaskExpander['accumulate']>));
    await expect(call).rejects.toThrow(UsageError);
  });
});

test('a bad stream leaves the lanes as they were', async () => {
  const lanes = new Uint8Array(100);
  await expect(nodeExpander.accumulate(1, lanes, [stream(1, 1), stream(2, 1)])).rejects.toThrow('streams[1].key');
  expect(lanes.every((lane) => lane === 0)).toBe(true);
});

test('no vector outruns the counter of ChaCha20', () => {
  expect(() => checkStreamLength(1, 64 * (2 ** 32 - 1))).not.toThrow();
  expect(() => checkStreamLength(1, 64 * 2 ** 32)).toThrow(UsageError);
  expect(() => checkStreamLength(1, 64 * 2 ** 32 + 1)).toThrow(/^lanes must have at most/);
  expect(() => checkStreamLength(2, 64 * 2 ** 32 + 1)).not.toThrow();
});
