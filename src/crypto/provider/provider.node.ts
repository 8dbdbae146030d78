import {
  createCipheriv,
  createDecipheriv,
  createPrivateKey,
  createPublicKey,
  diffieHellman,
  type JsonWebKeyInput,
  type KeyObject,
  randomFillSync,
  sign,
  verify,
} from 'node:crypto';
import { concatBytes, plainBytes } from '../../core/bytes.js';
import { sha256 } from '../hash.node.js';
import { nodeExpander } from '../prg/prg.node.js';
import type { CryptoProvider, SealInput, SignatureCheck } from './provider.js';

type Curve = 'X25519' | 'Ed25519';

const zeroNonce = new Uint8Array(12);
const tagLength = 16;

/** PKCS #8 (RFC 8410 section 7) up to the 32 key bytes. */
const privatePrefix: { readonly [curve in Curve]: Uint8Array } = {
  X25519: Buffer.from('302e020100300506032b656e04220420', 'hex'),
  Ed25519: Buffer.from('302e020100300506032b657004220420', 'hex'),
};

function privateKeyObject(curve: Curve, key: Uint8Array): KeyObject {
  const der = Buffer.from(concatBytes(privatePrefix[curve], key));
  const object = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
  der.fill(0);
  return object;
}

const publicKeyBytes = Buffer.alloc(32);

/** As JWK: decoding DER takes OpenSSL 3 ten times as long. */
function publicKeyInput(curve: Curve, key: Uint8Array): JsonWebKeyInput {
  if (key.length !== publicKeyBytes.length) throw new RangeError('a public key has 32 bytes');
  publicKeyBytes.set(key);
  return { key: { kty: 'OKP', crv: curve, x: publicKeyBytes.toString('base64url') }, format: 'jwk' };
}

/**
 * Importing costs a fraction of an agreement; a server agrees with each key many times, so objects are kept with it.
 */
const agreementKeys = new WeakMap<Uint8Array, KeyObject>();

function agreementKeyObject(key: Uint8Array): KeyObject {
  let object = agreementKeys.get(key);
  if (object === undefined) {
    object = createPublicKey(publicKeyInput('X25519', key));
    agreementKeys.set(key, object);
  }
  return object;
}

function rawPublicKey(curve: Curve, privateKey: Uint8Array): Uint8Array {
  const { x } = createPublicKey(privateKeyObject(curve, privateKey)).export({ format: 'jwk' });
  return new Uint8Array(Buffer.from(String(x), 'base64url'));
}

function agree(privateKey: KeyObject, publicKey: Uint8Array): Uint8Array | undefined {
  try {
    return plainBytes(diffieHellman({ privateKey, publicKey: agreementKeyObject(publicKey) }));
  } catch {
    return undefined; // OpenSSL refuses an all-zero result
  }
}

/**
 * Keys for the checks of one call. A key object is worth its price, in garbage most of all, from a key's second
 * signature on: the authority's key verifies every second one, the others one each.
 */
function verificationKeys(): (key: Uint8Array) => KeyObject | JsonWebKeyInput {
  const objects = new Map<Uint8Array, KeyObject | undefined>();
  return (key) => {
    const input = (): JsonWebKeyInput => publicKeyInput('Ed25519', key);
    const object = objects.get(key) ?? (objects.has(key) ? createPublicKey(input()) : undefined);
    objects.set(key, object);
    return object ?? input();
  };
}

function verifyInOrder(checks: readonly SignatureCheck[]): boolean[] {
  const keyOf = verificationKeys();
  return checks.map(({ publicKey, message, signature }) => {
    try {
      return verify(null, message, keyOf(publicKey), signature);
    } catch {
      return false; // not a point of the curve
    }
  });
}

function seal({ key, associatedData, data }: SealInput): Uint8Array {
  const cipher = createCipheriv('chacha20-poly1305', key, zeroNonce, { authTagLength: tagLength });
  cipher.setAAD(associatedData, { plaintextLength: data.length });
  return concatBytes(cipher.update(data), cipher.final(), cipher.getAuthTag());
}

function open({ key, associatedData, data }: SealInput): Uint8Array | undefined {
  if (data.length < tagLength) return undefined;
  const end = data.length - tagLength;
  const decipher = createDecipheriv('chacha20-poly1305', key, zeroNonce, { authTagLength: tagLength });
  decipher.setAAD(associatedData, { plaintextLength: end });
  decipher.setAuthTag(data.subarray(end));
  try {
    const opened = decipher.update(data.subarray(0, end));
    decipher.final(); // checks the tag; a stream cipher has held nothing back
    return plainBytes(opened);
  } catch {
    return undefined;
  }
}

/** OpenSSL through node:crypto. */
export const nodeProvider: CryptoProvider = {
  name: 'node',
  randomBytes: (length) => randomFillSync(new Uint8Array(length)),
  sha256,
  agreementPublicKey: async (privateKey) => rawPublicKey('X25519', privateKey),
  agree: async (privateKey, publicKeys) => {
    const object = privateKeyObject('X25519', privateKey);
    return publicKeys.map((publicKey) => agree(object, publicKey));
  },
  signaturePublicKey: async (privateKey) => rawPublicKey('Ed25519', privateKey),
  sign: async (privateKey, message) => new Uint8Array(sign(null, message, privateKeyObject('Ed25519', privateKey))),
  verify: async (checks) => verifyInOrder(checks),
  seal,
  open,
  expander: nodeExpander,
};
