import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { equalBytes } from '../../src/core/bytes.js';
import { InternalError, PeerError } from '../../src/core/errors.js';
import { labelled, labels } from '../../src/crypto/labels.js';
import { leafHash, MerkleTree, type ProvenLeaf, rootFromProof } from '../../src/crypto/merkle.js';

const allLeaves = Array.from({ length: 300 }, (_, i) => leafHash(Uint8Array.of(i >>> 8, i)));
const leavesOf = (n: number): Uint8Array[] => allLeaves.slice(0, n);

const trees = new Map<number, MerkleTree>();

/** The tree over `leavesOf(n)`, built once. */
function treeOf(n: number): MerkleTree {
  const tree = trees.get(n) ?? new MerkleTree(leavesOf(n));
  trees.set(n, tree);
  return tree;
}

/** RFC 9162 section 2.1.1, written out: MTH(D[n]) with k the largest power of two below n. */
function treeHash(leaves: readonly Uint8Array[]): Uint8Array {
  const [first] = leaves;
  if (first === undefined) throw new Error('no leaf');
  if (leaves.length === 1) return first;
  let k = 1;
  while (2 * k < leaves.length) k *= 2;
  const node = labelled(labels.rosterNode, treeHash(leaves.slice(0, k)), treeHash(leaves.slice(k)));
  return new Uint8Array(createHash('sha256').update(node).digest());
}

/** A tree of up to 300 leaves, and some of its indices. */
const cases = fc.integer({ min: 1, max: 300 }).chain((n) =>
  fc.record({
    n: fc.constant(n),
    indices: fc
      .uniqueArray(fc.integer({ min: 0, max: n - 1 }), { minLength: 1, maxLength: Math.min(n, 40) })
      .map((list) => list.sort((a, b) => a - b)),
  }),
);

const proven = (leaves: readonly Uint8Array[], indices: readonly number[]): ProvenLeaf[] =>
  indices.map((index) => ({ index, hash: leaves[index] as Uint8Array }));

/** Whether a proof is accepted for a root; an error must be the peer's. */
function accepts(root: Uint8Array, n: number, leaves: readonly ProvenLeaf[], proof: readonly Uint8Array[]): boolean {
  try {
    return equalBytes(rootFromProof(n, leaves, proof), root);
  } catch (error) {
    expect(error).toBeInstanceOf(PeerError);
    expect(error).toMatchObject({ code: 'merkle.proof' });
    return false;
  }
}

describe('MerkleTree', () => {
  it('has the root of RFC 9162 for every size up to 70, and more up to 300', () => {
    for (let n = 1; n <= 300; n += n < 70 ? 1 : 7) {
      const leaves = leavesOf(n);
      expect(treeOf(n).root).toEqual(treeHash(leaves));
    }
  });

  it('needs a leaf', () => {
    expect(() => new MerkleTree([])).toThrow(InternalError);
  });

  it('tells leaves from nodes: a node given as a leaf has another hash', () => {
    const [a, b] = leavesOf(2) as [Uint8Array, Uint8Array];
    const node = Buffer.concat([a, b]);
    expect(equalBytes(leafHash(node), new MerkleTree([a, b]).root)).toBe(false);
  });
});

describe('proofs', () => {
  it('for any leaves give the root', () => {
    fc.assert(
      fc.property(cases, ({ n, indices }) => {
        const leaves = leavesOf(n);
        const tree = treeOf(leaves.length);
        expect(rootFromProof(n, proven(leaves, indices), tree.prove(indices))).toEqual(tree.root);
      }),
    );
  });

  it('for all leaves are empty, for none the root itself', () => {
    for (const n of [1, 2, 3, 7, 64, 100, 300]) {
      const leaves = leavesOf(n);
      const tree = treeOf(leaves.length);
      const all = leaves.map((_, i) => i);
      expect(tree.prove(all)).toEqual([]);
      expect(rootFromProof(n, proven(leaves, all), [])).toEqual(tree.root);
      expect(tree.prove([])).toEqual([tree.root]);
    }
  });

  it('for one leaf have at most log2(n) hashes, rounded up', () => {
    for (const n of [1, 2, 3, 100, 257, 300])
      for (let i = 0; i < n; i += 1) expect(treeOf(n).prove([i]).length).toBeLessThanOrEqual(Math.ceil(Math.log2(n)));
  });

  it('forged in any way are refused', () => {
    fc.assert(
      fc.property(cases, fc.nat(), fc.nat({ max: 255 }), ({ n, indices }, pick, bit) => {
        const leaves = leavesOf(n);
        const tree = treeOf(leaves.length);
        const proof = tree.prove(indices);
        const given = proven(leaves, indices);
        const at = pick % given.length;
        const flip = (bytes: Uint8Array): Uint8Array =>
          bytes.map((byte, i) => (i === bit >>> 3 ? byte ^ (1 << (bit & 7)) : byte));
        const place = <T>(list: readonly T[], i: number, change: (item: T) => T): T[] =>
          list.map((item, j) => (i === j ? change(item) : item));
        const reject = (size: number, some: readonly ProvenLeaf[], hashes: readonly Uint8Array[]): void =>
          expect(accepts(tree.root, size, some, hashes)).toBe(false);
        reject(
          n,
          place(given, at, (leaf) => ({ ...leaf, hash: flip(leaf.hash) })),
          proof,
        );
        reject(n, given, [...proof, tree.root]);
        if (proof.length > 0) {
          reject(n, given, place(proof, pick % proof.length, flip));
          reject(n, given, proof.slice(1));
          reject(n, given, proof.slice(0, -1));
          if (given.length > 1) reject(n, given.slice(1), proof);
        }
        if (proof.length > 1) reject(n, given, [...proof].reverse());
      }),
    );
  });

  it("don't tell the size: it is the frozen hash that does", () => {
    // Leaf 0 of 193 and of 194 leaves: the difference lies within one hash of the proof.
    const leaves = leavesOf(193);
    const tree = treeOf(leaves.length);
    expect(accepts(tree.root, 194, proven(leaves, [0]), tree.prove([0]))).toBe(true);
    expect(accepts(tree.root, 128, proven(leaves, [0]), tree.prove([0]))).toBe(false);
  });

  it('of one index are none of another', () => {
    for (const n of [2, 3, 5, 8, 13, 64, 65]) {
      const leaves = leavesOf(n);
      const tree = treeOf(leaves.length);
      for (let i = 0; i < n; i += 1)
        for (let j = 0; j < n; j += 1)
          expect(accepts(tree.root, n, [{ index: j, hash: leaves[i] as Uint8Array }], tree.prove([i]))).toBe(i === j);
    }
  });

  it('of random hashes are refused', () => {
    fc.assert(
      fc.property(
        cases,
        fc.array(fc.uint8Array({ minLength: 32, maxLength: 32 }), { maxLength: 60 }),
        ({ n, indices }, proof) => {
          const leaves = leavesOf(n);
          const { root } = treeOf(n);
          const honest = proof.length === 0 && indices.length === n;
          expect(accepts(root, n, proven(leaves, indices), proof)).toBe(honest);
        },
      ),
    );
  });
});
