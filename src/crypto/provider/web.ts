import { concatBytes, fromHex } from '../../core/bytes.js';
import { webExpander } from '../prg/web.js';
import { nobleAgree, nobleProvider, nobleVerify } from './noble.js';
import type { CryptoProvider, SignatureCheck } from './provider.js';

type Curve = 'X25519' | 'Ed25519';

/** PKCS #8 (RFC 8410 section 7) up to the 32 key bytes: WebCrypto takes raw public keys, but no raw private ones. */
const privatePrefix: { readonly [curve in Curve]: Uint8Array } = {
  X25519: fromHex('302e020100300506032b656e04220420'),
  Ed25519: fromHex('302e020100300506032b657004220420'),
};

/** WebCrypto's types want an ArrayBuffer that isn't shared; a copy is one. */
const copy = (bytes: Uint8Array): Uint8Array<ArrayBuffer> => new Uint8Array(bytes);

function importPrivate(curve: Curve, key: Uint8Array): Promise<CryptoKey> {
  const usages: KeyUsage[] = curve === 'X25519' ? ['deriveBits'] : ['sign'];
  return crypto.subtle.importKey('pkcs8', copy(concatBytes(privatePrefix[curve], key)), curve, false, usages);
}

function importPublic(curve: Curve, key: Uint8Array): Promise<CryptoKey> {
  return crypto.subtle.importKey('raw', copy(key), curve, false, curve === 'X25519' ? [] : ['verify']);
}

async function agree(privateKey: CryptoKey, publicKey: Uint8Array): Promise<Uint8Array | undefined> {
  try {
    const key = await importPublic('X25519', publicKey);
    return new Uint8Array(await crypto.subtle.deriveBits({ name: 'X25519', public: key }, privateKey, 256));
  } catch {
    return undefined; // an all-zero result is an OperationError
  }
}

async function verifyOne({ publicKey, message, signature }: SignatureCheck): Promise<boolean> {
  try {
    const key = await importPublic('Ed25519', publicKey);
    return await crypto.subtle.verify('Ed25519', key, copy(signature), copy(message));
  } catch {
    return false;
  }
}

/** Which of the two curves this browser's WebCrypto has; asked once, at the first use. */
let support: Promise<{ readonly [curve in Curve]: boolean }> | undefined;

async function has(curve: Curve): Promise<boolean> {
  const probe = (name: Curve): Promise<boolean> =>
    importPrivate(name, new Uint8Array(32).fill(1)).then(
      () => true,
      () => false,
    );
  support ??= Promise.all([probe('X25519'), probe('Ed25519')]).then(([X25519, Ed25519]) => ({ X25519, Ed25519 }));
  return (await support)[curve];
}

/**
 * WebCrypto for the curves where the browser has them (and the page is a secure context), noble for the rest: hashes
 * and AEAD are many and short, which a promise each would make slower.
 */
export const webProvider: CryptoProvider = {
  ...nobleProvider,
  name: 'web',
  agree: async (privateKey, publicKeys) => {
    if (!(await has('X25519'))) return publicKeys.map((publicKey) => nobleAgree(privateKey, publicKey));
    const key = await importPrivate('X25519', privateKey);
    return Promise.all(publicKeys.map((publicKey) => agree(key, publicKey)));
  },
  sign: async (privateKey, message) => {
    if (!(await has('Ed25519'))) return nobleProvider.sign(privateKey, message);
    const key = await importPrivate('Ed25519', privateKey);
    return new Uint8Array(await crypto.subtle.sign('Ed25519', key, copy(message)));
  },
  verify: async (checks) => {
    if (!(await has('Ed25519'))) return checks.map(nobleVerify);
    return Promise.all(checks.map(verifyOne));
  },
  expander: webExpander,
};
