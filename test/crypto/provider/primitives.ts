import { ed25519 } from '@noble/curves/ed25519.js';
import { sha512 } from '@noble/hashes/sha2.js';
import { concatBytes, fromHex, toHex, utf8 } from '../../../src/core/bytes.js';
import { agreeAll } from '../../../src/crypto/agreement.js';
import type { CryptoProvider, SignatureCheck } from '../../../src/crypto/provider/provider.js';
import { verifyAll } from '../../../src/crypto/signature.js';
import { prgSizes, suites } from '../../../src/crypto/suite.js';
import type { Lanes } from '../../../src/kernels/lanes.js';

/**
 * Everything a provider computes, on fixed inputs, as text: providers are the same if and only if their texts are. Runs
 * in browsers as well.
 */
export async function primitives(provider: CryptoProvider): Promise<Record<string, string>> {
  return {
    ...hashes(provider),
    ...(await agreements(provider)),
    ...(await signatures(provider)),
    ...seals(provider),
    ...(await masks(provider)),
  };
}

/** Bytes that look random and are the same everywhere. */
function pattern(length: number, seed: number): Uint8Array {
  const bytes = new Uint8Array(length);
  let state = seed * 2654435761 + 12345;
  for (let i = 0; i < length; i += 1) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    bytes[i] = state >>> 24;
  }
  return bytes;
}

const shown = (bytes: Uint8Array | undefined): string => (bytes === undefined ? 'none' : toHex(bytes));

function hashes({ sha256 }: CryptoProvider): Record<string, string> {
  const lengths = [0, 1, 55, 56, 63, 64, 65, 1000, 100_000];
  return Object.fromEntries(lengths.map((length) => [`sha256 of ${length}`, toHex(sha256(pattern(length, length)))]));
}

/** u-coordinates of low order, aliases above p, and keys as they should be. */
const lowOrder = [
  '0000000000000000000000000000000000000000000000000000000000000000',
  '0100000000000000000000000000000000000000000000000000000000000000',
  'e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800',
  '5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157',
  'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  'edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  'eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  'ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff',
].map(fromHex);

async function agreements(provider: CryptoProvider): Promise<Record<string, string>> {
  const result: Record<string, string> = {};
  const privateKeys = [0, 1, 2, 3].map((i) => pattern(32, 100 + i));
  const publicKeys = await Promise.all(privateKeys.map((key) => provider.agreementPublicKey(key)));
  // 9 and its like: valid u-coordinates that nobody computed.
  const odd = [fromHex(`09${'00'.repeat(31)}`), fromHex(`02${'00'.repeat(31)}`), pattern(32, 7).fill(0x1f, 31)];
  for (const [i, key] of privateKeys.entries()) {
    result[`x25519 public key ${i}`] = shown(publicKeys[i]);
    const secrets = await agreeAll(provider, key, [...publicKeys, ...lowOrder, ...odd]);
    for (const [j, secret] of secrets.entries()) result[`x25519 ${i} with ${j}`] = shown(secret);
  }
  result['x25519 with nobody'] = String((await provider.agree(privateKeys[0] ?? pattern(32, 1), [])).length);
  return result;
}

/** A point of order 8, so that R plus it has a torsion part. */
const torsion = ed25519.Point.fromHex('26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05');

/**
 * Signatures that rules without the strictness of the protocol's disagree about: verification with cofactor accepts an
 * R with a torsion part, without it doesn't.
 */
function craftedChecks(): SignatureCheck[] {
  const order = ed25519.Point.Fn.ORDER;
  const scalar = 123456789n;
  const publicKey = ed25519.Point.BASE.multiply(scalar).toBytes();
  const message = utf8('crafted');
  const nonce = 987654321n;
  return [ed25519.Point.ZERO, torsion, torsion.add(torsion)].map((extra) => {
    const r = ed25519.Point.BASE.multiply(nonce).add(extra).toBytes();
    const challenge = littleEndian(sha512(concatBytes(r, publicKey, message)));
    const s = (nonce + (challenge % order) * scalar) % order;
    return { publicKey, message, signature: concatBytes(r, scalarBytes(s)) };
  });
}

function littleEndian(bytes: Uint8Array): bigint {
  return bytes.reduceRight((value, byte) => (value << 8n) | BigInt(byte), 0n);
}

function scalarBytes(value: bigint): Uint8Array {
  return Uint8Array.from({ length: 32 }, (_, i) => Number((value >> BigInt(8 * i)) & 0xffn));
}

async function signatures(provider: CryptoProvider): Promise<Record<string, string>> {
  const result: Record<string, string> = {};
  for (const length of [0, 1, 100, 5000]) {
    const privateKey = pattern(32, 200 + length);
    const publicKey = await provider.signaturePublicKey(privateKey);
    const message = pattern(length, 300 + length);
    const signature = await provider.sign(privateKey, message);
    result[`ed25519 public key ${length}`] = toHex(publicKey);
    result[`ed25519 signature ${length}`] = toHex(signature);
    const flip = (bytes: Uint8Array, at: number): Uint8Array => bytes.map((byte, i) => (i === at ? byte ^ 1 : byte));
    const checks: SignatureCheck[] = [
      { publicKey, message, signature },
      { publicKey, message: concatBytes(message, new Uint8Array(1)), signature },
      ...[0, 31, 32, 63].map((at) => ({ publicKey, message, signature: flip(signature, at) })),
      { publicKey: flip(publicKey, 3), message, signature },
      { publicKey: new Uint8Array(32), message, signature },
      { publicKey: fromHex(`01${'00'.repeat(31)}`), message, signature: new Uint8Array(64) },
      { publicKey, message, signature: signature.subarray(0, 63) },
      { publicKey, message, signature: concatBytes(signature.subarray(0, 32), new Uint8Array(32).fill(255)) },
    ];
    result[`ed25519 verify ${length}`] = String(await verifyAll(provider, checks));
  }
  result['ed25519 verify crafted'] = String(await verifyAll(provider, craftedChecks()));
  result['ed25519 verify nothing'] = String((await provider.verify([])).length);
  return result;
}

function seals({ seal, open }: CryptoProvider): Record<string, string> {
  const result: Record<string, string> = {};
  for (const length of [0, 1, 64, 65, 1000]) {
    const key = pattern(32, 400 + length);
    const associatedData = pattern(length % 7, 500);
    const sealed = seal({ key, associatedData, data: pattern(length, 600) });
    const changed = sealed.map((byte, i) => (i === 0 ? byte ^ 1 : byte));
    result[`seal ${length}`] = toHex(sealed);
    result[`open ${length}`] = shown(open({ key, associatedData, data: sealed }));
    result[`open ${length}, changed`] = shown(open({ key, associatedData, data: changed }));
    result[`open ${length}, short`] = shown(open({ key, associatedData, data: sealed.subarray(0, 15) }));
    result[`open ${length}, other data`] = shown(open({ key, associatedData: pattern(9, 1), data: sealed }));
    result[`open ${length}, other key`] = shown(open({ key: pattern(32, 1), associatedData, data: sealed }));
  }
  return result;
}

/** Lengths around a cipher block, a kernel's block and WebCrypto's pieces. */
const lengths = [1, 3, 15, 16, 17, 255, 4097, 16_384, 70_001];

async function masks({ expander, sha256 }: CryptoProvider): Promise<Record<string, string>> {
  const result: Record<string, string> = {};
  const vectors: ((length: number) => Lanes)[] = [
    (length) => pattern(length, 700),
    (length) => new Uint16Array(pattern(2 * length, 701).buffer),
    (length) => new Uint32Array(pattern(4 * length, 702).buffer),
  ];
  for (const suite of suites)
    for (const vector of vectors)
      for (const length of lengths)
        for (const count of [0, 1, 5, 19]) {
          const { key, nonce } = prgSizes[suite];
          const streams = Array.from({ length: count }, (_, i) => ({
            key: pattern(key, 800 + i),
            // The last has a counter that carries over many bytes.
            nonce: i === count - 1 ? new Uint8Array(nonce).fill(255) : pattern(nonce, 900 + i),
            subtract: i % 3 === 1,
          }));
          const lanes = vector(length);
          await expander.accumulate(suite, lanes, streams);
          const bytes = new Uint8Array(lanes.buffer, lanes.byteOffset, lanes.byteLength);
          result[`suite ${suite}, ${8 * lanes.BYTES_PER_ELEMENT} bits, ${length} lanes, ${count} streams`] = toHex(
            sha256(bytes),
          );
        }
  return result;
}
