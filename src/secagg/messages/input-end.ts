import { signatureLength } from '../../crypto/signature.js';
import { readMessage, writeMessage } from './envelope.js';

/** Client to server, end of phase 3: the identity key's signature over the hash of the whole packed input. */
export function encodeInputEnd(tag: Uint8Array, signature: Uint8Array): Uint8Array {
  return writeMessage('inputEnd', tag).bytes(signature, signatureLength).finish();
}

export function decodeInputEnd(tag: Uint8Array, message: Uint8Array): Uint8Array {
  const reader = readMessage('inputEnd', tag, message);
  const signature = reader.bytes(signatureLength, 'signature');
  reader.end();
  return signature;
}
