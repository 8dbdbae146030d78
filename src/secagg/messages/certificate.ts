import type { Reader, Writer } from '../../core/codec.js';
import { signatureLength } from '../../crypto/signature.js';

/** The enrolment authority's word that a key belongs to one enrolled device. */
export interface Certificate {
  /** Ed25519 public key that names the client, 32 bytes. */
  readonly identityKey: Uint8Array;
  /** Unix time in seconds up to which the certificate is good, inclusive. */
  readonly validUntil: number;
  /** The authority's signature, 64 bytes. */
  readonly signature: Uint8Array;
}

export function writeCertificate(writer: Writer, { identityKey, validUntil, signature }: Certificate): Writer {
  return writer.bytes(identityKey, 32).uint64(validUntil).bytes(signature, signatureLength);
}

export function readCertificate(reader: Reader): Certificate {
  return {
    identityKey: reader.bytes(32, 'identity_key'),
    validUntil: reader.uint64('valid_until'),
    signature: reader.bytes(signatureLength, 'certificate_signature'),
  };
}
