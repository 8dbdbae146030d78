import { wipe } from '../core/bytes.js';
import { checkInteger } from '../core/check.js';
import { InternalError } from '../core/errors.js';
import { agreeAll } from '../crypto/agreement.js';
import type { CryptoProvider } from '../crypto/provider/provider.js';
import type { SuiteId } from '../crypto/suite.js';
import { type Lanes, laneBitsFor } from '../kernels/lanes.js';
import { zeroVector } from '../ring/vector.js';
import { pairwiseMask, selfMask, wipeStreams } from './masking.js';
import { maskPrivateKey } from './seeds.js';

/**
 * What it takes to compute the masks that are left in a sum: plain data, so that a worker thread can have a part of it.
 * The parts' results add up.
 */
export interface MaskRemoval {
  readonly suite: SuiteId;
  readonly contextHash: Uint8Array;
  readonly frozenHash: Uint8Array;
  readonly ringBits: number;
  readonly vectorLength: number;
  /** Survivors with their self-mask seeds. */
  readonly selfMasks: readonly { readonly index: number; readonly seed: Uint8Array }[];
  /** Dropouts with their mask seeds and the mask keys of the surviving neighbors. */
  readonly dropouts: readonly {
    readonly index: number;
    readonly seed: Uint8Array;
    readonly neighbors: readonly { readonly index: number; readonly maskKey: Uint8Array }[];
  }[];
}

/**
 * The negative of all masks left in a sum, as `vectorLength` lanes of the least size that holds `ringBits`: added to
 * the masked sum, it gives the sum of inputs. Takes the time of `removalCost`.
 *
 * @throws UsageError for a suite, ring or length out of range
 * @throws InternalError (`recovery.key`) for a mask key of low order, which no roster can hold
 */
export async function removeMasks(removal: MaskRemoval, provider: CryptoProvider): Promise<Lanes> {
  const { suite, frozenHash, ringBits, vectorLength } = removal;
  const { lanes } = zeroVector(ringBits, vectorLength);
  const binding = { suite, frozenHash };
  const streams = removal.selfMasks.map(({ index, seed }) => selfMask(binding, index, seed, true));
  await provider.expander.accumulate(suite, lanes, streams);
  wipeStreams(streams);
  for (const { index, seed, neighbors } of removal.dropouts) {
    const privateKey = maskPrivateKey(removal.contextHash, seed);
    const shared = await agreeAll(
      provider,
      privateKey,
      neighbors.map(({ maskKey }) => maskKey),
    );
    // A survivor's side of the pair is in the sum; adding the dropout's own side cancels it.
    const pairs = neighbors.map((neighbor, i) => {
      const secret = shared[i];
      if (secret === undefined) throw new InternalError('recovery.key', 'a mask key in the roster has low order');
      return pairwiseMask(binding, index, neighbor.index, secret);
    });
    await provider.expander.accumulate(suite, lanes, pairs);
    wipeStreams(pairs);
    wipe(privateKey);
    for (const secret of shared) if (secret !== undefined) wipe(secret);
  }
  return lanes;
}

/** What it costs to derive a mask's key, and to agree on a pair's secret, in bytes of key stream made in that time. */
const derivationCost = 2 ** 15;
const agreementCost = 2 ** 18;

/** About what a removal of such masks costs, in bytes of key stream: 3 GB take a second. */
export function removalCost(
  { ringBits, vectorLength }: Pick<MaskRemoval, 'ringBits' | 'vectorLength'>,
  masks: number,
  pairs = 0,
): number {
  const mask = (vectorLength * laneBitsFor(ringBits)) / 8 + derivationCost;
  return masks * mask + pairs * (mask + agreementCost);
}

/**
 * Splits a removal into up to `parts` (1 to 1024) of about equal work; throws `UsageError` (`usage.range`) for another
 * number.
 */
export function splitRemoval(removal: MaskRemoval, parts: number): readonly MaskRemoval[] {
  checkInteger('parts', parts, 1, 1024);
  const { selfMasks, dropouts } = removal;
  const items = [
    ...selfMasks.map((selfMask) => ({ cost: removalCost(removal, 1), selfMask })),
    ...dropouts.map((dropout) => ({ cost: removalCost(removal, 0, dropout.neighbors.length), dropout })),
  ].sort((a, b) => b.cost - a.cost);
  const bins = Array.from({ length: parts }, () => ({ cost: 0, items: [] as (typeof items)[number][] }));
  for (const item of items) {
    const lightest = bins.reduce((least, bin) => (bin.cost < least.cost ? bin : least));
    lightest.items.push(item);
    lightest.cost += item.cost;
  }
  return bins
    .filter((bin) => bin.items.length > 0)
    .map((bin) => ({
      ...removal,
      selfMasks: bin.items.flatMap((item) => ('selfMask' in item ? [item.selfMask] : [])),
      dropouts: bin.items.flatMap((item) => ('dropout' in item ? [item.dropout] : [])),
    }));
}
