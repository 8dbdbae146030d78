import { describe, expect, it } from 'vitest';
import {
  gaussian,
  RdpAccountant,
  singleTree,
  singleTreeSensitivitySquared,
  treeDepth,
  treeRestarts,
} from '../../../src/dp/index.js';

/** Every way of taking part, tried. */
function bruteForce(steps: number, maxParticipation: number, minSeparation: number): number {
  const weigh = (chosen: readonly number[]): number => {
    let sum = 0;
    for (let size = 1; size <= steps; size *= 2)
      for (let start = 0; start + size <= steps; start += size)
        sum += chosen.filter((leaf) => leaf >= start && leaf < start + size).length ** 2;
    return sum;
  };
  const extend = (chosen: readonly number[], from: number): number => {
    let best = weigh(chosen);
    if (chosen.length === maxParticipation) return best;
    for (let leaf = from; leaf < steps; leaf += 1)
      best = Math.max(best, extend([...chosen, leaf], leaf + minSeparation + 1));
    return best;
  };
  return extend([], 0);
}

describe('trees', () => {
  it('finds the worst participation that a full search finds', () => {
    for (let steps = 1; steps <= 14; steps += 1)
      for (const maxParticipation of [1, 2, 4])
        for (const minSeparation of [0, 1, 3, 6])
          expect(singleTreeSensitivitySquared({ steps, maxParticipation, minSeparation })).toBe(
            bruteForce(steps, maxParticipation, minSeparation),
          );
  });

  it('handles realistic sizes', () => {
    const value = singleTreeSensitivitySquared({ steps: 2000, maxParticipation: 6, minSeparation: 330 });
    expect(value).toBeGreaterThan(6 * 8);
    expect(value).toBeLessThan(36 * 11);
  });

  it('is a Gaussian of the summed sensitivity', () => {
    const accountant = new RdpAccountant({ relation: 'replaceSpecial' });
    const restarts = accountant.compose(treeRestarts({ noiseMultiplier: 4, stepsPerTree: [8, 8, 5] }));
    expect(treeDepth(8)).toBe(4);
    expect(restarts.rdp(3)).toBeCloseTo((3 * (4 + 4 + 3)) / 32, 12);
    const one = accountant.compose(
      singleTree({ noiseMultiplier: 4, steps: 23, maxParticipation: 2, minSeparation: 3 }),
    );
    expect(one.rdp(3)).toBeCloseTo((3 * 14) / 32, 12);
    expect(accountant.compose(gaussian({ relation: 'replaceSpecial', noiseMultiplier: 4 })).rdp(3)).toBeCloseTo(
      3 / 32,
      12,
    );
  });

  it('refuses what it has no bound for', () => {
    const relation = 'addOrRemoveOne' as 'replaceOne';
    expect(() => treeRestarts({ relation, noiseMultiplier: 1, stepsPerTree: [3] })).toThrow(/missing record/);
    expect(() => treeRestarts({ noiseMultiplier: 1, stepsPerTree: [0] })).toThrow(/stepsPerTree/);
    expect(() => singleTreeSensitivitySquared({ steps: 2 ** 24, maxParticipation: 1e4, minSeparation: 1e3 })).toThrow(
      /too large/,
    );
  });
});
