import { PeerError } from '../../core/errors.js';
import { limits, seedLength } from '../limits.js';
import { readMessage, writeMessage } from './envelope.js';

/** What a client reveals of one neighbor: one of these, once. */
export type RevealKind =
  /** Nothing: the neighbor's sealed shares didn't open. */
  | 'nothing'
  /** The neighbor survived: shares of its self-mask seed and of each released application seed. */
  | 'self-mask'
  /** The neighbor dropped out: the share of its mask seed. */
  | 'mask';

const kinds: readonly RevealKind[] = ['nothing', 'self-mask', 'mask'];

export interface Reveal {
  /** Roster index of the neighbor whose seed it is. */
  readonly owner: number;
  readonly kind: RevealKind;
  /** The shares, 32 bytes each, one after another. */
  readonly shares: Uint8Array;
}

/** Client to server, phase 5: one reveal for each neighbor that shared, by ascending owner. */
export function encodeUnmask(tag: Uint8Array, reveals: readonly Reveal[]): Uint8Array {
  return writeMessage('unmask', tag, 64 + reveals.length * 48)
    .vector(reveals, limits.clients, (writer, { owner, kind, shares }) =>
      writer
        .uint32(owner)
        .uint8(kinds.indexOf(kind))
        .opaque(shares, (1 + limits.applicationSeeds) * seedLength),
    )
    .finish();
}

export function decodeUnmask(tag: Uint8Array, message: Uint8Array): readonly Reveal[] {
  const reader = readMessage('unmask', tag, message);
  const reveals = reader.vector(limits.clients, 7, 'reveals', (item) => {
    const owner = item.uint32('owner');
    const kind = kinds[item.uint8('kind')];
    if (kind === undefined) throw new PeerError('codec.malformed', 'unmask: kind is unknown');
    return { owner, kind, shares: item.opaque((1 + limits.applicationSeeds) * seedLength, 'shares') };
  });
  reader.end();
  return reveals;
}
