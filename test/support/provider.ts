import { sha256 } from '@noble/hashes/sha2.js';
import { concatBytes, utf8 } from '../../src/core/bytes.js';
import type { RandomSource } from '../../src/core/random.js';
import type { CryptoProvider } from '../../src/crypto/provider/provider.js';
import { nodeProvider } from '../../src/crypto/provider/provider.node.js';

/** Deterministic bytes: SHA-256 of the name and a counter. */
export function seededBytes(name: string): RandomSource {
  let draws = 0;
  return (length) => {
    draws += 1;
    const blocks = Array.from({ length: Math.ceil(length / 32) }, (_, i) => sha256(utf8(`${name} ${draws} ${i}`)));
    return concatBytes(...blocks).slice(0, length);
  };
}

const textOf = (...parts: readonly Uint8Array[]): string =>
  parts.map((part) => Buffer.from(part.buffer, part.byteOffset, part.length).toString('latin1')).join('|');

const known = new Map<string, unknown>();

function once<T>(name: string, compute: () => T): T {
  const found = known.get(name);
  if (found !== undefined) return found as T; // only `compute` of the same name made it
  const made = compute();
  // Enough for all that honest clients compute over and over; what was computed for one flipped bit isn't wanted again.
  if (known.size > 50_000) known.clear();
  known.set(name, made);
  return made;
}

/** A copy for each caller, who may wipe it. */
const copy = async (bytes: Promise<Uint8Array>): Promise<Uint8Array> => (await bytes).slice();

/**
 * node:crypto with seeded randomness, remembering every public-key operation, so that the thousandth run of nearly the
 * same session costs only what differs. Every operation is a function of its arguments, so nothing else changes.
 */
export function testProvider(seed: string): CryptoProvider {
  const { agreementPublicKey, signaturePublicKey, agree, sign, verify } = nodeProvider;
  return {
    ...nodeProvider,
    randomBytes: seededBytes(seed),
    agreementPublicKey: (key) => copy(once(`x ${textOf(key)}`, () => agreementPublicKey(key.slice()))),
    signaturePublicKey: (key) => copy(once(`e ${textOf(key)}`, () => signaturePublicKey(key.slice()))),
    sign: (key, message) => copy(once(`s ${textOf(key, message)}`, () => sign(key.slice(), message))),
    agree: (key, others) =>
      Promise.all(
        others.map(async (other) => {
          const [secret] = await once(`a ${textOf(key, other)}`, () => agree(key.slice(), [other.slice()]));
          return secret?.slice();
        }),
      ),
    verify: (checks) =>
      Promise.all(
        checks.map(async ({ publicKey, message, signature }) => {
          const text = `v ${textOf(publicKey, message, signature)}`;
          const check = { publicKey: publicKey.slice(), message, signature };
          return (await once(text, () => verify([check])))[0] === true;
        }),
      ),
  };
}
