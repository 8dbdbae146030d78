/**
 * What docs/compression.md compares: lists of stages, and what they cost and lose on the same updates, through a real
 * ring.
 */
import {
  type Compression,
  type CompressionContext,
  type CompressionInput,
  type CompressionSpec,
  compressionFrom,
  type DownloadInput,
  decodeTopK,
  downloadBytes,
  encodeDownload,
  encodeTopK,
  layerScales,
  pruningMaskOf,
  wireBytes,
} from '../src/fl/compression/index.js';
import { decodeSum, quantize, ringBitsFor } from '../src/ring/quantize.js';
import { addInto, asPlain, zeroVector } from '../src/ring/vector.js';
import { seededRandom } from '../src/simulation/random.js';

export const clients = 10;
/** Three layers whose updates are of unlike magnitudes. */
export const layers: readonly number[] = [16_000, 3900, 100];
export const dimension: number = layers.reduce((sum, size) => sum + size, 0);
const magnitudes = [0.01, 0.04, 0.3];
export const rounds = 10;

/** A list of stages; `bits` stands for a last quantizer with the least range that clamps nothing. */
export interface Scheme {
  readonly name: string;
  readonly stages: readonly CompressionInput[];
  readonly bits?: number;
}

const layered: CompressionInput = { kind: 'layer-scales', layers };
const feedback: CompressionInput = { kind: 'error-feedback' };

export const schemes: readonly Scheme[] = [
  { name: 'quantize, 16 bits', stages: [], bits: 16 },
  { name: 'quantize, 8 bits', stages: [], bits: 8 },
  { name: 'quantize, 4 bits', stages: [], bits: 4 },
  { name: 'rotate, 8 bits', stages: [{ kind: 'rotate' }], bits: 8 },
  { name: 'rotate, 4 bits', stages: [{ kind: 'rotate' }], bits: 4 },
  { name: 'rotate with padding, 4 bits', stages: [{ kind: 'rotate', pad: true }], bits: 4 },
  { name: 'layer scales, 8 bits', stages: [layered], bits: 8 },
  { name: 'layer scales, 4 bits', stages: [layered], bits: 4 },
  { name: 'layer scales, rotate, 4 bits', stages: [layered, { kind: 'rotate' }], bits: 4 },
  { name: 'random 75%, rotate, 4 bits', stages: [{ kind: 'random-k', fraction: 0.75 }, { kind: 'rotate' }], bits: 4 },
  { name: 'random 10%, 8 bits', stages: [{ kind: 'random-k', fraction: 0.1 }], bits: 8 },
  {
    name: 'random 10% with error feedback, 8 bits',
    stages: [feedback, { kind: 'random-k', fraction: 0.1, scaling: 'keep' }],
    bits: 8,
  },
  { name: 'pruning mask 50%, 8 bits', stages: [{ kind: 'pruning-mask', fraction: 0.5 }], bits: 8 },
  {
    name: 'count sketch 5 x 512, top 200, 8 bits',
    stages: [{ kind: 'count-sketch', rows: 5, columns: 512, top: 200 }],
    bits: 8,
  },
  { name: 'sign vote', stages: [layered, { kind: 'sign-vote', magnitude: 0.02 }] },
  { name: 'top 5% (no masking)', stages: [{ kind: 'top-k', fraction: 0.05 }] },
  { name: 'top 5% with error feedback (no masking)', stages: [feedback, { kind: 'top-k', fraction: 0.05 }] },
];

export const downloads: readonly { readonly name: string; readonly spec: DownloadInput }[] = [
  { name: 'quantized model, 8 bits', spec: { kind: 'quantized-model', bits: 8 } },
  { name: 'quantized model, 16 bits', spec: { kind: 'quantized-model', bits: 16 } },
  { name: 'delta, 4 bits', spec: { kind: 'delta', bits: 4 } },
  { name: 'delta, 8 bits', spec: { kind: 'delta', bits: 8 } },
];

/** Uniform 32-bit numbers of a stream of their own. */
export function words(purpose: string): (count: number) => Uint32Array {
  const random = seededRandom('compression', purpose);
  return (count) => {
    const bytes = random(4 * count);
    return new Uint32Array(bytes.buffer, bytes.byteOffset, count);
  };
}

/**
 * Heavy-tailed values: a random sign and the square of an exponential variable, over its standard deviation, times each
 * layer's magnitude.
 */
function draw(purpose: string): Float32Array {
  const uniform = Float64Array.from(words(purpose)(dimension), (word) => (word + 0.5) / 2 ** 32);
  let at = 0;
  const scale = layers.flatMap((size, layer) => new Array<number>(size).fill(magnitudes[layer] ?? 1));
  return Float32Array.from(uniform, (u) => {
    const tail = 2 * Math.min(u, 1 - u);
    const value = (Math.sign(u - 0.5) * Math.log(tail) ** 2 * (scale[at] ?? 0)) / Math.sqrt(24);
    at += 1;
    return value;
  });
}

/** Each client's update: what all have in common, and as much of its own. */
const common = draw('common');
export const updates: readonly Float32Array[] = Array.from({ length: clients }, (_, client) => {
  const own = draw(`client ${client}`);
  return common.map((value, i) => value + (own[i] ?? 0));
});
const trueMean = Float64Array.from({ length: dimension }, (_, i) => mean(updates.map((update) => update[i] ?? 0)));
const lastModel = draw('model').map((value) => 10 * value);

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** |got - wanted|^2 / |wanted|^2, of the whole vector and as the mean over the layers. */
export interface RelativeError {
  readonly whole: number;
  readonly layers: number;
}

function relativeError(got: Float64Array, wanted: Float64Array): RelativeError {
  const squares = (values: Float64Array): number => values.reduce((sum, value) => sum + value * value, 0);
  const off = got.map((value, i) => value - (wanted[i] ?? 0));
  let at = 0;
  const each = layers.map((size) => {
    at += size;
    return squares(off.subarray(at - size, at)) / squares(wanted.subarray(at - size, at));
  });
  return { whole: squares(off) / squares(wanted), layers: mean(each) };
}

export function contextOf(round: number, client: number, specs: readonly CompressionSpec[]): CompressionContext {
  const scaled = specs.find((spec) => spec.kind === 'layer-scales');
  const pruned = specs.find((spec) => spec.kind === 'pruning-mask');
  return {
    seed: seededRandom('compression', 'shared')(32),
    round,
    rounding: words(`rounding ${round} ${client}`),
    // What a server knows before the round: the last mean, here what the updates have in common.
    ...(scaled && { scales: layerScales(scaled, common, 1) }),
    ...(pruned && { mask: pruningMaskOf(pruned, lastModel) }),
  };
}

/**
 * The whole compression of a scheme; with `bits`, its quantizer's range is the least that clamps none of the clients'
 * values.
 */
export function withQuantizer({ stages, bits }: Scheme): Compression {
  if (bits === undefined) return compressionFrom(stages, dimension);
  const before = compressionFrom(stages, dimension);
  let range = 0;
  for (let round = 0; round < 2; round += 1)
    updates.forEach((update, client) => {
      const context = { ...contextOf(round, client, before.specs), residual: new Float32Array(dimension) };
      for (const value of before.client(update, context)) range = Math.max(range, Math.abs(value));
    });
  // Residuals add to what is sent.
  const room = stages.includes(feedback) ? rounds : 1;
  return compressionFrom([...stages, { kind: 'quantize', bits, range: range * room }], dimension);
}

/** Bits of a ring element for the scheme's clients; 32 where nothing is masked. */
export function ringBitsOf({ integers }: Compression): number {
  return integers === undefined ? 32 : ringBitsFor({ bits: integers.bits, maxClients: clients, maxWeight: 1 });
}

function sumOf(compression: Compression, sent: readonly Float32Array[]): Float64Array {
  const { integers, specs } = compression;
  const last = specs.at(-1);
  if (last?.kind === 'top-k') {
    const sum = new Float64Array(dimension);
    for (const values of sent)
      decodeTopK(last, dimension, encodeTopK(last, values)).forEach((value, i) => {
        sum[i] = (sum[i] ?? 0) + value;
      });
    return sum;
  }
  if (integers === undefined) throw new Error('a masked scheme must end in integers');
  const ringBits = ringBitsOf(compression);
  const sum = asPlain(zeroVector(ringBits, compression.length));
  const rounding = new Uint32Array(compression.length);
  for (const values of sent) addInto(sum, quantize(values, { ...integers, weight: 1, rounding, ringBits }));
  return Float64Array.from(decodeSum(sum));
}

export interface UploadCost {
  readonly name: string;
  readonly linear: boolean;
  readonly unbiased: boolean;
  /** Values that are sent, bits of each, bytes of a client's upload, and that over float32's. */
  readonly values: number;
  readonly ringBits: number;
  readonly bytes: number;
  readonly share: number;
}

/** Bytes are of the masked vector alone; they don't depend on the updates. */
export function uploadCost(scheme: Scheme): UploadCost {
  const { stages, bits } = scheme;
  const list: readonly CompressionInput[] =
    bits === undefined ? stages : [...stages, { kind: 'quantize', bits, range: 1 }];
  const compression = compressionFrom(list, dimension);
  const ringBits = ringBitsOf(compression);
  const bytes = wireBytes(list, dimension, ringBits);
  const { length, unbiased } = compression;
  const linear = compressionFrom(
    stages.filter(({ kind }) => kind !== 'error-feedback'),
    dimension,
  ).linear;
  const last = compression.specs.at(-1);
  const values = last?.kind === 'top-k' ? Math.round(last.fraction * dimension) : length;
  return { name: scheme.name, linear, unbiased, values, ringBits, bytes, share: bytes / (4 * dimension) };
}

/**
 * Relative squared error of the mean of the updates: after one round, and of the average over `rounds` rounds of the
 * same updates.
 */
export function uploadError(scheme: Scheme): { readonly once: RelativeError; readonly averaged: RelativeError } {
  const compression = withQuantizer(scheme);
  let residuals = updates.map((): Float32Array => new Float32Array(dimension));
  const total = new Float64Array(dimension);
  let once: RelativeError = { whole: Number.NaN, layers: Number.NaN };
  const withFeedback = compression.specs[0]?.kind === 'error-feedback';
  for (let round = 0; round < rounds; round += 1) {
    const contexts = updates.map((_, client) => ({
      ...contextOf(round, client, compression.specs),
      residual: residuals[client] ?? new Float32Array(dimension),
    }));
    const [first] = contexts;
    if (first === undefined) throw new Error('no clients');
    const sent = updates.map((update, client) => compression.client(update, contexts[client] ?? first));
    const got = compression.server(sumOf(compression, sent), first).map((value) => value / divisor(compression));
    if (round === 0) once = relativeError(got, trueMean);
    got.forEach((value, i) => {
      total[i] = (total[i] ?? 0) + value / rounds;
    });
    if (withFeedback)
      residuals = updates.map((update, client) =>
        compression.residual({
          update,
          sent: sent[client] ?? update,
          context: contexts[client] ?? first,
          survived: true,
        }),
      );
  }
  return { once, averaged: relativeError(total, trueMean) };
}

/** A vote is an answer, not a sum. */
function divisor({ specs }: Compression): number {
  return specs.at(-1)?.kind === 'sign-vote' ? 1 : clients;
}

export interface DownloadCost {
  readonly name: string;
  readonly bytes: number;
  readonly share: number;
}

export function downloadCost({ name, spec }: (typeof downloads)[number]): DownloadCost {
  const bytes = downloadBytes(spec, dimension);
  return { name, bytes, share: bytes / (4 * dimension) };
}

/** Squared error of the model that clients hold then, over the squared norm of the round's change. */
export function downloadError({ spec }: (typeof downloads)[number]): number {
  const next = lastModel.map((value, i) => value + (trueMean[i] ?? 0));
  const { model } = encodeDownload(spec, next, lastModel);
  const change = trueMean.reduce((sum, value) => sum + value * value, 0);
  return model.reduce((sum, value, i) => sum + (value - (next[i] ?? 0)) ** 2, 0) / change;
}
