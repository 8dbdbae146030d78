import { concatBytes } from '../../core/bytes.js';
import { PeerError } from '../../core/errors.js';
import type { CryptoProvider } from '../../crypto/provider/provider.js';
import { verifyAll } from '../../crypto/signature.js';
import { seedLength } from '../limits.js';
import type { Confirmation } from '../messages/confirmations.js';
import type { Outcome } from '../messages/outcome.js';
import type { Reveal } from '../messages/unmask.js';
import { confirmInput, releasedSeeds, type Survivors } from '../survivors.js';
import type { ClientRoster } from './roster.js';
import type { HeldShares } from './sharing.js';

export interface SurvivorChecks {
  readonly roster: ClientRoster;
  readonly held: HeldShares;
  readonly minSurvivors: number;
}

/**
 * Throws `PeerError` (`survivors.self`, `.few`, `.unknown` or `.neighbors`) if a client must not confirm the survivors.
 */
export function checkSurvivors(survivors: Survivors, { roster, held, minSurvivors }: SurvivorChecks): void {
  const { threshold } = roster.parameters;
  if (!survivors.has(roster.index))
    throw new PeerError('survivors.self', 'the survivors leave out this client, whose input was sent');
  if (survivors.size < minSurvivors)
    throw new PeerError('survivors.few', `${survivors.size} survivors, the policy wants at least ${minSurvivors}`);
  const surviving = roster.neighbors.filter(({ index }) => survivors.has(index));
  const stranger = surviving.find(({ index }) => !held.has(index));
  if (stranger !== undefined)
    throw new PeerError('survivors.unknown', `neighbor ${stranger.index} survived without having shared its seeds`);
  if (surviving.length < threshold)
    throw new PeerError('survivors.neighbors', `${surviving.length} neighbors survived, the threshold is ${threshold}`);
}

/**
 * Throws `PeerError` unless at least t surviving neighbors signed the same survivors (`confirmations.few`), in
 * ascending order (`confirmations.order`). A signature that doesn't fit counts as missing.
 */
export async function checkConfirmations(
  provider: CryptoProvider,
  confirmations: readonly Confirmation[],
  { roster, survivors }: { readonly roster: ClientRoster; readonly survivors: Survivors },
): Promise<void> {
  const neighbors = new Map(roster.neighbors.map(({ index, advertisement }) => [index, advertisement]));
  const message = confirmInput(roster.frozenHash, survivors);
  const checks = confirmations.map(({ index, signature }, i) => {
    const publicKey = neighbors.get(index)?.certificate.identityKey;
    if (publicKey === undefined || !survivors.has(index) || index <= (confirmations[i - 1]?.index ?? -1))
      throw new PeerError('confirmations.order', `confirmation of ${index}: not a surviving neighbor, or out of order`);
    return { publicKey, message, signature };
  });
  const { threshold } = roster.parameters;
  let valid = 0;
  // Verifying costs more than anything else in this phase, and t signatures are enough.
  for (let next = 0; valid < threshold && next < checks.length; ) {
    const some = checks.slice(next, next + threshold - valid);
    next += some.length;
    valid += (await verifyAll(provider, some)).filter(Boolean).length;
  }
  if (valid < threshold)
    throw new PeerError(
      'confirmations.few',
      `${valid} neighbors confirmed these survivors, the threshold is ${threshold}`,
    );
}

/**
 * Throws `PeerError` (`outcome.survived`) for an outcome that this client knows to be untrue: that an input is in the
 * sum which it never `submitted`, or anything but what it `confirmed`, that many survivors, itself included.
 */
export function checkOutcome(
  { survived, survivors }: Outcome,
  { submitted, confirmed }: { readonly submitted: boolean; readonly confirmed: number | undefined },
): void {
  if (survived && !submitted)
    throw new PeerError('outcome.survived', 'the server says that an input is in the sum which was never sent');
  if (confirmed !== undefined && !(survived && survivors === confirmed))
    throw new PeerError(
      'outcome.survived',
      `this client confirmed ${confirmed} survivors, itself included; the server now says otherwise`,
    );
}

/** One reveal for each neighbor that shared, by ascending index: either kind of seed share, never both. */
export function revealsFor(held: HeldShares, survivors: Survivors, releaseAt: readonly number[]): readonly Reveal[] {
  const released = releasedSeeds(releaseAt, survivors.size);
  return [...held].map(([owner, shares]): Reveal => {
    if (shares === undefined) return { owner, kind: 'nothing', shares: new Uint8Array() };
    const part = (i: number): Uint8Array => shares.subarray(i * seedLength, (i + 1) * seedLength);
    if (!survivors.has(owner)) return { owner, kind: 'mask', shares: part(0).slice() };
    return {
      owner,
      kind: 'self-mask',
      shares: concatBytes(part(1), ...released.map((position) => part(2 + position))),
    };
  });
}
