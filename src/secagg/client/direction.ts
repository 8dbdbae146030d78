import { concatBytes } from '../../core/bytes.js';
import { uint32 } from '../../crypto/labels.js';

/**
 * Which way sealed shares go, by roster indices: part of their key and of their associated data, so that nobody can
 * send them back.
 */
export function direction(sender: number, receiver: number): Uint8Array {
  return concatBytes(uint32(sender), uint32(receiver));
}
