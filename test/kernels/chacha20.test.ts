import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { equalBytes, fromHex, toHex } from '../../src/core/bytes.js';
import { type ChaCha20Block, type ChaCha20Stream, wasmChaCha20Block } from '../../src/kernels/chacha20.js';
import { twinChaCha20Block } from '../../src/kernels/chacha20.twin.js';
import type { BlockOperation, LaneBits } from '../../src/kernels/lanes.twin.js';

function kernel(): ChaCha20Block {
  const block = wasmChaCha20Block();
  if (block === undefined) throw new Error('no kernel');
  return block;
}

const blocks = { kernel: kernel(), twin: twinChaCha20Block() };

const hex = (text: string) => fromHex(text.replaceAll(/\s/g, ''));

/** RFC 8439: section 2.3.2 and appendix A.1, vectors 1 to 5. */
const vectors = [
  {
    key: '000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f',
    nonce: '000000090000004a00000000',
    counter: 1,
    stream: `10f1e7e4d13b5915500fdd1fa32071c4c7d1f4c733c068030422aa9ac3d46c4e
      d2826446079faa0914c2d705d98b02a2b5129cd1de164eb9cbd083e8a2503c4e`,
  },
  {
    key: '00'.repeat(32),
    nonce: '00'.repeat(12),
    counter: 0,
    stream: `76b8e0ada0f13d90405d6ae55386bd28bdd219b8a08ded1aa836efcc8b770dc7
      da41597c5157488d7724e03fb8d84a376a43b8f41518a11cc387b669b2ee6586`,
  },
  {
    key: '00'.repeat(32),
    nonce: '00'.repeat(12),
    counter: 1,
    stream: `9f07e7be5551387a98ba977c732d080dcb0f29a048e3656912c6533e32ee7aed
      29b721769ce64e43d57133b074d839d531ed1f28510afb45ace10a1f4b794d6f`,
  },
  {
    key: `${'00'.repeat(31)}01`,
    nonce: '00'.repeat(12),
    counter: 1,
    stream: `3aeb5224ecf849929b9d828db1ced4dd832025e8018b8160b82284f3c949aa5a
      8eca00bbb4a73bdad192b5c42f73f2fd4e273644c8b36125a64addeb006c13a0`,
  },
  {
    key: `00ff${'00'.repeat(30)}`,
    nonce: '00'.repeat(12),
    counter: 2,
    stream: `72d54dfbf12ec44b362692df94137f328fea8da73990265ec1bbbea1ae9af0ca
      13b25aa26cb4a648cb9b9d1be65b2c0924a66c54d545ec1b7374f4872e99f096`,
  },
  {
    key: '00'.repeat(32),
    nonce: `${'00'.repeat(11)}02`,
    counter: 0,
    stream: `c2c64d378cd536374ae204b9ef933fcd1a8b2288b3dfa49672ab765b54ee27c7
      8a970e0e955c14f3a88e741b97c286f75f8fc299e8148362fa198a39531bed6d`,
  },
];

function run(block: ChaCha20Block, before: Uint8Array, stream: ChaCha20Stream, operation: BlockOperation): Uint8Array {
  block.sum.set(before);
  block.expand(stream, operation);
  return block.sum.slice(0, operation.bytes);
}

const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });

describe.each(Object.entries(blocks))('%s', (_, block) => {
  test.each(vectors)('RFC 8439, counter $counter, key $key', ({ key, nonce, counter, stream }) => {
    const start = { key: hex(key), nonce: hex(nonce), counter };
    const zeros = new Uint8Array(64);
    expect(toHex(run(block, zeros, start, { lane: 8, bytes: 64, subtract: false }))).toBe(toHex(hex(stream)));
  });

  test('subtracting undoes adding', () => {
    const before = new Uint8Array(block.blockBytes).map((_, i) => i * 7);
    const stream = { key: new Uint8Array(32).fill(3), nonce: new Uint8Array(12).fill(4), counter: 9 };
    for (const lane of [8, 16, 32] as const) {
      const added = run(block, before, stream, { lane, bytes: before.length, subtract: false });
      expect(equalBytes(added, before)).toBe(false);
      expect(equalBytes(run(block, added, stream, { lane, bytes: before.length, subtract: true }), before)).toBe(true);
    }
  });

  test('reaches the last counter but one', () => {
    const [key, nonce] = [new Uint8Array(32), new Uint8Array(12)];
    const one = run(
      block,
      new Uint8Array(64),
      { key, nonce, counter: 2 ** 32 - 2 },
      { lane: 8, bytes: 64, subtract: false },
    );
    const two = run(
      block,
      new Uint8Array(128),
      { key, nonce, counter: 2 ** 32 - 3 },
      { lane: 8, bytes: 128, subtract: false },
    );
    expect(two.slice(64)).toEqual(one);
  });
});

test('kernel and twin are equal', () => {
  const call = fc.record({
    key: bytes(32),
    nonce: bytes(12),
    counter: fc.integer({ min: 0, max: 2 ** 32 - 2 ** 11 }),
    lane: fc.constantFrom<LaneBits>(8, 16, 32),
    words: fc.oneof(fc.nat({ max: 200 }), fc.nat({ max: 16_384 })),
    fill: fc.nat({ max: 255 }),
    subtract: fc.boolean(),
  });
  fc.assert(
    fc.property(call, ({ words, fill, lane, subtract, ...stream }) => {
      const operation = { lane, subtract, bytes: 4 * words };
      const before = new Uint8Array(operation.bytes).map((_, i) => i * fill);
      const [byKernel, byTwin] = [blocks.kernel, blocks.twin].map((block) => run(block, before, stream, operation));
      expect(byKernel !== undefined && byTwin !== undefined && equalBytes(byKernel, byTwin)).toBe(true);
    }),
    { numRuns: 60 },
  );
});

test('lanes of a length that is no multiple of anything', () => {
  const stream = { key: new Uint8Array(32).fill(1), nonce: new Uint8Array(12).fill(2), counter: 0 };
  for (const length of [0, 1, 15, 63, 65, 255, 257, 4099]) {
    const before = new Uint8Array(length).fill(200);
    const operation = { lane: 8, bytes: length, subtract: true } as const;
    expect(run(blocks.kernel, before, stream, operation)).toEqual(run(blocks.twin, before, stream, operation));
  }
});

test('key and stream are gone from the kernel when it returns', () => {
  const stream = { key: new Uint8Array(32).fill(0xa5), nonce: new Uint8Array(12).fill(0xa5), counter: 1 };
  const block = kernel();
  const before = new Uint8Array(block.sum.buffer).slice();
  block.expand(stream, { lane: 8, bytes: 64, subtract: false });
  block.sum.fill(0);
  expect(equalBytes(new Uint8Array(block.sum.buffer), before)).toBe(true);
});
