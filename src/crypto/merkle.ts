import { InternalError, PeerError } from '../core/errors.js';
import { labelledHash } from './kdf.js';
import { labels } from './labels.js';

/**
 * Merkle trees shaped as in RFC 9162 section 2.1 (the left subtree holds the largest power of two of leaves below the
 * count), with labelled hashes, and one proof for several leaves at once: the roots of all subtrees that hold none of
 * them, from left to right. For every leaf of the tree that proof is empty.
 */

/** The hash of the leaf with these bytes. */
export function leafHash(leaf: Uint8Array): Uint8Array {
  return labelledHash(labels.rosterLeaf, leaf);
}

function nodeHash(left: Uint8Array, right: Uint8Array): Uint8Array {
  return labelledHash(labels.rosterNode, left, right);
}

/** Leaves of the left subtree of `size` leaves: the largest power of two below `size`. */
function leftSize(size: number): number {
  return 2 ** Math.floor(Math.log2(size - 1));
}

/** All nodes of a tree over leaf hashes, so that many proofs can be read off it. */
export class MerkleTree {
  readonly size: number;
  readonly #nodes = new Map<number, Uint8Array>();

  /** `leaves`: at least one leaf hash. */
  constructor(leaves: readonly Uint8Array[]) {
    if (leaves.length === 0) throw new InternalError('merkle.empty', 'a Merkle tree needs a leaf');
    this.size = leaves.length;
    this.#build(leaves, 0, leaves.length);
  }

  get root(): Uint8Array {
    return this.#node(0, this.size);
  }

  /** The proof for the leaves at `indices` (ascending, distinct). */
  prove(indices: readonly number[]): Uint8Array[] {
    const proof: Uint8Array[] = [];
    const walk = (start: number, size: number, from: number, to: number): void => {
      if (from === to) proof.push(this.#node(start, size));
      else if (size > 1) {
        const left = leftSize(size);
        const middle = lowerBound(indices, start + left, from, to);
        walk(start, left, from, middle);
        walk(start + left, size - left, middle, to);
      }
    };
    walk(0, this.size, 0, indices.length);
    return proof;
  }

  #build(leaves: readonly Uint8Array[], start: number, size: number): Uint8Array {
    const leaf = leaves[start];
    if (leaf === undefined) throw new InternalError('merkle.range', 'a subtree lies outside the tree');
    const left = leftSize(size);
    const hash =
      size === 1 ? leaf : nodeHash(this.#build(leaves, start, left), this.#build(leaves, start + left, size - left));
    this.#nodes.set(this.#key(start, size), hash);
    return hash;
  }

  #node(start: number, size: number): Uint8Array {
    const hash = this.#nodes.get(this.#key(start, size));
    if (hash === undefined) throw new InternalError('merkle.range', 'a subtree lies outside the tree');
    return hash;
  }

  #key(start: number, size: number): number {
    return start * (this.size + 1) + size;
  }
}

export interface ProvenLeaf {
  readonly index: number;
  readonly hash: Uint8Array;
}

/**
 * The root of a tree of `size` leaves that holds `leaves` (ascending by index, distinct, below `size`), given a proof
 * for just them. Throws `PeerError` (`merkle.proof`) when the proof has too few or too many hashes.
 */
export function rootFromProof(size: number, leaves: readonly ProvenLeaf[], proof: readonly Uint8Array[]): Uint8Array {
  const indices = leaves.map(({ index }) => index);
  let used = 0;
  const walk = (start: number, count: number, from: number, to: number): Uint8Array => {
    if (from === to) {
      const hash = proof[used];
      if (hash === undefined) throw new PeerError('merkle.proof', 'the roster proof has too few hashes');
      used += 1;
      return hash;
    }
    const leaf = leaves[from];
    if (count === 1 && leaf !== undefined) return leaf.hash;
    const left = leftSize(count);
    const middle = lowerBound(indices, start + left, from, to);
    return nodeHash(walk(start, left, from, middle), walk(start + left, count - left, middle, to));
  };
  const root = walk(0, size, 0, leaves.length);
  if (used !== proof.length) throw new PeerError('merkle.proof', 'the roster proof has too many hashes');
  return root;
}

/** The first position in [from, to) of the ascending `values` whose value is at least `bound`, else `to`. */
function lowerBound(values: readonly number[], bound: number, from: number, to: number): number {
  let low = from;
  let high = to;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((values[middle] ?? 0) < bound) low = middle + 1;
    else high = middle;
  }
  return low;
}
