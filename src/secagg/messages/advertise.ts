import { type Reader, Writer } from '../../core/codec.js';
import { signatureLength } from '../../crypto/signature.js';
import { type Certificate, readCertificate, writeCertificate } from './certificate.js';
import { readMessage, writeMessage } from './envelope.js';

/** Client to server, phase 1: who I am and the two keys I made for this session. */
export interface Advertisement {
  readonly certificate: Certificate;
  /** X25519 key under which seed shares are sealed, 32 bytes. */
  readonly channelKey: Uint8Array;
  /** X25519 key from which pairwise masks come, 32 bytes. */
  readonly maskKey: Uint8Array;
  /** By the identity key over the context and both keys, 64 bytes. */
  readonly signature: Uint8Array;
}

/** Bytes of an encoded advertisement; it is also a leaf of the roster's Merkle tree. */
export const advertisementLength: number = 32 + 8 + 64 + 32 + 32 + 64;

export function writeAdvertisement(writer: Writer, advertisement: Advertisement): Writer {
  return writeCertificate(writer, advertisement.certificate)
    .bytes(advertisement.channelKey, 32)
    .bytes(advertisement.maskKey, 32)
    .bytes(advertisement.signature, signatureLength);
}

export function readAdvertisement(reader: Reader): Advertisement {
  return {
    certificate: readCertificate(reader),
    channelKey: reader.bytes(32, 'channel_key'),
    maskKey: reader.bytes(32, 'mask_key'),
    signature: reader.bytes(signatureLength, 'signature'),
  };
}

/** The advertisement's bytes without an envelope. */
export function advertisementBytes(advertisement: Advertisement): Uint8Array {
  return writeAdvertisement(new Writer(advertisementLength), advertisement).finish();
}

export function encodeAdvertise(tag: Uint8Array, advertisement: Advertisement): Uint8Array {
  return writeAdvertisement(writeMessage('advertise', tag, 512), advertisement).finish();
}

export function decodeAdvertise(tag: Uint8Array, message: Uint8Array): Advertisement {
  const reader = readMessage('advertise', tag, message);
  const advertisement = readAdvertisement(reader);
  reader.end();
  return advertisement;
}
