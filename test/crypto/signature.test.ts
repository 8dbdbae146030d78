import { ed25519 } from '@noble/curves/ed25519.js';
import { sha512 } from '@noble/hashes/sha2.js';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { concatBytes, fromHex, toHex, utf8 } from '../../src/core/bytes.js';
import { nobleProvider } from '../../src/crypto/provider/noble.js';
import type { SignatureCheck } from '../../src/crypto/provider/provider.js';
import { nodeProvider } from '../../src/crypto/provider/provider.node.js';
import { isSignatureKey, signatureLength, verifyAll } from '../../src/crypto/signature.js';

const providers = [nobleProvider, nodeProvider];
const { BASE, ZERO, Fn } = ed25519.Point;
const order = Fn.ORDER;
const p = 2n ** 255n - 19n;
type Point = typeof BASE;

const torsion = ed25519.Point.fromHex('26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05');
/** The eight points of small order. */
const smallOrder = Array.from({ length: 8 }, (_, i) =>
  Array.from({ length: i }, () => torsion).reduce((sum, point) => sum.add(point), ZERO),
);

function encode(value: bigint): Uint8Array {
  return Uint8Array.from({ length: 32 }, (_, i) => Number((value >> BigInt(8 * i)) & 0xffn));
}

function decode(bytes: Uint8Array): bigint {
  return bytes.reduceRight((value, byte) => (value << 8n) | BigInt(byte), 0n);
}

function challenge(r: Uint8Array, key: Uint8Array, message: Uint8Array): bigint {
  return decode(sha512(concatBytes(r, key, message)));
}

interface Forgery {
  readonly scalar: bigint;
  readonly nonce: bigint;
  readonly message: Uint8Array;
  /** Added to the public key and to R. */
  readonly keyTorsion?: Point;
  readonly nonceTorsion?: Point;
  /** What R is written as, where not canonically. */
  readonly nonceBytes?: Uint8Array;
}

const times = (scalar: bigint): Point => (scalar === 0n ? ZERO : BASE.multiply(scalar));

/** A signature whose scalar part fits what it says of the key and R, as only the key's owner can make it. */
function crafted({
  scalar,
  nonce,
  message,
  keyTorsion = ZERO,
  nonceTorsion = ZERO,
  nonceBytes,
}: Forgery): SignatureCheck {
  const publicKey = times(scalar).add(keyTorsion).toBytes();
  const r = nonceBytes ?? times(nonce).add(nonceTorsion).toBytes();
  const s = (nonce + (challenge(r, publicKey, message) % order) * scalar) % order;
  return { publicKey, message, signature: concatBytes(r, encode(s)) };
}

/** What noble and node say of each check; the test fails where they differ. */
async function verdicts(checks: readonly SignatureCheck[]): Promise<readonly boolean[]> {
  const [noble, node] = await Promise.all(providers.map((provider) => verifyAll(provider, checks)));
  expect(node).toEqual(noble);
  return noble ?? [];
}

const scalar = 123456789n;
const nonce = 987654321n;
const message = utf8('crafted');

/** RFC 8032 section 7.1: private key, public key, message, signature. */
const vectors = [
  [
    '9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60',
    'd75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a',
    '',
    'e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b',
  ],
  [
    '4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb',
    '3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c',
    '72',
    '92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00',
  ],
  [
    'c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7',
    'fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025',
    'af82',
    '6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a',
  ],
  [
    '833fe62409237b9d62ec77587520911e9a759cec1d19755b7da901b96dca3d42',
    'ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf',
    'ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f',
    'dc2a4459e7369633a52b1bf277839a00201009a3efbf3ecb69bea2186c26b58909351fc9ac90b3ecfdfbc7c66431e0303dca179c138ac17ad9bef1177331a704',
  ],
] as const;

describe('RFC 8032 section 7.1', () => {
  it.each(vectors)('is reproduced by both providers (vector %#)', async (secret, key, text, signature) => {
    for (const provider of providers) {
      expect(toHex(await provider.signaturePublicKey(fromHex(secret)))).toBe(key);
      expect(toHex(await provider.sign(fromHex(secret), fromHex(text)))).toBe(signature);
    }
    const check = { publicKey: fromHex(key), message: fromHex(text), signature: fromHex(signature) };
    expect(await verdicts([check])).toEqual([true]);
  });
});

describe('verifyAll', () => {
  it('answers in order, with refused checks anywhere between', async () => {
    const good = crafted({ scalar, nonce, message });
    const short = { ...good, signature: good.signature.subarray(1) };
    const bad = { ...good, message: utf8('another') };
    const checks = [short, good, bad, short, good, { ...good, publicKey: new Uint8Array(32) }, good, short];
    expect(await verdicts(checks)).toEqual([false, true, false, false, true, false, true, false]);
    expect(await verdicts([])).toEqual([]);
    expect(await verdicts([short, short])).toEqual([false, false]);
  });

  it('refuses a signature or a key with any bit flipped', async () => {
    const good = crafted({ scalar, nonce, message });
    const flip = (bytes: Uint8Array, bit: number): Uint8Array =>
      bytes.map((byte, i) => (i === bit >>> 3 ? byte ^ (1 << (bit & 7)) : byte));
    const checks = [
      ...Array.from({ length: 512 }, (_, bit) => ({ ...good, signature: flip(good.signature, bit) })),
      ...Array.from({ length: 256 }, (_, bit) => ({ ...good, publicKey: flip(good.publicKey, bit) })),
    ];
    expect((await verdicts(checks)).filter(Boolean)).toEqual([]);
  });

  it.each([0, 31, 32, 63, 65, 128])('refuses a signature of %i bytes', async (length) => {
    const good = crafted({ scalar, nonce, message });
    const signature = new Uint8Array(length);
    signature.set(good.signature.subarray(0, length));
    expect(await verdicts([{ ...good, signature }])).toEqual([false]);
    expect(signatureLength).toBe(64);
  });

  it.each([0, 31, 33])('refuses a key of %i bytes', async (length) => {
    const good = crafted({ scalar, nonce, message });
    const publicKey = new Uint8Array(length);
    publicKey.set(good.publicKey.subarray(0, length));
    expect(await verdicts([{ ...good, publicKey }])).toEqual([false]);
  });

  it('refuses S of the order and above, which would give every signature a twin', async () => {
    const good = crafted({ scalar, nonce, message });
    const s = decode(good.signature.subarray(32));
    const withS = (value: bigint): SignatureCheck => ({
      ...good,
      signature: concatBytes(good.signature.subarray(0, 32), encode(value)),
    });
    const twins = Array.from({ length: 15 }, (_, i) => s + BigInt(i + 1) * order).filter((value) => value < 2n ** 256n);
    expect(twins.length).toBeGreaterThan(10);
    expect(await verdicts([s, ...twins].map(withS))).toEqual([true, ...twins.map(() => false)]);
  });

  it('refuses every key of small order, though with some the equation holds for any message', async () => {
    const checks = smallOrder.flatMap((keyTorsion) =>
      // Of 64 challenges some are multiples of 8, and then the torsion part vanishes from the equation.
      Array.from({ length: 64 }, (_, i) => crafted({ scalar: 0n, nonce: nonce + BigInt(i), message, keyTorsion })),
    );
    const loose = checks.map(({ signature, message: text, publicKey }) =>
      ed25519.verify(signature, text, publicKey, { zip215: true }),
    );
    // Else this test shows nothing: a loose verifier takes them, and so do some releases of OpenSSL.
    expect(loose.filter(Boolean).length).toBeGreaterThan(64);
    expect((await verdicts(checks)).filter(Boolean)).toEqual([]);
  });

  it('refuses an R with a torsion part, which rules with cofactor take', async () => {
    const checks = smallOrder.map((nonceTorsion) => crafted({ scalar, nonce, message, nonceTorsion }));
    expect(await verdicts(checks)).toEqual([true, ...Array(7).fill(false)]);
    // Else this test shows nothing: noble alone takes each of them.
    const loose = checks.map((check) =>
      ed25519.verify(check.signature, check.message, check.publicKey, { zip215: false }),
    );
    expect(loose).toEqual(Array(8).fill(true));
  });

  it('refuses an R of small order, which some releases of OpenSSL take', async () => {
    const values = [1n, p + 1n, 2n ** 255n + 1n, 2n ** 255n + p + 1n];
    const checks = values.map((value) => crafted({ scalar, nonce: 0n, message, nonceBytes: encode(value) }));
    // With a key that has a torsion part itself, one of order 8 can stand in R.
    const torsion = smallOrder.flatMap((keyTorsion) =>
      smallOrder.map((nonceTorsion) => crafted({ scalar, nonce: 0n, message, keyTorsion, nonceTorsion })),
    );
    const loose = [...checks, ...torsion].map((check) =>
      ed25519.verify(check.signature, check.message, check.publicKey, { zip215: true }),
    );
    expect(loose.filter(Boolean).length).toBe(4 + 64);
    expect((await verdicts([...checks, ...torsion])).filter(Boolean)).toEqual([]);
  });

  it('says of random strings what the other provider says', async () => {
    const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
    await fc.assert(
      fc.asyncProperty(bytes(32), bytes(64), fc.uint8Array({ maxLength: 50 }), async (publicKey, signature, text) => {
        expect(await verdicts([{ publicKey, signature, message: text }])).toEqual([false]);
      }),
    );
  });

  it('takes what either provider signs', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ minLength: 32, maxLength: 32 }), fc.uint8Array(), async (secret, text) => {
        const checks = await Promise.all(
          providers.map(async (provider) => ({
            publicKey: await provider.signaturePublicKey(secret),
            message: text,
            signature: await provider.sign(secret, text),
          })),
        );
        expect(await verdicts(checks)).toEqual([true, true]);
      }),
      { numRuns: 30 },
    );
  });
});

describe('isSignatureKey', () => {
  it('takes a key that Ed25519 makes', () => {
    expect(isSignatureKey(ed25519.getPublicKey(new Uint8Array(32)))).toBe(true);
  });

  it('refuses all points of small order, with either sign', () => {
    for (const point of smallOrder) {
      const key = point.toBytes();
      const other = key.map((byte, i) => (i === 31 ? byte ^ 0x80 : byte));
      expect([isSignatureKey(key), isSignatureKey(other)]).toEqual([false, false]);
    }
  });

  it('refuses y from p on, and wrong lengths', () => {
    for (let value = p; value < 2n ** 255n; value += 1n) {
      expect(isSignatureKey(encode(value))).toBe(false);
      expect(isSignatureKey(encode(value + 2n ** 255n))).toBe(false);
    }
    for (const length of [0, 31, 33, 64]) expect(isSignatureKey(new Uint8Array(length).fill(9))).toBe(false);
  });

  it('looks at the whole key where the first byte is that of a small one', () => {
    for (const start of [0x00, 0x01, 0xec, 0x26, 0xc7]) {
      const key = new Uint8Array(32).fill(5);
      key[0] = start;
      expect(isSignatureKey(key)).toBe(true);
    }
  });
});
