import { move } from 'piscina';
import { defaultProvider } from '#provider';
import { wipe } from '../core/bytes.js';
import type { Lanes } from '../kernels/lanes.js';
import { type MaskRemoval, removeMasks } from '../secagg/mask-removal.js';

/**
 * What a thread of the pool runs: one part of a removal, or nothing, to be started. The seeds are this thread's copies.
 */
export async function removePart(removal: MaskRemoval | undefined): Promise<Lanes> {
  if (removal === undefined) return new Uint8Array(0);
  const lanes = await removeMasks(removal, defaultProvider);
  wipe(...[...removal.selfMasks, ...removal.dropouts].map(({ seed }) => seed));
  // Handed over, not copied; a vector of the size of the model.
  return move(lanes) as unknown as Lanes;
}
