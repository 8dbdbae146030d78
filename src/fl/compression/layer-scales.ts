import * as v from 'valibot';
import { UsageError } from '../../core/errors.js';
import { maxRange, minRange } from '../../ring/quantize.js';
import { integer, kindSchema, parseFields } from '../spec.js';
import { checkFloatVector, type FloatVector } from '../vectors.js';
import { type CompressionContext, type CompressionKind, contextLacks, sameLength } from './kind.js';

/**
 * Each layer divided by its own scale, so that one range fits layers of unlike magnitudes. Scales are broadcast by the
 * server before the round, so they can't depend on what a client has; `layerScales` takes them from the last round's
 * mean.
 */
export interface LayerScalesSpec {
  readonly kind: 'layer-scales';
  /** Values of each layer, in the vector's order; they add up to its length. */
  readonly layers: readonly number[];
}

const layerList = 'an array of 1 to 4096 integers';

export const layerScalesKind: CompressionKind<LayerScalesSpec> = {
  schema: kindSchema('layer-scales', {
    layers: v.pipe(v.array(integer(1, 2 ** 28), layerList), v.minLength(1, layerList), v.maxLength(4096, layerList)),
  }),
  linear: true,
  additive: true,
  unbiased: () => true,
  length: sameLength,
  client: (spec, values, context) => {
    const scales = scalesOf(spec, context, values.length);
    return eachLayer(spec, values, (value, layer) => value / (scales[layer] as number));
  },
  server: (spec, sum, context) => {
    const scales = scalesOf(spec, context, sum.length);
    return eachLayer(spec, sum, (value, layer) => value * (scales[layer] as number));
  },
};

/**
 * Server: for each layer the least power of two that isn't below `headroom` times its greatest magnitude in `values`,
 * such as the last round's mean update: dividing by it loses nothing. A layer of zeros gets the greatest of the others'
 * scales, or 1. Throws `UsageError` (`usage.floats`, `usage.vector`, `compression.schema`).
 */
export function layerScales(spec: LayerScalesSpec, values: FloatVector, headroom = 1): Float32Array {
  parseFields('compression.schema', 'compression layer-scales', layerScalesKind.schema, spec);
  checkFloatVector('values', values, total(spec));
  const greatest = new Float64Array(spec.layers.length);
  let at = 0;
  spec.layers.forEach((size, layer) => {
    for (const value of values.subarray(at, at + size))
      greatest[layer] = Math.max(greatest[layer] as number, Math.abs(value));
    at += size;
  });
  const scales = greatest.map((value) => (value > 0 ? 2 ** Math.ceil(Math.log2(value * headroom)) : 0));
  const fallback = scales.reduce((most, scale) => Math.max(most, scale), 0) || 1;
  return Float32Array.from(scales, (scale) => Math.min(maxRange, Math.max(minRange, scale || fallback)));
}

function total({ layers }: LayerScalesSpec): number {
  return layers.reduce((sum, size) => sum + size, 0);
}

function scalesOf(spec: LayerScalesSpec, { scales }: CompressionContext, length: number): Float32Array {
  if (!(scales instanceof Float32Array) || scales.length !== spec.layers.length)
    throw contextLacks('layer-scales', `scales: a Float32Array of ${spec.layers.length}, one a layer`);
  const wrong = scales.findIndex((scale) => !(scale >= minRange && scale <= maxRange));
  if (wrong !== -1)
    throw new UsageError(
      'compression.scales',
      `context.scales[${wrong}] must be from 2^-64 to 2^64, got ${scales[wrong]}`,
    );
  if (total(spec) !== length)
    throw new UsageError('usage.vector', `layers add up to ${total(spec)} values, the vector has ${length}`);
  return scales;
}

function eachLayer<V extends FloatVector>(
  { layers }: LayerScalesSpec,
  values: V,
  change: (value: number, layer: number) => number,
): V {
  const changed = values.slice() as V;
  let at = 0;
  layers.forEach((size, layer) => {
    for (let i = at; i < at + size; i += 1) changed[i] = change(values[i] as number, layer);
    at += size;
  });
  return changed;
}
