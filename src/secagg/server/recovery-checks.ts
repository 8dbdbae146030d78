import { equalBytes, wipe } from '../../core/bytes.js';
import { AbortError, InternalError } from '../../core/errors.js';
import { seedLength } from '../limits.js';
import { maskPrivateKey, seedCommitment } from '../seeds.js';
import type { Member, ServerEnvironment } from './phase.js';
import type { ConfirmStage } from './stages.js';

/** The abort that a seed leads to which isn't what its owner published. */
export function undecodable(owner: Member, cause?: unknown): AbortError {
  return new AbortError(
    'unmask.undecodable',
    `the shares of client ${owner.index} give no seed that it published: it dealt wrong ones, or too many holders lie`,
    { cause },
  );
}

/**
 * Whether a reconstructed self-mask seed, followed by the released application seeds, is what the owner committed to.
 */
export function commitmentCheck(
  stage: ConfirmStage,
  owner: Member,
  released: readonly number[],
): (secret: Uint8Array) => boolean {
  const commitments = stage.sharers.get(owner.index)?.commitments ?? [];
  const { frozenHash } = stage.roster;
  const positions = [0, ...released.map((position) => position + 1)];
  return (secret) =>
    positions.every((position, i) => {
      const commitment = commitments[position];
      if (commitment === undefined) throw new InternalError('share.commitments', 'a commitment is missing');
      const seed = secret.subarray(i * seedLength, (i + 1) * seedLength);
      return equalBytes(seedCommitment(frozenHash, owner.index, position, seed), commitment);
    });
}

/**
 * Throws `AbortError` (`unmask.undecodable`) unless a reconstructed mask seed gives the mask key that its owner
 * advertised.
 */
export async function checkMaskSeed(
  { contextHash, provider }: ServerEnvironment,
  owner: Member,
  seed: Uint8Array,
): Promise<void> {
  const privateKey = maskPrivateKey(contextHash, seed);
  const maskKey = await provider.agreementPublicKey(privateKey);
  wipe(privateKey);
  if (!equalBytes(maskKey, owner.advertisement.maskKey)) throw undecodable(owner);
}
