import { performance } from 'node:perf_hooks';
import { expect, it } from 'vitest';
import { BitSource } from '../../../src/dp/samplers/bits.js';
import { coinGaussian } from '../../../src/dp/samplers/coins.js';
import { discreteGaussian } from '../../../src/dp/samplers/gaussian.js';
import { rational } from '../../../src/dp/samplers/rational.js';
import type { Draw } from '../../../src/dp/samplers/sampler.js';
import { seededRandom } from '../../../src/simulation/random.js';

const sigma = 100;
const batch = 400;
const batches = 300;

/** The words that lead to `batch` draws of one class, each recorded in full, rejected proposals and all. */
function record(draw: Draw, belongs: (size: number) => boolean, seed: number): Uint32Array {
  const random = seededRandom(seed, 'wall clock');
  const words: number[] = [];
  let taken: number[] = [];
  const source = new BitSource((length) => {
    const bytes = random(length);
    taken.push(new DataView(bytes.buffer, bytes.byteOffset, 4).getUint32(0, true));
    return bytes;
  }, 1);
  for (let kept = 0; kept < batch; ) {
    taken = [];
    if (!belongs(Math.abs(draw(source)))) continue;
    words.push(...taken);
    kept += 1;
  }
  return Uint32Array.from(words);
}

function playback(words: Uint32Array): BitSource {
  const bytes = new Uint8Array(words.buffer);
  let at = 0;
  return new BitSource((length) => {
    const part = new Uint8Array(length);
    part.set(bytes.subarray(at, at + length));
    at += length;
    return part;
  }, 4096);
}

/** The median time of a batch of large draws over that of small ones, batches of both classes taking turns. */
function ratio(draw: Draw): number {
  const times: { small: number[]; large: number[] } = { small: [], large: [] };
  const recorded = Array.from({ length: 10 }, (_, seed) => ({
    small: record(draw, (size) => size < sigma / 4, seed),
    large: record(draw, (size) => size > 2 * sigma, seed),
  }));
  for (let i = 0; i < 2 * batches; i += 1) {
    const words = recorded[i % recorded.length];
    if (words === undefined) continue;
    for (const kind of i % 2 === 0 ? (['small', 'large'] as const) : (['large', 'small'] as const)) {
      const source = playback(words[kind]);
      const start = performance.now();
      for (let j = 0; j < batch; j += 1) draw(source);
      if (i >= batches) times[kind].push(performance.now() - start);
    }
  }
  const middle = (values: number[]): number => values.sort((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
  return middle(times.large) / middle(times.small);
}

/** Loose bounds, since this is a wall clock on a busy machine: the coin algorithms, which leak, are outside. */
it('a large draw takes as long as a small one', () => {
  const fast = ratio(discreteGaussian({ variance: sigma ** 2 }).draw);
  const coins = ratio((source) => Number(coinGaussian(source, rational(sigma ** 2))));
  console.log(`time of large draws over small: ${fast.toFixed(3)}; by coins: ${coins.toFixed(3)}`);
  expect(fast).toBeGreaterThan(0.9);
  expect(fast).toBeLessThan(1.1);
  expect(coins).toBeGreaterThan(1.15);
}, 300_000);
