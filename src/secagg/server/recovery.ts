import { wipe } from '../../core/bytes.js';
import { AbortError, VeilsumError } from '../../core/errors.js';
import { recoverSecret } from '../../crypto/shamir/index.js';
import { seedLength } from '../limits.js';
import type { Reveal } from '../messages/unmask.js';
import { releasedSeeds } from '../survivors.js';
import type { Member, ServerEnvironment } from './phase.js';
import { checkMaskSeed, commitmentCheck, undecodable } from './recovery-checks.js';
import type { ConfirmStage } from './stages.js';

/** Seeds by the roster index of their owner. */
export interface Reconstruction {
  readonly selfMaskSeeds: ReadonlyMap<number, Uint8Array>;
  readonly maskSeeds: ReadonlyMap<number, Uint8Array>;
  /** Of survivors, by position. */
  readonly applicationSeeds: ReadonlyMap<number, ReadonlyMap<number, Uint8Array>>;
  /** Roster indices of holders that revealed a wrong share, ascending. */
  readonly cheaters: readonly number[];
}

interface Share {
  readonly holder: number;
  readonly share: Uint8Array;
  readonly holderIndex: number;
}

/**
 * Reconstructs each owner's seed from its neighbors' reveals, correcting wrong shares, and checks it against what the
 * owner published: the mask key, or the commitments. Throws `AbortError` (`unmask.few` or `unmask.undecodable`).
 */
export async function reconstruct(
  environment: ServerEnvironment,
  stage: ConfirmStage,
  reveals: ReadonlyMap<number, readonly Reveal[]>,
): Promise<Reconstruction> {
  const { context } = environment;
  const released = releasedSeeds(context.releaseAt, stage.survivors.size);
  const sharesOf = collectShares(stage, reveals);
  const selfMaskSeeds = new Map<number, Uint8Array>();
  const maskSeeds = new Map<number, Uint8Array>();
  const applicationSeeds = new Map<number, ReadonlyMap<number, Uint8Array>>();
  const cheaters = new Set<number>();
  for (const owner of stage.owners) {
    const shares = sharesOf.get(owner.index) ?? [];
    const survived = stage.survivors.has(owner.index);
    const accept = survived ? commitmentCheck(stage, owner, released) : undefined;
    const { secret, wrong } = recover(stage, owner, { shares, accept });
    for (const cheater of wrong) cheaters.add(cheater);
    if (survived) {
      selfMaskSeeds.set(owner.index, secret.slice(0, seedLength));
      const seeds = released.map(
        (position, i) => [position, secret.slice((i + 1) * seedLength, (i + 2) * seedLength)] as const,
      );
      applicationSeeds.set(owner.index, new Map(seeds));
      wipe(secret);
    } else {
      await checkMaskSeed(environment, owner, secret);
      maskSeeds.set(owner.index, secret);
    }
  }
  return { selfMaskSeeds, maskSeeds, applicationSeeds, cheaters: [...cheaters].sort((a, b) => a - b) };
}

/** Sorts reveals by owner; the holder number is the revealer's place among the owner's neighbors. */
function collectShares(
  { roster }: ConfirmStage,
  reveals: ReadonlyMap<number, readonly Reveal[]>,
): Map<number, Share[]> {
  const sharesOf = new Map<number, Share[]>();
  for (const [holderIndex, ofHolder] of reveals)
    for (const { owner, kind, shares } of ofHolder) {
      if (kind === 'nothing') continue;
      const holder = (roster.members[owner]?.neighbors.indexOf(holderIndex) ?? -1) + 1;
      const list = sharesOf.get(owner);
      const share = { holder, share: shares, holderIndex };
      if (list === undefined) sharesOf.set(owner, [share]);
      else list.push(share);
    }
  return sharesOf;
}

function recover(
  { roster }: ConfirmStage,
  owner: Member,
  {
    shares,
    accept,
  }: { readonly shares: readonly Share[]; readonly accept: ((secret: Uint8Array) => boolean) | undefined },
): { readonly secret: Uint8Array; readonly wrong: readonly number[] } {
  const { threshold } = roster.parameters;
  if (shares.length < threshold)
    throw new AbortError(
      'unmask.few',
      `${shares.length} shares of client ${owner.index}, the threshold is ${threshold}`,
    );
  try {
    const { secret, wrong } = recoverSecret(shares, threshold, accept === undefined ? {} : { accept });
    const wrongHolders = new Set(wrong);
    return {
      secret,
      wrong: shares.filter(({ holder }) => wrongHolders.has(holder)).map(({ holderIndex }) => holderIndex),
    };
  } catch (cause) {
    if (cause instanceof VeilsumError) throw undecodable(owner, cause);
    throw cause;
  }
}
