import { signatureLength } from '../../crypto/signature.js';
import { limits } from '../limits.js';
import { readMessage, writeMessage } from './envelope.js';

export interface Confirmation {
  /** Roster index of the neighbor that signed. */
  readonly index: number;
  readonly signature: Uint8Array;
}

/** Server to client, phase 5: the signatures of the receiver's neighbors over the survivors, by ascending index. */
export function encodeConfirmations(tag: Uint8Array, confirmations: readonly Confirmation[]): Uint8Array {
  return writeMessage('confirmations', tag, 64 + confirmations.length * 68)
    .vector(confirmations, limits.clients, (writer, { index, signature }) =>
      writer.uint32(index).bytes(signature, signatureLength),
    )
    .finish();
}

export function decodeConfirmations(tag: Uint8Array, message: Uint8Array): readonly Confirmation[] {
  const reader = readMessage('confirmations', tag, message);
  const confirmations = reader.vector(limits.clients, 68, 'confirmations', (item) => ({
    index: item.uint32('index'),
    signature: item.bytes(signatureLength, 'signature'),
  }));
  reader.end();
  return confirmations;
}
