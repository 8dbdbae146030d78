/** What a second worker thread gives the server: the same masks computed by one thread and by two, in turns. */

import { defaultProvider } from 'veilsum/crypto';
import type { MaskRemoval } from 'veilsum/secagg';
import { removeMasks } from '#veilsum/secagg/mask-removal.js';
import { MaskPool } from '#veilsum/server/pool.js';
import type { Choice } from './choice.js';
import { type Measurement, quickest } from './measurement.js';

const repeats = 5;

/** Self masks of 10^6 values of 32 bits: 4 MB of key stream each. */
function removalOf(masks: number): MaskRemoval {
  return {
    suite: 1,
    contextHash: new Uint8Array(32),
    frozenHash: new Uint8Array(32),
    ringBits: 32,
    vectorLength: 1_000_000,
    selfMasks: Array.from({ length: masks }, (_, index) => ({ index, seed: new Uint8Array(32).fill(index % 256) })),
    dropouts: [],
  };
}

export async function* threadBenches(choice: Choice): AsyncGenerator<Measurement> {
  const loads = [
    { name: 'server/threads2', masks: 600 },
    { name: 'server/threads2-m200', masks: 200 },
  ].filter(({ name }) => choice.has(name));
  if (loads.length === 0) return;
  const pool = new MaskPool(2);
  try {
    for (const { name, masks } of loads) {
      const removal = removalOf(masks);
      await pool.expect(masks, removal); // as a server does while its clients train
      const { one, two } = await quickest(
        repeats,
        () => removeMasks(removal, defaultProvider),
        () => pool.removeMasks(removal),
      );
      const against = `one thread, ${masks} masks of 10^6 values of 32 bits`;
      yield { name, value: two, unit: 's', ratio: one / two, against };
    }
  } finally {
    await pool.close();
  }
}
