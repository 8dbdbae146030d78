import * as v from 'valibot';
import { choice, fraction, kindSchema } from '../spec.js';
import { type CompressionContext, type CompressionKind, keptOf } from './kind.js';
import { gather, scatter } from './select.js';
import { sharedIntegers } from './shared.js';

/**
 * A random part of the coordinates, the same for all clients: drawn from the shared seed, so no index is sent (Konecny
 * et al. 2016, random masks). The server puts zeros in the other places, and either scales up by d/k, which is
 * unbiased, or keeps the values, which suits error feedback: what wasn't sent comes later, unscaled.
 */
export interface RandomKSpec {
  readonly kind: 'random-k';
  /** k/d, above 0 up to 1; k is rounded, 1 at least. */
  readonly fraction: number;
  /** `unbiased` if not given. */
  readonly scaling: 'unbiased' | 'keep';
}

export const randomK: CompressionKind<RandomKSpec> = {
  schema: kindSchema('random-k', {
    fraction: fraction(),
    scaling: v.optional(choice('unbiased', 'keep'), 'unbiased'),
  }),
  linear: true,
  additive: true,
  unbiased: (spec) => spec.scaling === 'unbiased' || spec.fraction === 1,
  length: keptOf,
  client: (spec, values, context) => gather(values, chosen(keptOf(spec, values.length), values.length, context)),
  server: (spec, sum, context, dimension) => {
    const factor = spec.scaling === 'unbiased' ? dimension / sum.length : 1;
    return scatter(sum, chosen(sum.length, dimension, context), dimension, factor);
  },
};

/**
 * A uniform set of `count` of the indices below `length`, ascending: Floyd's algorithm (Bentley and Floyd 1987), for
 * what is chosen or for what isn't, whichever is less.
 */
function chosen(count: number, length: number, context: CompressionContext): Uint32Array {
  const below = sharedIntegers(context, 'randomK');
  const marked = new Uint8Array(length);
  const marks = Math.min(count, length - count);
  for (let top = length - marks; top < length; top += 1) {
    const drawn = below(top + 1);
    marked[marked[drawn] === 0 ? drawn : top] = 1;
  }
  const wanted = marks === count ? 1 : 0;
  const indices = new Uint32Array(count);
  let filled = 0;
  for (let i = 0; i < length; i += 1) {
    if (marked[i] !== wanted) continue;
    indices[filled] = i;
    filled += 1;
  }
  return indices;
}
