import { defaultProvider } from '#provider';
import { checkBytes, checkInteger, checkOptions } from '../core/check.js';
import { Reader, Writer } from '../core/codec.js';
import { UsageError } from '../core/errors.js';
import { labelled, labels, uint64 } from '../crypto/labels.js';
import type { CryptoProvider, SignatureCheck } from '../crypto/provider/provider.js';
import { isSignatureKey, signatureLength } from '../crypto/signature.js';
import { isTorsionFree } from '../crypto/torsion.js';
import { type Certificate, readCertificate, writeCertificate } from './messages/certificate.js';

/** An Ed25519 key pair, 32 bytes each. */
export interface KeyPair {
  readonly publicKey: Uint8Array;
  readonly privateKey: Uint8Array;
}

/** What a client signs with, and the authority's word for it. Kept for long; a session's own keys are fresh. */
export interface Identity {
  readonly certificate: Certificate;
  readonly privateKey: Uint8Array;
}

/**
 * Returns `identity` if its parts have the right types and sizes; throws `UsageError` that names the part otherwise.
 */
export function checkIdentity(identity: Identity): Identity {
  checkBytes('identity.privateKey', identity?.privateKey, 32);
  checkBytes('identity.certificate.identityKey', identity.certificate?.identityKey, 32);
  checkInteger('identity.certificate.validUntil', identity.certificate.validUntil, 0, Number.MAX_SAFE_INTEGER);
  checkBytes('identity.certificate.signature', identity.certificate.signature, signatureLength);
  return identity;
}

/** A fresh key pair, for an enrolment authority or for a client that wants to be enrolled. */
export async function createKeyPair(provider: CryptoProvider = defaultProvider): Promise<KeyPair> {
  const privateKey = provider.randomBytes(32);
  return { publicKey: await provider.signaturePublicKey(privateKey), privateKey };
}

export interface EnrolOptions {
  /** The authority's key pair, whose public half clients and servers pin. */
  readonly authority: KeyPair;
  /** The client's Ed25519 public key, 32 bytes. */
  readonly publicKey: Uint8Array;
  /** Unix time in seconds up to which the certificate is good, inclusive. */
  readonly validUntil: number;
  readonly provider?: CryptoProvider;
}

/**
 * The authority's signature on a client's key. Whoever runs the authority decides who is one device: a server that can
 * enrol its own clients can surround a real one with them.
 *
 * @throws UsageError (`enrol.key`) if the key isn't a canonical point of the prime-order group
 */
export async function enrol(options: EnrolOptions): Promise<Certificate> {
  const { authority, provider = defaultProvider } = checkOptions('options', options);
  checkBytes('authority.privateKey', authority?.privateKey, 32);
  const identityKey = checkBytes('publicKey', options.publicKey, 32);
  const validUntil = checkInteger('validUntil', options.validUntil, 0, Number.MAX_SAFE_INTEGER);
  if (!isSignatureKey(identityKey) || !isTorsionFree(identityKey))
    throw new UsageError(
      'enrol.key',
      'publicKey is not an Ed25519 key of the prime-order group: make one with createKeyPair',
    );
  const signature = await provider.sign(authority.privateKey, certificateInput({ identityKey, validUntil }));
  return { identityKey, validUntil, signature };
}

/** A new client key, enrolled at once: what a test or a deployment that makes keys for its devices needs. */
export async function createIdentity(options: Omit<EnrolOptions, 'publicKey'>): Promise<Identity> {
  const { publicKey, privateKey } = await createKeyPair(checkOptions('options', options).provider);
  return { certificate: await enrol({ ...options, publicKey }), privateKey };
}

/** The check of a certificate against the authority's key; its date is the caller's to compare. */
export function certificateCheck(authority: Uint8Array, certificate: Certificate): SignatureCheck {
  return { publicKey: authority, message: certificateInput(certificate), signature: certificate.signature };
}

function certificateInput({ identityKey, validUntil }: Pick<Certificate, 'identityKey' | 'validUntil'>): Uint8Array {
  return labelled(labels.certificate, identityKey, uint64(validUntil));
}

/** 136 secret bytes that hold an identity, for a key file. */
export function encodeIdentity(identity: Identity): Uint8Array {
  const { certificate, privateKey } = checkIdentity(identity);
  return writeCertificate(new Writer(136), certificate).bytes(privateKey, 32).finish();
}

/**
 * Throws `UsageError` (`usage.identity`) unless `bytes` are what `encodeIdentity` gives: a key file is the caller's
 * own.
 */
export function decodeIdentity(bytes: Uint8Array): Identity {
  try {
    const reader = new Reader(checkBytes('bytes', bytes), 'identity');
    const certificate = readCertificate(reader);
    const privateKey = reader.bytes(32, 'private_key');
    reader.end();
    return { certificate, privateKey };
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : 'malformed';
    throw new UsageError(
      'usage.identity',
      `these bytes hold no identity (${reason}): make one with \`veilsum keys client\``,
      { cause },
    );
  }
}
