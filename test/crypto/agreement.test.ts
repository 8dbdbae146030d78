import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fromHex, toHex } from '../../src/core/bytes.js';
import { UsageError } from '../../src/core/errors.js';
import { agreeAll, hasLowOrder, isCanonicalAgreementKey } from '../../src/crypto/agreement.js';
import { nobleProvider } from '../../src/crypto/provider/noble.js';
import { nodeProvider } from '../../src/crypto/provider/provider.node.js';
import { isCanonicalSignatureKey } from '../../src/crypto/signature.js';

const providers = [nobleProvider, nodeProvider];
const p = 2n ** 255n - 19n;

/** 32 little-endian bytes. */
function encode(value: bigint): Uint8Array {
  return Uint8Array.from({ length: 32 }, (_, i) => Number((value >> BigInt(8 * i)) & 0xffn));
}

const shown = (bytes: Uint8Array | undefined): string => (bytes === undefined ? 'none' : toHex(bytes));

const bytes32 = fc.uint8Array({ minLength: 32, maxLength: 32 });

/** The u-coordinates below p whose points have order 1, 2, 4 or 8 on the curve or its twist, as published. */
const lowOrder = [
  0n,
  1n,
  p - 1n,
  325606250916557431795983626356110631294008115727848805560023387167927233504n,
  39382357235489614581723060781553021112529911719440698176882885853963445705823n,
];

describe.each(providers)('X25519 of $name', (provider) => {
  it('gives the first vector of RFC 7748 section 5.2', async () => {
    const secret = fromHex('a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4');
    const key = fromHex('e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c');
    const expected = 'c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552';
    expect((await agreeAll(provider, secret, [key])).map(shown)).toEqual([expected]);
  });

  it('refuses the second, whose u-coordinate has the high bit set, though X25519 itself takes it', async () => {
    const secret = fromHex('4b66e9d4d1b4673c5ad22691957d6af5c11b6421e0ea01d42ca4169e7918ba0d');
    const key = fromHex('e5210f12786811d3f4b7959d0538ae2c31dbe7106fc03c3efc4cd549c715a493');
    const expected = '95cbde9476e8907d7aade45cb4b873f88b595a68799fa152e6f8f7647aac7957';
    expect((await provider.agree(secret, [key])).map(shown)).toEqual([expected]);
    expect(await agreeAll(provider, secret, [key])).toEqual([undefined]);
    const masked = key.slice();
    masked[31] = 0x13;
    expect((await agreeAll(provider, secret, [masked])).map(shown)).toEqual([expected]);
  });

  it('gives what RFC 7748 section 5.2 has after one and after a thousand iterations', async () => {
    let k = encode(9n);
    let u = encode(9n);
    for (let i = 1; i <= 1000; i += 1) {
      const [next] = await agreeAll(provider, k, [u]);
      if (next === undefined) throw new Error(`iteration ${i} gave nothing`);
      u = k;
      k = next;
      if (i === 1) expect(toHex(k)).toBe('422c8e7a6227d7bca1350b3e2bb7279f7897b87bb6854b783c60e80311ae3079');
    }
    expect(toHex(k)).toBe('684cf59ba83309552800ef566f2f4d3c1c3887c49360e3875f2eb94d99532c51');
  });

  it('gives the keys and the shared secret of RFC 7748 section 6.1 on both sides', async () => {
    const alice = fromHex('77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a');
    const bob = fromHex('5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb');
    const keys = await Promise.all([alice, bob].map((key) => provider.agreementPublicKey(key)));
    expect(keys.map(toHex)).toEqual([
      '8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a',
      'de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f',
    ]);
    const shared = '4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742';
    expect((await agreeAll(provider, alice, keys)).map(shown)[1]).toBe(shared);
    expect((await agreeAll(provider, bob, keys)).map(shown)[0]).toBe(shared);
  });

  it('gives nothing for a key of low order or one that is not canonical, and keeps the order of the rest', async () => {
    const secret = new Uint8Array(32).fill(0x42);
    const own = await provider.agreementPublicKey(secret);
    const aliases = [p, p + 1n, p + 9n, 2n ** 255n - 1n, 2n ** 255n, 2n ** 255n + 9n, 2n ** 256n - 1n].map(encode);
    const sizes = [0, 31, 33].map((length) => new Uint8Array(length).fill(9));
    const keys = [own, ...lowOrder.map(encode), ...aliases, encode(9n), ...sizes, own];
    const secrets = (await agreeAll(provider, secret, keys)).map(shown);
    const [withOwn] = (await provider.agree(secret, [own])).map(shown);
    const [withBase] = (await provider.agree(secret, [encode(9n)])).map(shown);
    expect(withOwn).not.toBe('none');
    expect(withBase).toBe(toHex(own));
    const nothing = (count: number): string[] => Array(count).fill('none');
    expect(secrets).toEqual([
      withOwn,
      ...nothing(lowOrder.length + aliases.length),
      withBase,
      ...nothing(sizes.length),
      withOwn,
    ]);
  });

  it.each([undefined, 'secret', new Uint8Array(31), new Uint8Array(33), new Uint8Array()])(
    'refuses a private key that is not 32 bytes (case %#)',
    async (key) => {
      // A caller in JavaScript can pass anything.
      const call = agreeAll(provider, key as Uint8Array, [encode(9n)]);
      await expect(call).rejects.toThrow(UsageError);
      await expect(call).rejects.toMatchObject({ code: 'usage.bytes' });
    },
  );

  it('agrees with nobody at all', async () => {
    expect(await agreeAll(provider, new Uint8Array(32), [])).toEqual([]);
  });
});

describe('hasLowOrder', () => {
  it('knows the five published points', () => {
    expect(lowOrder.map((u) => hasLowOrder(encode(u)))).toEqual(lowOrder.map(() => true));
  });

  it('says exactly for which canonical keys agreement gives nothing, in both providers', async () => {
    const near = Array.from({ length: 20 }, (_, i) => [BigInt(i), p - 1n - BigInt(i)]).flat();
    const around = lowOrder.slice(3).flatMap((u) => [u - 1n, u + 1n, p - u]);
    const keys = [...new Set([...lowOrder, ...near, ...around])].map(encode);
    expect(keys.every(isCanonicalAgreementKey)).toBe(true);
    for (const provider of providers)
      for (const fill of [0, 1, 0x55, 0xff]) {
        const secrets = await agreeAll(provider, new Uint8Array(32).fill(fill), keys);
        expect(secrets.map((secret) => secret === undefined)).toEqual(keys.map(hasLowOrder));
      }
    expect(keys.filter(hasLowOrder)).toHaveLength(lowOrder.length);
  });

  it('is false for random keys, with which both providers agree alike', async () => {
    const property = fc.asyncProperty(bytes32, bytes32, async (secret, random) => {
      const key = random.map((byte, i) => (i === 31 ? byte & 0x7f : byte));
      fc.pre(isCanonicalAgreementKey(key));
      expect(hasLowOrder(key)).toBe(false);
      const [noble, node] = await Promise.all(providers.map((provider) => agreeAll(provider, secret, [key])));
      expect(noble?.map(shown)).toEqual(node?.map(shown));
      expect(noble?.map(shown)).not.toEqual(['none']);
    });
    await fc.assert(property, { numRuns: 50 });
  });
});

describe('canonical encodings', () => {
  const below = [0n, 1n, 9n, 2n ** 254n, p - 256n, p - 2n, p - 1n];
  const above = [p, p + 1n, p + 18n];

  it('of a u-coordinate are 32 bytes below p with the high bit clear', () => {
    for (const u of below) expect(isCanonicalAgreementKey(encode(u))).toBe(true);
    for (const u of [...above, ...below.map((value) => value + 2n ** 255n)])
      expect(isCanonicalAgreementKey(encode(u))).toBe(false);
    for (const length of [0, 31, 33, 64]) expect(isCanonicalAgreementKey(new Uint8Array(length))).toBe(false);
  });

  it('of an Ed25519 point have y below p and any sign', () => {
    for (const sign of [0n, 2n ** 255n]) {
      for (const y of below) expect(isCanonicalSignatureKey(encode(y + sign))).toBe(true);
      for (const y of above) expect(isCanonicalSignatureKey(encode(y + sign))).toBe(false);
    }
    for (const length of [0, 31, 33, 64]) expect(isCanonicalSignatureKey(new Uint8Array(length))).toBe(false);
  });

  it('are told by comparison with p, whatever the bytes', () => {
    const value = fc.oneof(fc.bigInt({ min: 0n, max: 2n ** 256n - 1n }), fc.bigInt({ min: p - 300n, max: p + 300n }));
    fc.assert(
      fc.property(value, (number) => {
        const clear = number & (2n ** 255n - 1n);
        expect(isCanonicalAgreementKey(encode(number))).toBe(number < p);
        expect(isCanonicalSignatureKey(encode(number))).toBe(clear < p);
      }),
    );
  });

  it('leave the key as it is', () => {
    const key = new Uint8Array(32).fill(0xff);
    isCanonicalSignatureKey(key);
    expect(new Set(key)).toEqual(new Set([0xff]));
  });
});
