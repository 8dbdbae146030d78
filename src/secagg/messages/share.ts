import { limits, seedLength } from '../limits.js';
import { readMessage, writeMessage } from './envelope.js';

/** ChaCha20-Poly1305 tag. */
const sealTagLength = 16;

/** Bytes of one neighbor's seed shares: mask seed, self-mask seed, then each application seed. */
export function sharesLength(applicationSeeds: number): number {
  return (2 + applicationSeeds) * seedLength;
}

/** Bytes of the same, sealed. */
export function sealedLength(applicationSeeds: number): number {
  return sharesLength(applicationSeeds) + sealTagLength;
}

/** Client to server, phase 2: seed shares, each sealed to one neighbor. */
export interface ShareMessage {
  /** Commitments to the self-mask seed and to each application seed, 32 bytes each. */
  readonly commitments: readonly Uint8Array[];
  /** By ascending index of the neighbor; all of one length. */
  readonly sealed: readonly Uint8Array[];
}

export function encodeShare(tag: Uint8Array, { commitments, sealed }: ShareMessage): Uint8Array {
  const writer = writeMessage('share', tag, 64 + commitments.length * 32 + sealed.length * (sealed[0]?.length ?? 0));
  for (const commitment of commitments) writer.bytes(commitment, 32);
  return writer.vector(sealed, limits.clients, (item, bytes) => item.bytes(bytes)).finish();
}

export function decodeShare(tag: Uint8Array, message: Uint8Array, applicationSeeds: number): ShareMessage {
  const reader = readMessage('share', tag, message);
  const commitments = Array.from({ length: 1 + applicationSeeds }, () => reader.bytes(32, 'commitments'));
  const sealed = reader.items(limits.clients, sealedLength(applicationSeeds), 'sealed');
  reader.end();
  return { commitments, sealed };
}
