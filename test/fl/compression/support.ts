import { type Compression, type CompressionContext, pruningMaskOf } from '../../../src/fl/compression/index.js';
import { seededRandom } from '../../../src/simulation/random.js';

/** Uniform words from a seed, for rounding. */
export function roundingFrom(seed: number): (words: number) => Uint32Array {
  const random = seededRandom(seed, 'rounding');
  return (words) => {
    const bytes = random(4 * words);
    return new Uint32Array(bytes.buffer, bytes.byteOffset, words);
  };
}

/** The context of a round; the shared seed is from `seed`, the rounding of `client`'s own. */
export function contextOf(seed: number, client = 0): CompressionContext {
  return { seed: seededRandom(seed, 'shared')(32), round: seed, rounding: roundingFrom(1000 * seed + client) };
}

/** Seeded, uneven values: a few large, most small. */
export function heavyTailed(length: number, seed: number): Float32Array {
  const words = roundingFrom(seed)(length);
  return Float32Array.from(words, (word) => {
    const uniform = (word + 0.5) / 2 ** 32 - 0.5;
    return 0.01 * Math.tan(3 * uniform);
  });
}

export const sumOf = (vectors: readonly Float32Array[]): Float64Array =>
  Float64Array.from({ length: vectors[0]?.length ?? 0 }, (_, i) =>
    vectors.reduce((sum, vector) => sum + (vector[i] ?? 0), 0),
  );

/** Of most updates in these tests. */
export const dimension = 24;

export const mask = pruningMaskOf({ kind: 'pruning-mask', fraction: 0.5 }, heavyTailed(dimension, 5));
const mask75 = pruningMaskOf({ kind: 'pruning-mask', fraction: 0.75 }, heavyTailed(dimension, 5));

/** A context that has what any of the stages may ask for. */
export function contextFor({ specs }: Pick<Compression, 'specs'>, seed: number, client = 0): CompressionContext {
  const pruning = specs.find((spec) => spec.kind === 'pruning-mask');
  return {
    ...contextOf(seed, client),
    scales: Float32Array.of(4, 0.5),
    mask: pruning?.fraction === 0.75 ? mask75 : mask,
    residual: new Float32Array(dimension),
  };
}
