import { concatBytes } from '../core/bytes.js';
import { labelled, labels, uint32 } from '../crypto/labels.js';
import type { CryptoProvider } from '../crypto/provider/provider.js';

export interface InputDigest {
  readonly frozenHash: Uint8Array;
  /** Roster index of the client whose input it is. */
  readonly index: number;
  /** Roster indices of the neighbors it masked with, ascending: those whose sealed shares it was delivered. */
  readonly maskedWith: readonly number[];
  /** The whole packed masked input. */
  readonly packed: Uint8Array;
}

/**
 * What a client signs at the end of *input*, so that no byte of an upload can change on the way; and that it masked with just
 * those neighbors that the server holds to have shared, since a pairwise mask that only one side adds would stay in the sum.
 */
export function inputDigest(provider: CryptoProvider, input: InputDigest): Uint8Array {
  const { frozenHash, index, maskedWith, packed } = input;
  const neighbors = provider.sha256(concatBytes(...maskedWith.map(uint32)));
  return labelled(labels.input, frozenHash, uint32(index), neighbors, provider.sha256(packed));
}
