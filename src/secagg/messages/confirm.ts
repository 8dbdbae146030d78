import { signatureLength } from '../../crypto/signature.js';
import { readMessage, writeMessage } from './envelope.js';

/** Client to server, phase 4: the identity key's signature over the survivors. */
export function encodeConfirm(tag: Uint8Array, signature: Uint8Array): Uint8Array {
  return writeMessage('confirm', tag).bytes(signature, signatureLength).finish();
}

export function decodeConfirm(tag: Uint8Array, message: Uint8Array): Uint8Array {
  const reader = readMessage('confirm', tag, message);
  const signature = reader.bytes(signatureLength, 'signature');
  reader.end();
  return signature;
}
