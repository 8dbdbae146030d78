import { concatBytes, wipe } from '../../core/bytes.js';
import { PeerError } from '../../core/errors.js';
import { agreeAll } from '../../crypto/agreement.js';
import { deriveKey } from '../../crypto/kdf.js';
import { labels } from '../../crypto/labels.js';
import type { CryptoProvider } from '../../crypto/provider/provider.js';
import { coefficientLength, splitSecret } from '../../crypto/shamir/index.js';
import type { SealedShares } from '../messages/delivery.js';
import { type ShareMessage, sharesLength } from '../messages/share.js';
import { seedCommitment } from '../seeds.js';
import { direction } from './direction.js';
import type { ClientRoster } from './roster.js';
import { type ClientSecrets, expandSeed } from './secrets.js';

/** The two keys of a client with one neighbor: one for each direction, so that nothing can be reflected. */
export interface ChannelKeys {
  readonly send: Uint8Array;
  readonly receive: Uint8Array;
}

/** Channel keys in the order of `roster.neighbors`; throws `PeerError` (`roster.key`) for a key of low order. */
export async function channelKeys(
  provider: CryptoProvider,
  secrets: ClientSecrets,
  roster: ClientRoster,
): Promise<readonly ChannelKeys[]> {
  const publicKeys = roster.neighbors.map(({ advertisement }) => advertisement.channelKey);
  const shared = await agreeAll(provider, secrets.channelPrivateKey, publicKeys);
  return roster.neighbors.map(({ index }, i) => {
    const secret = shared[i];
    if (secret === undefined) throw new PeerError('roster.key', `the channel key of neighbor ${index} has low order`);
    const key = (from: number, to: number): Uint8Array =>
      deriveKey({ secret, salt: roster.frozenHash, label: labels.channel, info: [direction(from, to)] });
    const keys = { send: key(roster.index, index), receive: key(index, roster.index) };
    wipe(secret);
    return keys;
  });
}

/** Splits all seeds in one go and seals each neighbor's shares to it (phase *share*). */
export async function shareSeeds(
  provider: CryptoProvider,
  {
    secrets,
    roster,
    keys,
  }: { readonly secrets: ClientSecrets; readonly roster: ClientRoster; readonly keys: readonly ChannelKeys[] },
): Promise<ShareMessage> {
  const { frozenHash, index, parameters } = roster;
  const committed = [secrets.selfMaskSeed, ...secrets.applicationSeeds];
  const secret = concatBytes(secrets.maskSeed, ...committed);
  const coefficients = new Uint8Array(coefficientLength(secret.length, parameters.threshold));
  await expandSeed(
    provider,
    { seed: secrets.coefficientSeed, salt: frozenHash, label: labels.coefficients },
    coefficients,
  );
  const shares = splitSecret(secret, { threshold: parameters.threshold, holders: keys.length, coefficients });
  const sealed = roster.neighbors.map((neighbor, i) =>
    provider.seal({
      key: keys[i]?.send ?? new Uint8Array(),
      associatedData: concatBytes(frozenHash, direction(index, neighbor.index)),
      data: shares[i] ?? new Uint8Array(),
    }),
  );
  wipe(secret, coefficients, ...shares, ...keys.map(({ send }) => send));
  return { commitments: committed.map((seed, position) => seedCommitment(frozenHash, index, position, seed)), sealed };
}

/**
 * Seed shares that a client holds, by the roster index of their owner. A neighbor whose shares don't open is kept with
 * `undefined`: its pairwise mask still counts, but nothing of it can be revealed.
 */
export type HeldShares = ReadonlyMap<number, Uint8Array | undefined>;

/** Opens what neighbors sealed; throws `PeerError` (`delivery.order` or `delivery.few`). */
export function openShares(
  provider: CryptoProvider,
  deliveries: readonly SealedShares[],
  {
    roster,
    keys,
    applicationSeeds,
  }: { readonly roster: ClientRoster; readonly keys: readonly ChannelKeys[]; readonly applicationSeeds: number },
): HeldShares {
  const positions = new Map(roster.neighbors.map(({ index }, i) => [index, i]));
  const held = new Map<number, Uint8Array | undefined>();
  let before = -1;
  for (const { sender, sealed } of deliveries) {
    const key = keys[positions.get(sender) ?? -1]?.receive;
    if (key === undefined || sender <= before)
      throw new PeerError('delivery.order', `shares of ${sender}: not a neighbor, or not in ascending order`);
    before = sender;
    const opened = provider.open({
      key,
      associatedData: concatBytes(roster.frozenHash, direction(sender, roster.index)),
      data: sealed,
    });
    held.set(sender, opened?.length === sharesLength(applicationSeeds) ? opened : undefined);
  }
  if (held.size < roster.parameters.threshold)
    throw new PeerError(
      'delivery.few',
      `${held.size} neighbors shared, the threshold is ${roster.parameters.threshold}`,
    );
  return held;
}
