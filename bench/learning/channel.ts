/** The way of updates to the server: what a client sends, what the server makes of a round's sum, and what it costs. */

import {
  type Compression,
  type CompressionContext,
  type CompressionInput,
  compressionFrom,
  decodeTopK,
  encodeTopK,
  layerScales,
  pruningMaskOf,
  type RoundingSource,
  recoverWithResidual,
} from 'veilsum/fl';
import { seededNumbers } from 'veilsum/training';
import { addPacked, pack } from '#veilsum/ring/pack.js';
import { decodeSum, quantize, ringBitsFor } from '#veilsum/ring/quantize.js';
import { asPlain, type PlainVector, zeroVector } from '#veilsum/ring/vector.js';
import { bestRange } from './range.js';
import type { RunResult, RunSpec, Upload } from './run.js';
import { perRound } from './setting.js';
import { maskedInputBytes } from './upload-bytes.js';

export interface Channel {
  /** Bytes of one client's upload. */
  readonly bytesUp: number;
  /** A round with this model begins. */
  begin(round: number, model: Float32Array): void;
  /** A client's contribution, already times its weight. */
  add(client: number, contribution: Float32Array): void;
  /** The sum of the round's contributions, or what is left of it. */
  close(): Float64Array;
  /** After the last round. */
  findings(): Pick<RunResult, 'range' | 'scales'>;
}

export async function channelFor({ upload, seed }: RunSpec, dimension: number): Promise<Channel> {
  if (upload.kind === 'float') return new FloatChannel(dimension);
  if (upload.kind === 'top-k') return new TopKChannel(upload, dimension);
  if (upload.kind === 'calibration') return new CalibrationChannel(upload, seed, dimension);
  const compression = compressionFrom(upload.stages, dimension);
  const { bits } = integersOf(compression);
  const ringBits = ringBitsFor({ bits, maxClients: perRound, maxWeight: 1 });
  return new MaskedChannel(upload, {
    seed,
    compression,
    ringBits,
    bytesUp: await maskedInputBytes(ringBits, compression.length),
  });
}

function integersOf({ integers }: Compression): NonNullable<Compression['integers']> {
  if (integers === undefined) throw new Error('a masked upload must end in integers');
  return integers;
}

class FloatChannel implements Channel {
  readonly bytesUp: number;
  #sum: Float64Array;

  constructor(dimension: number) {
    this.bytesUp = 4 * dimension;
    this.#sum = new Float64Array(dimension);
  }

  begin(): void {
    this.#sum = new Float64Array(this.#sum.length);
  }

  add(_client: number, contribution: Float32Array): void {
    addTo(this.#sum, contribution);
  }

  close(): Float64Array {
    return this.#sum;
  }

  findings(): Pick<RunResult, 'range' | 'scales'> {
    return {};
  }
}

class TopKChannel implements Channel {
  readonly bytesUp: number;
  readonly #compression: Compression;
  readonly #spec: { readonly kind: 'top-k'; readonly fraction: number };
  readonly #residuals: Residuals;
  #sum: Float64Array;

  constructor({ fraction, feedback }: Extract<Upload, { readonly kind: 'top-k' }>, dimension: number) {
    this.#spec = { kind: 'top-k', fraction };
    const stages: readonly CompressionInput[] = [
      ...(feedback ? [{ kind: 'error-feedback' } as const] : []),
      this.#spec,
    ];
    this.#compression = compressionFrom(stages, dimension);
    this.#residuals = new Residuals(this.#compression);
    this.#sum = new Float64Array(dimension);
    this.bytesUp = encodeTopK(this.#spec, new Float32Array(dimension)).length;
  }

  begin(): void {
    this.#sum = new Float64Array(this.#sum.length);
  }

  add(client: number, update: Float32Array): void {
    // What is the same for all clients is of no use to top-k.
    const context = this.#residuals.with(client, { seed: new Uint8Array(32), round: 0 });
    const sent = this.#compression.client(update, context);
    addTo(this.#sum, decodeTopK(this.#spec, update.length, encodeTopK(this.#spec, sent)));
    this.#residuals.settle(client, { update, sent, context });
  }

  close(): Float64Array {
    return this.#sum;
  }

  findings(): Pick<RunResult, 'range' | 'scales'> {
    return {};
  }
}

/** What clients with error feedback keep from round to round; nothing for others. */
class Residuals {
  readonly #compression: Compression;
  readonly #kept = new Map<number, Float32Array>();
  readonly #used: boolean;

  constructor(compression: Compression) {
    this.#compression = compression;
    this.#used = compression.specs[0]?.kind === 'error-feedback';
  }

  with(client: number, context: CompressionContext): CompressionContext {
    if (!this.#used) return context;
    return { ...context, residual: this.#kept.get(client) ?? new Float32Array(this.#compression.dimension) };
  }

  settle(
    client: number,
    given: { readonly update: Float32Array; readonly sent: Float32Array; readonly context: CompressionContext },
  ): void {
    if (this.#used) this.#kept.set(client, this.#compression.residual({ ...given, survived: true }));
  }
}

/** What clients and server of a round agree on: the shared seed, and what was broadcast. */
class Broadcasts {
  readonly #compression: Compression;
  readonly #seed: number;
  readonly #fixedRound: boolean;
  /** Of the next round. */
  scales: Float32Array | undefined;

  constructor(
    compression: Compression,
    options: {
      readonly seed: number;
      readonly scales?: readonly number[] | undefined;
      readonly fixedRound?: boolean | undefined;
    },
  ) {
    this.#compression = compression;
    this.#seed = options.seed;
    this.#fixedRound = options.fixedRound === true;
    const layered = compression.specs.find((spec) => spec.kind === 'layer-scales');
    if (layered !== undefined) this.scales = Float32Array.from(options.scales ?? layered.layers.map(() => 1));
  }

  context(round: number, model: Float32Array): CompressionContext {
    const pruned = this.#compression.specs.find((spec) => spec.kind === 'pruning-mask');
    return {
      seed: Uint8Array.from(words(this.#seed, 'shared')(32), (word) => word & 255),
      round: this.#fixedRound ? 0 : round,
      ...(this.scales && { scales: this.scales }),
      ...(pruned && { mask: pruningMaskOf(pruned, model) }),
    };
  }

  /** The next round's scales follow from this round's mean. */
  learn(sum: Float64Array): void {
    const layered = this.#compression.specs.find((spec) => spec.kind === 'layer-scales');
    if (layered === undefined) return;
    this.scales = layerScales(
      layered,
      sum.map((value) => value / perRound),
    );
  }
}

class MaskedChannel implements Channel {
  readonly bytesUp: number;
  readonly #upload: Extract<Upload, { readonly kind: 'masked' }>;
  readonly #compression: Compression;
  readonly #broadcasts: Broadcasts;
  readonly #residuals: Residuals;
  readonly #ringBits: number;
  readonly #seed: number;
  #context: CompressionContext;
  #sum: PlainVector;
  /** In the space of sketches. */
  #residual: Float64Array;

  constructor(
    upload: Extract<Upload, { readonly kind: 'masked' }>,
    given: {
      readonly seed: number;
      readonly compression: Compression;
      readonly ringBits: number;
      readonly bytesUp: number;
    },
  ) {
    this.#upload = upload;
    this.#compression = given.compression;
    this.#broadcasts = new Broadcasts(given.compression, {
      seed: given.seed,
      scales: upload.scales,
      fixedRound: upload.serverResidual,
    });
    this.#residuals = new Residuals(given.compression);
    this.#ringBits = given.ringBits;
    this.#seed = given.seed;
    this.bytesUp = given.bytesUp;
    this.#context = { seed: new Uint8Array(32), round: 0 };
    this.#sum = asPlain(zeroVector(this.#ringBits, given.compression.length));
    this.#residual = new Float64Array(given.compression.length);
  }

  begin(round: number, model: Float32Array): void {
    this.#context = { ...this.#broadcasts.context(round, model), rounding: words(this.#seed, `rounding ${round}`) };
    this.#sum = asPlain(zeroVector(this.#ringBits, this.#compression.length));
  }

  add(client: number, update: Float32Array): void {
    const context = this.#residuals.with(client, this.#context);
    const sent = this.#compression.client(update, context);
    const vector = quantize(sent, {
      ...integersOf(this.#compression),
      weight: 1,
      rounding: new Uint32Array(sent.length), // integers already
      ringBits: this.#ringBits,
    });
    // Masks would be added here, and cancel in the sum mod 2^b, exactly.
    addPacked(this.#sum, pack(vector));
    this.#residuals.settle(client, { update, sent, context });
  }

  close(): Float64Array {
    const integers = Float64Array.from(decodeSum(this.#sum));
    const sum =
      this.#upload.serverResidual === true
        ? this.#recover(integers)
        : this.#compression.server(integers, this.#context);
    this.#broadcasts.learn(sum);
    // A vote is an answer, not a sum.
    const vote = this.#compression.specs.at(-1)?.kind === 'sign-vote';
    return vote ? sum.map((value) => value * perRound) : sum;
  }

  /** The quantizer undone, then the sketch with what was left in it. */
  #recover(integers: Float64Array): Float64Array {
    const [sketch, quantizer] = this.#compression.specs;
    if (sketch?.kind !== 'count-sketch' || quantizer === undefined) throw new Error('a residual is of a count sketch');
    const sum = compressionFrom([quantizer], integers.length).server(integers, this.#context);
    const given = { sum, residual: this.#residual, dimension: this.#compression.dimension };
    const { values, residual } = recoverWithResidual(sketch, given, this.#context);
    this.#residual = residual;
    return values;
  }

  findings(): Pick<RunResult, 'range' | 'scales'> {
    return {};
  }
}

/** Rounds whose values are looked at: every fifth, from the second, as the first has no layer scales. */
const observedEvery = 5;

class CalibrationChannel implements Channel {
  readonly bytesUp: number;
  readonly #bits: number;
  readonly #compression: Compression;
  readonly #broadcasts: Broadcasts;
  readonly #residuals: Residuals;
  readonly #observed: Float32Array[][] = [];
  #round = 0;
  #context: CompressionContext = { seed: new Uint8Array(32), round: 0 };
  #sum: Float64Array;
  #scales: readonly number[] | undefined;

  constructor({ stages, bits }: Extract<Upload, { readonly kind: 'calibration' }>, seed: number, dimension: number) {
    this.#bits = bits;
    this.#compression = compressionFrom(stages, dimension);
    this.#broadcasts = new Broadcasts(this.#compression, { seed });
    this.#residuals = new Residuals(this.#compression);
    this.bytesUp = 4 * this.#compression.length;
    this.#sum = new Float64Array(this.#compression.length);
  }

  begin(round: number, model: Float32Array): void {
    this.#round = round;
    this.#context = this.#broadcasts.context(round, model);
    this.#sum = new Float64Array(this.#compression.length);
    if (this.#observes()) this.#observed.push([]);
  }

  #observes(): boolean {
    return this.#round % observedEvery === 1;
  }

  add(client: number, update: Float32Array): void {
    const context = this.#residuals.with(client, this.#context);
    const sent = this.#compression.client(update, context);
    if (this.#observes()) this.#observed.at(-1)?.push(sent);
    addTo(this.#sum, sent);
    this.#residuals.settle(client, { update, sent, context });
  }

  close(): Float64Array {
    const sum = this.#compression.server(this.#sum, this.#context);
    this.#broadcasts.learn(sum);
    if (this.#round === 0 && this.#broadcasts.scales !== undefined) this.#scales = [...this.#broadcasts.scales];
    return sum;
  }

  findings(): Pick<RunResult, 'range' | 'scales'> {
    return { range: bestRange(this.#observed, this.#bits), ...(this.#scales && { scales: this.#scales }) };
  }
}

/** Uniform 32-bit numbers of a stream of their own. */
function words(seed: number, purpose: string): RoundingSource {
  const random = seededNumbers(seed, purpose);
  return (count) => Uint32Array.from({ length: count }, () => Math.floor(random() * 2 ** 32));
}

function addTo(sum: Float64Array, values: Float32Array | Float64Array): void {
  for (let i = 0; i < sum.length; i += 1) sum[i] = (sum[i] ?? 0) + (values[i] ?? 0);
}
