import { describe, expect, it } from 'vitest';
import { FixedSizeBatches, gaussian, PoissonBatches, RdpAccountant, ShuffledBatches } from '../../src/dp/index.js';

/** A small generator, for tests only. */
function seeded(seed: number): (length: number) => Uint8Array {
  let state = seed;
  return (length) =>
    Uint8Array.from({ length }, () => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      return state >>> 24;
    });
}

describe('batch samplers', () => {
  it('draws Poisson batches of the right mean size, and accounts for them', () => {
    const sampler = new PoissonBatches({ datasetSize: 20_000, samplingProbability: 0.03, random: seeded(1) });
    let total = 0;
    for (let i = 0; i < 20; i += 1) total += sampler.draw().length;
    expect(Math.abs(total / 20 - 600)).toBeLessThan(6 * Math.sqrt(582 / 20));
    const event = sampler.accountFor(gaussian({ noiseMultiplier: 1 }));
    expect(event).toMatchObject({ kind: 'poissonSampled', samplingProbability: 0.03, relation: 'addOrRemoveOne' });
    expect(new PoissonBatches({ datasetSize: 9, samplingProbability: 1, random: seeded(1) }).draw()).toHaveLength(9);
    expect(new PoissonBatches({ datasetSize: 9, samplingProbability: 0, random: seeded(1) }).draw()).toHaveLength(0);
  });

  it('draws distinct records in batches of fixed size', () => {
    const sampler = new FixedSizeBatches({ datasetSize: 50, sampleSize: 20, random: seeded(2) });
    const seen = new Array<number>(50).fill(0);
    for (let i = 0; i < 500; i += 1) {
      const batch = sampler.draw();
      expect(new Set(batch).size).toBe(20);
      for (const record of batch) seen[record] = (seen[record] ?? 0) + 1;
    }
    for (const count of seen) expect(Math.abs(count - 200)).toBeLessThan(75);
  });

  it('shuffles: every record once an epoch', () => {
    const sampler = new ShuffledBatches({ datasetSize: 23, batchSize: 5, random: seeded(3) });
    for (let epoch = 0; epoch < 3; epoch += 1) {
      const all = [0, 1, 2, 3, 4].flatMap(() => Array.from(sampler.draw()));
      expect(all.sort((a, b) => a - b)).toEqual(Array.from({ length: 23 }, (_, i) => i));
    }
  });

  it('does not let a batch of one kind be accounted as another', () => {
    const gauss = gaussian({ noiseMultiplier: 1 });
    const fixed = new FixedSizeBatches({ datasetSize: 50, sampleSize: 20, random: seeded(4) });
    // @ts-expect-error: a batch of fixed size is accounted for replaced records only.
    expect(() => fixed.accountFor(gauss)).toThrow(/replaceOne/);
    const shuffled = new ShuffledBatches({ datasetSize: 50, batchSize: 5, random: seeded(5) });
    // @ts-expect-error: shuffled batches have no event of one batch.
    expect(shuffled.accountFor).toBeUndefined();
    expect(shuffled.accountForEpoch(gauss)).toBe(gauss);
    const replaced = fixed.accountFor(gaussian({ relation: 'replaceOne', noiseMultiplier: 1 }));
    // @ts-expect-error: an accountant of another relation.
    expect(() => new RdpAccountant().compose(replaced)).toThrow(/relation/);
  });

  it('refuses sizes out of range', () => {
    const random = seeded(6);
    expect(() => new PoissonBatches({ datasetSize: 0, samplingProbability: 0.5, random })).toThrow(/datasetSize/);
    expect(() => new PoissonBatches({ datasetSize: 5, samplingProbability: 1.5, random })).toThrow(
      /samplingProbability/,
    );
    expect(() => new FixedSizeBatches({ datasetSize: 5, sampleSize: 6, random })).toThrow(/sampleSize/);
    expect(() => new ShuffledBatches({ datasetSize: 5, batchSize: 0, random })).toThrow(/batchSize/);
  });
});
