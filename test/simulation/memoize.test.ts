import { describe, expect, test } from 'vitest';
import type { CryptoProvider } from '../../src/crypto/provider/provider.js';
import { nodeProvider } from '../../src/crypto/provider/provider.node.js';
import { memoizingProvider, seededProvider } from '../../src/simulation/memoize.js';

/** Counts how many keys, signatures and checks come through. */
function counting(): { readonly provider: CryptoProvider; readonly counts: Map<string, number> } {
  const counts = new Map<string, number>();
  const count = (what: string, by = 1): void => void counts.set(what, (counts.get(what) ?? 0) + by);
  const provider: CryptoProvider = {
    ...nodeProvider,
    agreementPublicKey: (key) => {
      count('agreementPublicKey');
      return nodeProvider.agreementPublicKey(key);
    },
    agree: (key, others) => {
      count('agree', others.length);
      return nodeProvider.agree(key, others);
    },
    sign: (key, message) => {
      count('sign');
      return nodeProvider.sign(key, message);
    },
    verify: (checks) => {
      count('verify', checks.length);
      return nodeProvider.verify(checks);
    },
  };
  return { provider, counts };
}

const bytes = (fill: number, length = 32): Uint8Array => new Uint8Array(length).fill(fill);

describe('memoizingProvider', () => {
  test('agrees as the provider does, once for both ends of a pair', async () => {
    const { provider, counts } = counting();
    const memoizing = memoizingProvider(provider);
    const [a, b] = [bytes(1), bytes(2)];
    const [publicA, publicB] = [await memoizing.agreementPublicKey(a), await memoizing.agreementPublicKey(b)];
    const [there] = await memoizing.agree(a, [publicB]);
    const [back] = await memoizing.agree(b, [publicA]);
    expect(there).toEqual((await nodeProvider.agree(a, [publicB]))[0]);
    expect(back).toEqual(there);
    expect(counts.get('agree')).toBe(1);
    expect(counts.get('agreementPublicKey')).toBe(2);
  });

  test('gives copies: what a caller wipes is still there', async () => {
    const memoizing = memoizingProvider(nodeProvider);
    const publicKey = await memoizing.agreementPublicKey(bytes(2));
    const [first] = await memoizing.agree(bytes(1), [publicKey]);
    const [second] = await memoizing.agree(bytes(1), [publicKey]);
    first?.fill(0);
    expect(second?.some((byte) => byte !== 0)).toBe(true);
    expect((await memoizing.agree(bytes(1), [publicKey]))[0]).toEqual(second);
  });

  test('remembers keys of low order as what they are, and mixes known with unknown in order', async () => {
    const { provider, counts } = counting();
    const memoizing = memoizingProvider(provider);
    const keys = [
      bytes(0),
      await nodeProvider.agreementPublicKey(bytes(3)),
      await nodeProvider.agreementPublicKey(bytes(4)),
    ];
    const [lowOrder, three] = await memoizing.agree(bytes(1), keys.slice(0, 2));
    expect(lowOrder).toBeUndefined();
    expect(await memoizing.agree(bytes(1), keys)).toEqual(await nodeProvider.agree(bytes(1), keys));
    expect((await memoizing.agree(bytes(1), [...keys].reverse()))[1]).toEqual(three);
    expect(counts.get('agree')).toBe(3);
  });

  test('signs and verifies as the provider does; another message or key is another check', async () => {
    const { provider, counts } = counting();
    const memoizing = memoizingProvider(provider);
    const publicKey = await memoizing.signaturePublicKey(bytes(5));
    const message = bytes(6, 100);
    const signature = await memoizing.sign(bytes(5), message);
    expect(await memoizing.sign(bytes(5), message)).toEqual(signature);
    const right = { publicKey, message, signature };
    const wrong = { publicKey, message: bytes(7, 100), signature };
    expect(await memoizing.verify([right, wrong])).toEqual([true, false]);
    expect(await memoizing.verify([wrong, right, { ...right, publicKey: bytes(9) }])).toEqual([false, true, false]);
    // One check is remembered for each signature: the right one here.
    expect(counts.get('verify')).toBe(4);
    expect(counts.get('sign')).toBe(1);
  });

  test('forgets, and is right all the same', async () => {
    const { provider, counts } = counting();
    const memoizing = memoizingProvider(provider, { entries: 1 });
    const keys = await Promise.all([2, 3, 4, 5].map((fill) => nodeProvider.agreementPublicKey(bytes(fill))));
    const expected = await nodeProvider.agree(bytes(1), keys);
    for (let i = 0; i < 3; i += 1) expect(await memoizing.agree(bytes(1), keys)).toEqual(expected);
    expect(counts.get('agree')).toBeGreaterThan(4);
  });

  test('takes long messages and refuses a memory without room', async () => {
    const memoizing = memoizingProvider(nodeProvider);
    const message = bytes(1, 300_000);
    expect(await memoizing.sign(bytes(5), message)).toEqual(await nodeProvider.sign(bytes(5), message));
    expect(() => memoizingProvider(nodeProvider, { entries: 0 })).toThrow(/entries/);
  });
});

test('seededProvider draws the same bytes each time, and others for another purpose', () => {
  const draw = (purpose: string): Uint8Array => seededProvider(nodeProvider, 1, purpose).randomBytes(16);
  expect(draw('a')).toEqual(draw('a'));
  expect(draw('a')).not.toEqual(draw('b'));
});
