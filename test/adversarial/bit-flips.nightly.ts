import { describe, expect, it } from 'vitest';
import { flipAll, scenes } from '../support/flips.js';

describe.each(scenes)('$name', (scene) => {
  it('every single bit: noticed or without effect', async () => {
    const { faults, runs } = await flipAll(scene, 1);
    expect(faults).toEqual([]);
    expect(runs).toBeGreaterThan(20_000);
  }, 3_600_000);
});
