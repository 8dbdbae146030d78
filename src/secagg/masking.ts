import { wipe } from '../core/bytes.js';
import { deriveKey } from '../crypto/kdf.js';
import { type Label, labels, uint32 } from '../crypto/labels.js';
import type { MaskStream } from '../crypto/prg/expander.js';
import { prgSizes, type SuiteId } from '../crypto/suite.js';

/** Forgets what masks were made from, once they are. */
export function wipeStreams(streams: readonly MaskStream[]): void {
  for (const { key, nonce } of streams) wipe(key, nonce);
}

/** What every mask of a session is bound to. */
export interface MaskBinding {
  readonly suite: SuiteId;
  /** Hash of context, roster and parameters. */
  readonly frozenHash: Uint8Array;
}

interface StreamInput {
  readonly secret: Uint8Array;
  readonly label: Label;
  readonly info: readonly Uint8Array[];
  readonly subtract: boolean;
}

function maskStream({ suite, frozenHash }: MaskBinding, { secret, label, info, subtract }: StreamInput): MaskStream {
  const { key, nonce } = prgSizes[suite];
  const okm = deriveKey({ secret, salt: frozenHash, label, info, length: key + nonce });
  return { key: okm.subarray(0, key), nonce: okm.subarray(key), subtract };
}

/**
 * The self mask of the client `index`, expanded from its self-mask seed; clients add it and the server subtracts it.
 */
export function selfMask(binding: MaskBinding, index: number, seed: Uint8Array, subtract: boolean): MaskStream {
  return maskStream(binding, { secret: seed, label: labels.selfMask, info: [uint32(index)], subtract });
}

/**
 * The mask that client `own` adds for its neighbor `other`, from their X25519 secret: added by the one of lower index
 * and subtracted by the other, so that it cancels in the sum.
 */
export function pairwiseMask(binding: MaskBinding, own: number, other: number, secret: Uint8Array): MaskStream {
  const info = [uint32(Math.min(own, other)), uint32(Math.max(own, other))];
  return maskStream(binding, { secret, label: labels.pairwiseMask, info, subtract: own > other });
}
