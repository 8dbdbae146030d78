/** A model in a quarter of its bytes: 8 bits a weight, for download and storage. */
import { checkBytes } from '../../core/check.js';
import { Reader, Writer } from '../../core/codec.js';
import { PeerError } from '../../core/errors.js';
import { checkFinite } from '../vectors.js';
import { checkFlat, type WeightSlot, weightCount } from './weights.js';

/** 'VQ8' and the format's version. */
const magic = [0x56, 0x51, 0x38, 1];

/** Least and most of a channel, as 32-bit floats. */
const rangeBytes = 8;

/**
 * Quantizes each channel (the last dimension: one output of a layer) of matrices and larger to 256 levels between its
 * least and largest weight (Krishnamoorthi, 2018, section 2.1); biases and the like stay 32-bit floats. No weight is
 * off by more than half a level, (most - least) / 510.
 *
 * The format, big-endian: 'VQ8', version 1, then per weight either `size` floats, or per channel least and most, then
 * `size` bytes.
 *
 * @param weights a model's flat vector, of finite numbers
 * @param layout of the same model
 * @throws UsageError `training.weights`
 */
export function exportQuantized(weights: Float32Array, layout: readonly WeightSlot[]): Uint8Array {
  checkFinite(
    'weights',
    checkFlat('weights', weights, weightCount(layout)),
    'training.weights',
    'go back a checkpoint',
  );
  const writer = new Writer(quantizedBytes(layout));
  for (const byte of magic) writer.uint8(byte);
  for (const slot of layout) {
    const values = weights.subarray(slot.offset, slot.offset + slot.size);
    if (isQuantized(slot)) writeChannels(writer, values, channelsOf(slot));
    else for (const value of values) writer.bytes(floatBytes(value));
  }
  return writer.finish();
}

/**
 * The weights of a quantized model, for `setWeights`.
 *
 * @param bytes of `exportQuantized`
 * @param layout of the model they are for
 * @throws PeerError `codec.malformed`, `quantized.version` or `quantized.range` if they aren't such a model
 */
export function importQuantized(bytes: Uint8Array, layout: readonly WeightSlot[]): Float32Array {
  const reader = new Reader(checkBytes('bytes', bytes), 'quantized model');
  for (const byte of magic)
    if (reader.uint8('magic') !== byte)
      throw new PeerError('quantized.version', 'quantized model: does not start with VQ8 and version 1');
  const weights = new Float32Array(weightCount(layout));
  for (const slot of layout) {
    const into = weights.subarray(slot.offset, slot.offset + slot.size);
    if (isQuantized(slot)) readChannels(reader, into, slot);
    else for (let i = 0; i < into.length; i++) into[i] = readFloat(reader, slot.name);
  }
  reader.end();
  return weights;
}

/** How long a quantized model is. */
export function quantizedBytes(layout: readonly WeightSlot[]): number {
  return layout.reduce(
    (sum, slot) => sum + (isQuantized(slot) ? channelsOf(slot) * rangeBytes + slot.size : 4 * slot.size),
    magic.length,
  );
}

/** A channel of few values would not become smaller. */
function isQuantized(slot: WeightSlot): boolean {
  return slot.shape.length >= 2 && slot.size > 0 && slot.size / channelsOf(slot) > 3;
}

function channelsOf({ shape }: WeightSlot): number {
  return shape.at(-1) ?? 1;
}

function writeChannels(writer: Writer, values: Float32Array, channels: number): void {
  const least = new Float32Array(channels).fill(Number.POSITIVE_INFINITY);
  const most = new Float32Array(channels).fill(Number.NEGATIVE_INFINITY);
  values.forEach((value, index) => {
    const channel = index % channels;
    least[channel] = Math.min(least[channel] ?? 0, value);
    most[channel] = Math.max(most[channel] ?? 0, value);
  });
  for (let channel = 0; channel < channels; channel++)
    writer.bytes(floatBytes(least[channel] ?? 0)).bytes(floatBytes(most[channel] ?? 0));
  writer.bytes(
    Uint8Array.from(values, (value, index) => {
      const low = least[index % channels] ?? 0;
      const span = (most[index % channels] ?? 0) - low;
      return span === 0 ? 0 : Math.round(((value - low) / span) * 255);
    }),
  );
}

function readChannels(reader: Reader, into: Float32Array, slot: WeightSlot): void {
  const channels = channelsOf(slot);
  const ranges = Array.from({ length: channels }, () => {
    const least = readFloat(reader, slot.name);
    const most = readFloat(reader, slot.name);
    if (least > most) throw new PeerError('quantized.range', `quantized model: ${slot.name} has least above most`);
    return { least, most };
  });
  const levels = reader.view(slot.size, slot.name);
  for (let i = 0; i < into.length; i++) {
    const { least, most } = ranges[i % channels] ?? { least: 0, most: 0 };
    into[i] = least + ((most - least) * (levels[i] ?? 0)) / 255;
  }
}

function floatBytes(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setFloat32(0, value);
  return bytes;
}

function readFloat(reader: Reader, field: string): number {
  const bytes = reader.view(4, field);
  const value = new DataView(bytes.buffer, bytes.byteOffset, 4).getFloat32(0);
  if (!Number.isFinite(value)) throw new PeerError('quantized.range', `quantized model: ${field} is not finite`);
  return value;
}
