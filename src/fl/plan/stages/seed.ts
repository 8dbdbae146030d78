import { sha256 } from '#hash';
import { concatBytes } from '../../../core/bytes.js';
import { checkBytes, checkInteger } from '../../../core/check.js';
import { UsageError } from '../../../core/errors.js';
import { labelBytes, uint32 } from '../../../crypto/labels.js';
import type { PlanFields } from '../fields.js';

/**
 * The public randomness of a round: 32 bytes, the same for all of its clients and cohorts, and other ones in each
 * round.
 */
export function publicSeed(round: {
  readonly planHash: Uint8Array;
  readonly modelHash: Uint8Array;
  readonly round: number;
}): Uint8Array {
  const number = uint32(checkInteger('round', round.round, 0, 0xffffffff));
  const [plan, model] = [checkBytes('planHash', round.planHash, 32), checkBytes('modelHash', round.modelHash, 32)];
  return sha256(concatBytes(labelBytes('veilsum/2 public seed'), plan, model, number));
}

/** `seed`, which a plan that rotates or compresses can't do without. Throws `UsageError` (`usage.options`). */
export function seedFor({ rotate, compress }: PlanFields, seed: Uint8Array | undefined): Uint8Array {
  if (seed === undefined)
    throw new UsageError(
      'usage.options',
      `options.publicSeed is missing: the plan draws from it (rotate ${rotate.kind}, compress ${compress.kind})`,
    );
  return checkBytes('options.publicSeed', seed, 32);
}
