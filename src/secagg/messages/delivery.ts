import { limits } from '../limits.js';
import { readMessage, writeMessage } from './envelope.js';
import { sealedLength } from './share.js';

export interface SealedShares {
  /** Roster index of the neighbor that sealed them. */
  readonly sender: number;
  readonly sealed: Uint8Array;
}

/** Server to client, end of phase 2: what each neighbor that shared sealed to the receiver, by ascending sender. */
export function encodeDelivery(tag: Uint8Array, deliveries: readonly SealedShares[]): Uint8Array {
  return writeMessage('delivery', tag, 64 + deliveries.length * (4 + (deliveries[0]?.sealed.length ?? 0)))
    .vector(deliveries, limits.clients, (writer, { sender, sealed }) => writer.uint32(sender).bytes(sealed))
    .finish();
}

export function decodeDelivery(
  tag: Uint8Array,
  message: Uint8Array,
  applicationSeeds: number,
): readonly SealedShares[] {
  const reader = readMessage('delivery', tag, message);
  const length = sealedLength(applicationSeeds);
  const deliveries = reader.vector(limits.clients, 4 + length, 'deliveries', (item) => ({
    sender: item.uint32('sender'),
    sealed: item.bytes(length, 'sealed'),
  }));
  reader.end();
  return deliveries;
}
