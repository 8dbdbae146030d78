import { sha256 } from '#hash';
import { compareBytes, concatBytes } from '../core/bytes.js';
import { deriveKey, labelledHash } from '../crypto/kdf.js';
import { labels } from '../crypto/labels.js';
import { leafHash, MerkleTree } from '../crypto/merkle.js';
import { type NeighborGraph, neighborGraph } from './graph.js';
import { type Advertisement, advertisementBytes } from './messages/advertise.js';
import type { SessionParameters } from './parameters.js';

/**
 * What a roster is bound to: the Merkle root over its advertisements, and all its identity keys in order. A client sees
 * only its neighbors' advertisements; the keys let it check that no identity has two places. Were that possible, a
 * server could fill a sparse roster with copies of the few clients that work with it.
 *
 * @param identities 32 bytes a client
 */
export function rosterRoot(merkleRoot: Uint8Array, identities: Uint8Array): Uint8Array {
  return labelledHash(labels.roster, merkleRoot, sha256(identities));
}

/** The order of a roster: by identity key, as byte strings. */
export function byIdentityKey(a: Advertisement, b: Advertisement): number {
  return compareBytes(a.certificate.identityKey, b.certificate.identityKey);
}

/** What clients check a roster by. */
export interface RosterProofs {
  readonly tree: MerkleTree;
  /** All identity keys in order, 32 bytes a client. */
  readonly identities: Uint8Array;
  /** `rosterRoot`. */
  readonly root: Uint8Array;
}

/** The proofs of a roster, from its advertisements in order. */
export function rosterProofs(advertisements: readonly Advertisement[]): RosterProofs {
  const tree = new MerkleTree(advertisements.map((advertisement) => leafHash(advertisementBytes(advertisement))));
  const identities = concatBytes(...advertisements.map(({ certificate }) => certificate.identityKey));
  return { tree, identities, root: rosterRoot(tree.root, identities) };
}

/** The neighbor graph that a roster's root gives: nobody can choose it without choosing the root. */
export function rosterGraph(root: Uint8Array, { n, degree }: SessionParameters): NeighborGraph {
  const seed = deriveKey({ secret: root, salt: new Uint8Array(), label: labels.graph });
  return neighborGraph({ seed, n, degree });
}
