import { Reader, Writer } from '../../core/codec.js';
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
  const bytes = reader.bytes(advertisementLength, 'advertisement');
  const fields = new Reader(bytes, 'advertisement');
  const advertisement = {
    certificate: readCertificate(fields),
    channelKey: fields.view(32, 'channel_key'),
    maskKey: fields.view(32, 'mask_key'),
    signature: fields.view(signatureLength, 'signature'),
  };
  encoded.set(advertisement, bytes);
  return advertisement;
}

/** Their bytes, of which there is one form only: a client hashes, and a server sends, what was read as it was. */
const encoded = new WeakMap<Advertisement, Uint8Array>();

/** The advertisement's bytes without an envelope; not to be changed. */
export function advertisementBytes(advertisement: Advertisement): Uint8Array {
  let bytes = encoded.get(advertisement);
  if (bytes === undefined) {
    bytes = writeAdvertisement(new Writer(advertisementLength), advertisement).finish();
    encoded.set(advertisement, bytes);
  }
  return bytes;
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
