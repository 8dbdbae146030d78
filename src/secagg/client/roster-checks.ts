import { compareBytes, equalBytes } from '../../core/bytes.js';
import { InternalError, PeerError } from '../../core/errors.js';
import { leafHash, rootFromProof } from '../../crypto/merkle.js';
import { addDistinct } from '../advertisement.js';
import { advertisementBytes } from '../messages/advertise.js';
import type { RosterEntry, RosterMessage } from '../messages/roster.js';
import { byIdentityKey, rosterGraph, rosterRoot } from '../roster.js';

/**
 * Throws `PeerError` unless indices and identity keys ascend together (`roster.order`) and no key stands twice
 * (`advertise.duplicate`).
 */
export function checkOrder(entries: readonly RosterEntry[], n: number): void {
  const keys = new Set<string>();
  for (const [i, { index, advertisement }] of entries.entries()) {
    const before = entries[i - 1];
    if (index >= n) throw new PeerError('roster.order', `entry ${index} lies outside a roster of ${n}`);
    if (before !== undefined && before.index >= index)
      throw new PeerError('roster.order', 'the entries are not in ascending order');
    addDistinct(keys, advertisement);
    if (before !== undefined && byIdentityKey(before.advertisement, advertisement) >= 0)
      throw new PeerError('roster.order', 'the roster is not in the order of its identity keys');
  }
}

/**
 * Throws `PeerError` (`roster.identities`) unless the roster's identity keys ascend, so that none has two places, and
 * each entry's is the one at its index.
 */
export function checkIdentities({ parameters, identities, entries }: RosterMessage): void {
  const at = (index: number): Uint8Array => identities.subarray(32 * index, 32 * index + 32);
  for (let index = 1; index < parameters.n; index += 1)
    if (compareBytes(at(index - 1), at(index)) >= 0)
      throw new PeerError(
        'roster.identities',
        `the identity keys do not ascend at ${index}: an identity has one place`,
      );
  for (const { index, advertisement } of entries)
    if (!equalBytes(at(index), advertisement.certificate.identityKey))
      throw new PeerError('roster.identities', `entry ${index} has another identity key than the roster lists`);
}

/** Throws `PeerError` unless the entries are under the root: `roster.root`, `roster.self` or `merkle.proof`. */
export function checkProof({ parameters, root, identities, entries, proof }: RosterMessage): void {
  if (entries.length === 0) throw new PeerError('roster.self', 'the roster has no entry');
  const leaves = entries.map(({ index, advertisement }) => ({
    index,
    hash: leafHash(advertisementBytes(advertisement)),
  }));
  if (!equalBytes(rosterRoot(rootFromProof(parameters.n, leaves, proof), identities), root))
    throw new PeerError('roster.root', 'the entries are not those under the roster root');
}

/** Throws `PeerError` (`roster.neighbors`) unless the neighbors are those that the graph under the root gives `own`. */
export function checkNeighbors(
  own: number,
  neighbors: readonly RosterEntry[],
  { root, parameters }: RosterMessage,
): void {
  const expected = rosterGraph(root, parameters).neighborsOf(own);
  if (expected.length !== parameters.degree)
    throw new InternalError('graph.degree', 'a neighbor graph of another degree');
  if (neighbors.length !== expected.length || neighbors.some(({ index }, i) => index !== expected[i]))
    throw new PeerError('roster.neighbors', 'the neighbors are not those that the roster root gives');
}
