import { checkBytes, checkInteger } from '../../core/check.js';
import { PeerError } from '../../core/errors.js';
import { pack, packedLength, unpack } from '../../ring/pack.js';
import { checkFloats } from '../../ring/quantize.js';
import { maxVectorLength, zeroVector } from '../../ring/vector.js';
import { fraction, kindSchema, parseFields } from '../spec.js';
import { checkFinite } from '../vectors.js';
import { type CompressionKind, keptOf, sameLength } from './kind.js';
import { gather, largest, scatter } from './select.js';

/**
 * The k values of greatest magnitude, with their indices. Which they are differs from client to client and tells about
 * its data, so there is nothing to mask: it is for updates in the clear. Biased; meant for error feedback (Stich et al.
 * 2018).
 *
 * On the wire: k indices of ceil(log2 d) bits each, ascending, packed as ring vectors are; then k values, IEEE 754
 * single, little-endian.
 */
export interface TopKSpec {
  readonly kind: 'top-k';
  /** k/d, above 0 up to 1; k is rounded, 1 at least. */
  readonly fraction: number;
}

export const topK: CompressionKind<TopKSpec> = {
  schema: kindSchema('top-k', { fraction: fraction() }),
  linear: false,
  additive: false,
  unbiased: (spec) => spec.fraction === 1,
  length: sameLength,
  client: (spec, values) => {
    const kept = largest(values, keptOf(spec, values.length));
    return Float32Array.from(scatter(gather(values, kept), kept, values.length));
  },
  server: (_spec, sum) => sum,
};

function indexBits(dimension: number): number {
  return Math.max(1, Math.ceil(Math.log2(dimension)));
}

/** Bytes of `count` packed places. */
export function placesLength(dimension: number, count: number): number {
  return packedLength(indexBits(dimension), count);
}

/** Ascending places below `dimension`, ceil(log2 dimension) bits each. */
export function packPlaces(dimension: number, places: Uint32Array): Uint8Array<ArrayBuffer> {
  const indices = zeroVector(indexBits(dimension), places.length);
  indices.lanes.set(places);
  return pack(indices);
}

/**
 * What `packPlaces` packed. Throws `PeerError`: `input.length`, `input.padding`, `compression.index` unless they ascend
 * and are below the dimension.
 */
export function unpackPlaces(dimension: number, count: number, packed: Uint8Array): Uint32Array {
  const places = Uint32Array.from(unpack(indexBits(dimension), count, packed).lanes);
  places.forEach((place, i) => {
    if (place >= dimension || (i > 0 && place <= (places[i - 1] as number)))
      throw new PeerError('compression.index', `index ${i} is ${place}: indices must ascend and be below ${dimension}`);
  });
  return places;
}

function checkSpec(spec: TopKSpec, dimension: number): number {
  checkInteger('dimension', dimension, 1, maxVectorLength);
  return keptOf(parseFields('compression.schema', 'compression top-k', topK.schema, spec), dimension);
}

/** Bytes that `encodeTopK` gives. Throws `UsageError` (`compression.schema`, `usage.range`). */
export function topKBytes(spec: TopKSpec, dimension: number): number {
  const count = checkSpec(spec, dimension);
  return placesLength(dimension, count) + 4 * count;
}

/**
 * Client: the k greatest of `values`, coded. Throws `UsageError` (`usage.floats`, `usage.finite`,
 * `compression.schema`).
 */
export function encodeTopK(spec: TopKSpec, values: Float32Array): Uint8Array<ArrayBuffer> {
  checkFinite('values', checkFloats('values', values), 'usage.finite', 'check the training step for divergence');
  const count = checkSpec(spec, values.length);
  const kept = largest(values, count);
  const packed = packPlaces(values.length, kept);
  const bytes = new Uint8Array(packed.length + 4 * count);
  bytes.set(packed);
  const view = new DataView(bytes.buffer, packed.length);
  gather(values, kept).forEach((value, i) => {
    view.setFloat32(4 * i, value, true);
  });
  return bytes;
}

/**
 * Server: the vector that a client coded, zero where it sent nothing. Throws `PeerError`: `input.length`,
 * `input.padding`, `compression.index` unless indices ascend and are below the dimension, `compression.value` on NaN or
 * infinity; `UsageError` as `topKBytes`.
 */
export function decodeTopK(spec: TopKSpec, dimension: number, bytes: Uint8Array): Float64Array {
  const expected = topKBytes(spec, dimension);
  if (checkBytes('bytes', bytes).length !== expected)
    throw new PeerError('input.length', `top-k input must have ${expected} bytes, got ${bytes.length}`);
  const count = checkSpec(spec, dimension);
  const packed = placesLength(dimension, count);
  const places = unpackPlaces(dimension, count, bytes.slice(0, packed));
  const view = new DataView(bytes.buffer, bytes.byteOffset + packed, 4 * count);
  const values = Float64Array.from(places, (_, i) => view.getFloat32(4 * i, true));
  values.forEach((value, i) => {
    if (!Number.isFinite(value))
      throw new PeerError('compression.value', `value ${i} is ${value}: it must be a finite number`);
  });
  return scatter(values, places, dimension);
}
