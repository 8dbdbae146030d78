import { describe, expect, it } from 'vitest';
import { treeDepth } from '../../../src/dp/accounting/tree.js';
import { clipIndicator, nextClip, updateNoiseMultiplier } from '../../../src/dp/mechanisms/adaptive-clip.js';
import { TreeAggregator } from '../../../src/dp/mechanisms/tree.js';
import { discreteGaussian } from '../../../src/dp/samplers/gaussian.js';
import { seededRandom } from '../../../src/simulation/random.js';
import { moments } from '../samplers/statistics.js';

const tree = (variance: number, dimension = 4000): TreeAggregator =>
  new TreeAggregator({ dimension, sampler: discreteGaussian({ variance }), random: seededRandom(5, 'tree') });

describe('tree aggregation', () => {
  it('gives prefix sums', () => {
    const quiet = tree(1e-9, 2);
    const sums = [1, 2, 3, 4, 5].map((round) => [...quiet.add(Int32Array.of(round, -round))]);
    expect(sums).toEqual([1, 3, 6, 10, 15].map((sum) => [sum, -sum]));
  });

  it('has the noise of as many nodes as the round number has ones', () => {
    const noisy = tree(100);
    for (let round = 1; round <= 16; round += 1) {
      const ones = round.toString(2).replaceAll('0', '').length;
      const { variance } = moments(noisy.add(new Int32Array(4000)));
      expect(variance / (100 * ones)).toBeGreaterThan(0.9);
      expect(variance / (100 * ones)).toBeLessThan(1.1);
    }
  });

  it('uses a node again as long as it is part of the prefix', () => {
    const noisy = tree(100);
    const at = [1, 2, 3, 4].map(() => noisy.add(new Int32Array(4000)));
    const difference = (a: number, b: number) => moments((at[a] ?? []).map((value, i) => value - (at[b]?.[i] ?? 0)));
    expect(difference(2, 1).variance / 100).toBeCloseTo(1, 0); // round 3 = node of 1-2 and its own
    expect(difference(3, 2).variance / 300).toBeCloseTo(1, 0); // round 4 = a fresh root
  });

  it('restarts honestly: completes the tree, keeps its root noise, counts its leaves', () => {
    const noisy = tree(100);
    for (let round = 0; round < 5; round += 1) noisy.add(new Int32Array(4000).fill(1));
    const released = noisy.restart();
    expect(moments(released).variance / 100).toBeCloseTo(1, 0);
    expect(noisy.record).toEqual({ leaves: [8] });
    const next = noisy.add(new Int32Array(4000).fill(1));
    const { mean, variance } = moments(next.map((value, i) => value - (released[i] ?? 0)));
    expect(mean).toBeCloseTo(1, 0);
    expect(variance / 100).toBeCloseTo(1, 0);
    expect(noisy.record).toEqual({ leaves: [8, 1] });
    noisy.restart();
    noisy.restart();
    expect(noisy.record).toEqual({ leaves: [8, 1] });
  });

  it('counts the nodes above a leaf', () => {
    expect([1, 2, 3, 4, 85, 1002, 1024].map(treeDepth)).toEqual([1, 2, 2, 3, 7, 10, 11]);
  });

  it('refuses what is no integer, another length and another type, and is unchanged', () => {
    const quiet = tree(1e-9, 2);
    const codes = (value: unknown, code: string) =>
      expect(() => quiet.add(value as Int32Array)).toThrow(expect.objectContaining({ code }));
    codes(Float64Array.of(1, 0.5), 'usage.finite');
    codes(Float64Array.of(1, Number.NaN), 'usage.finite');
    codes(Int32Array.of(1), 'usage.vector');
    codes([1, 2], 'usage.integers');
    expect(quiet.record).toEqual({ leaves: [] });
    expect([...quiet.add(Int32Array.of(1, 1))]).toEqual([1, 1]);
    expect(() => tree(1, 0)).toThrow(expect.objectContaining({ code: 'usage.range' }));
    expect(() => treeDepth(0)).toThrow(expect.objectContaining({ code: 'usage.range' }));
  });
});

describe('adaptive clipping', () => {
  const update = { clip: 1, indicatorSum: 0, survivors: 100, quantile: 0.5, rate: 0.2, least: 1e-6, most: 1e6 };

  it('finds the quantile of the norms, through a noisy count', () => {
    // Norms from 0 to 10, uniform: the median is 5.
    const random = seededRandom(6, 'clip');
    const noise = new Int32Array(1);
    let clip = 0.1;
    for (let round = 0; round < 200; round += 1) {
      discreteGaussian({ variance: 100 }).fill(noise, random);
      let indicatorSum = noise[0] ?? 0;
      for (let client = 0; client < 100; client += 1) indicatorSum += clipIndicator({ norm: client / 10, clip });
      clip = nextClip({ ...update, clip, indicatorSum });
    }
    expect(clip).toBeGreaterThan(4);
    expect(clip).toBeLessThan(6);
  });

  it('moves by the rate at most, stays in its limits, and takes any noise', () => {
    expect(nextClip({ ...update, indicatorSum: 1e9 })).toBeCloseTo(Math.exp(-0.1), 12);
    expect(nextClip({ ...update, indicatorSum: -1e9 })).toBeCloseTo(Math.exp(0.1), 12);
    expect(nextClip({ ...update, indicatorSum: -1e9, most: 1.01 })).toBe(1.01);
    expect(nextClip({ ...update })).toBe(1);
  });

  it('splits the budget as the paper does', () => {
    const both = updateNoiseMultiplier({ noiseMultiplier: 1, indicatorDeviation: 10 });
    expect(1 / both ** 2 + 1 / 100).toBeCloseTo(1, 14);
    expect(() => updateNoiseMultiplier({ noiseMultiplier: 1, indicatorDeviation: 1 })).toThrow(
      expect.objectContaining({ code: 'dp.infeasible' }),
    );
  });

  it.each([
    ['NaN norm', () => clipIndicator({ norm: Number.NaN, clip: 1 })],
    ['a clip of zero', () => clipIndicator({ norm: 1, clip: 0 })],
    ['no survivors', () => nextClip({ ...update, survivors: 0 })],
    ['a quantile above one', () => nextClip({ ...update, quantile: 2 })],
    ['a sum that is no number', () => nextClip({ ...update, indicatorSum: Number.NaN })],
    ['limits the wrong way round', () => nextClip({ ...update, least: 2, most: 1 })],
  ])('refuses %s', (_, call) => {
    expect(call).toThrow(expect.objectContaining({ code: 'usage.range' }));
  });
});
