import * as v from 'valibot';
import { sha256 } from '#hash';
import { equalBytes } from '../../core/bytes.js';
import { checkBytes, checkInteger, checkNumber } from '../../core/check.js';
import { PeerError } from '../../core/errors.js';
import { pack, packedLength, unpack } from '../../ring/pack.js';
import { checkFloats, decodeSum, quantizationLimit } from '../../ring/quantize.js';
import { asPlain, maxVectorLength, zeroVector } from '../../ring/vector.js';
import { integer, kindSchema, parseSpec } from '../spec.js';
import { checkFinite, checkLength } from '../vectors.js';

/**
 * The way down: the model in few bits, or what changed since the version that a client holds. Rounding is to the
 * nearest, and what is decoded is the same bits everywhere; so the server takes the decoded model for the round's
 * model, and its hash in the session's context is right for everyone.
 *
 *     struct {
 *       opaque base_hash[32];        // delta only: SHA-256 of the base's bytes, IEEE 754 single, little-endian
 *       float scales[ceil(dimension / block)];   // IEEE 754 single, little-endian
 *       opaque integers[ceil(dimension * bits / 8)];   // packed as ring vectors are, two's complement
 *     } Download;
 *
 * Value i is integer i times the scale of block floor(i / block), in single precision; added to the base's, for a
 * delta.
 */
export type DownloadSpec =
  | {
      readonly kind: 'quantized-model';
      /** 4 to 16, sign included; 8 if not given. */
      readonly bits: number;
      /** Values with a scale of their own, 16 to 2^20; 1024 if not given. */
      readonly block: number;
    }
  | { readonly kind: 'delta'; readonly bits: number; readonly block: number };

/** What may be left out is said at each field. */
export type DownloadInput = Pick<DownloadSpec, 'kind'> & Partial<DownloadSpec>;

/** So that rounding can't leave single precision. */
const largestValue = 2 ** 126;

const fields = { bits: v.optional(integer(4, 16), 8), block: v.optional(integer(16, 2 ** 20), 1024) };

const kinds: Readonly<Record<DownloadSpec['kind'], { readonly schema: v.GenericSchema<unknown, DownloadSpec> }>> = {
  'quantized-model': { schema: kindSchema('quantized-model', fields) },
  delta: { schema: kindSchema('delta', fields) },
};

/** A download's spec from plain data. Throws `UsageError`: `download.kind`, `download.schema`. */
export function defineDownload(input: DownloadInput): DownloadSpec {
  return parseSpec<DownloadSpec>('download', kinds, input);
}

/**
 * Exact bytes of a download. Throws `UsageError` as `defineDownload`, and `usage.range` unless the dimension is from 1
 * to 2^28.
 */
export function downloadBytes(input: DownloadInput, dimension: number): number {
  const { kind, bits, block } = defineDownload(input);
  checkInteger('dimension', dimension, 1, maxVectorLength);
  return (kind === 'delta' ? 32 : 0) + 4 * Math.ceil(dimension / block) + packedLength(bits, dimension);
}

/** What the server sends, and the model that all have then. */
export interface Download {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly model: Float32Array;
}

/**
 * Server: `model` as a download; a delta is to `base`, which the client holds. Throws `UsageError`: `usage.floats`,
 * `usage.vector`, `usage.finite` `usage.range` where a value, or its difference to the base's, is beyond 2^126; and as
 * `defineDownload`.
 */
export function encodeDownload(input: DownloadInput, model: Float32Array, base?: Float32Array): Download {
  const spec = defineDownload(input);
  checkInteger('dimension', checkFloats('model', model).length, 1, maxVectorLength);
  const start = spec.kind === 'delta' ? checkBase(base, model.length) : undefined;
  const values = start === undefined ? model : model.map((value, i) => value - (start[i] as number));
  checkFinite('model', values, 'usage.finite', 'go back a checkpoint');
  for (const value of values) checkNumber('values to download', value, -largestValue, largestValue);

  const bytes = new Uint8Array(downloadBytes(spec, model.length));
  if (start !== undefined) bytes.set(hashOf(start));
  const scales = new DataView(bytes.buffer, start === undefined ? 0 : 32);
  const limit = quantizationLimit(spec.bits);
  const integers = zeroVector(spec.bits, model.length);
  for (let from = 0, block = 0; from < values.length; from += spec.block, block += 1) {
    const part = values.subarray(from, from + spec.block);
    const scale = scaleOf(part, limit);
    scales.setFloat32(4 * block, scale, true);
    if (scale > 0)
      part.forEach((value, i) => {
        integers.lanes[from + i] = Math.min(limit, Math.max(-limit, Math.round(value / scale)));
      });
  }
  bytes.set(pack(integers), bytes.length - packedLength(spec.bits, model.length));
  return { bytes, model: decodeDownload(spec, model.length, bytes, start) };
}

/**
 * Client: the model of `dimension` values in a download; a delta is added to `base`. Throws `PeerError`:
 * `download.length`, `input.padding`, `download.base` if the delta is to another version than `base`, `download.scale`,
 * `download.value` on an integer that `encodeDownload` never writes or a value that isn't finite; `UsageError` as
 * `encodeDownload`.
 */
export function decodeDownload(
  input: DownloadInput,
  dimension: number,
  bytes: Uint8Array,
  base?: Float32Array,
): Float32Array {
  const spec = defineDownload(input);
  const expected = downloadBytes(spec, dimension);
  if (checkBytes('bytes', bytes).length !== expected)
    throw new PeerError(
      'download.length',
      `a download of ${dimension} values has ${expected} bytes, got ${bytes.length}`,
    );
  const start = spec.kind === 'delta' ? checkBase(base, dimension) : undefined;
  if (start !== undefined && !equalBytes(bytes.subarray(0, 32), hashOf(start)))
    throw new PeerError('download.base', 'the delta is to another version than base: fetch the whole model');
  const packed = packedLength(spec.bits, dimension);
  const integers = decodeSum(asPlain(unpack(spec.bits, dimension, bytes.slice(expected - packed))));
  const scales = new DataView(bytes.buffer, bytes.byteOffset + (start === undefined ? 0 : 32));
  const limit = quantizationLimit(spec.bits);
  const model = new Float32Array(dimension);
  for (let i = 0; i < dimension; i += 1) {
    const scale = scales.getFloat32(4 * Math.floor(i / spec.block), true);
    const integer = integers[i] as number;
    if (!(scale >= 0 && Number.isFinite(scale)))
      throw new PeerError('download.scale', `a scale must be a finite number from 0 up, got ${scale}`);
    model[i] = (start?.[i] ?? 0) + Math.fround(integer * scale);
    if (integer < -limit || !Number.isFinite(model[i]))
      throw new PeerError('download.value', `value ${i} of the download can't be: ${integer} times ${scale}`);
  }
  return model;
}

/** The least single-precision number that the greatest magnitude is at most `limit` times of, but for rounding. */
function scaleOf(values: Float32Array, limit: number): number {
  let greatest = 0;
  for (const value of values) greatest = Math.max(greatest, Math.abs(value));
  return Math.fround(greatest / limit);
}

function checkBase(base: Float32Array | undefined, length: number): Float32Array {
  return checkLength('base', checkFloats('base', base), length);
}

function hashOf(values: Float32Array): Uint8Array {
  const bytes = new Uint8Array(4 * values.length);
  const view = new DataView(bytes.buffer);
  values.forEach((value, i) => {
    view.setFloat32(4 * i, value, true);
  });
  return sha256(bytes);
}
