import { checkInteger, checkOptions } from '../../core/check.js';
import { UsageError } from '../../core/errors.js';
import { packedLength } from '../../ring/pack.js';
import { checkFloats } from '../../ring/quantize.js';
import { maxVectorLength } from '../../ring/vector.js';
import { parseSpec } from '../spec.js';
import { checkDoubles, checkFinite, checkLength } from '../vectors.js';
import { type CountSketchSpec, countSketch } from './count-sketch.js';
import { type ErrorFeedbackSpec, errorFeedback } from './error-feedback.js';
import type { CompressionContext, CompressionKind } from './kind.js';
import { type LayerScalesSpec, layerScalesKind } from './layer-scales.js';
import { type PruningMaskSpec, pruningMask } from './pruning-mask.js';
import { type QuantizeSpec, quantize } from './quantize.js';
import { type RandomKSpec, randomK } from './random-k.js';
import { type RotateSpec, rotate } from './rotate.js';
import { type SignVoteSpec, signVote } from './sign-vote.js';
import { type TopKSpec, topK, topKBytes } from './top-k.js';

/** One stage of compression as plain JSON, every field said. */
export type CompressionSpec =
  | ErrorFeedbackSpec
  | LayerScalesSpec
  | PruningMaskSpec
  | RandomKSpec
  | CountSketchSpec
  | RotateSpec
  | QuantizeSpec
  | SignVoteSpec
  | TopKSpec;

/** What may be left out is said at each field. */
export type CompressionInput =
  | Exclude<CompressionSpec, ErrorFeedbackSpec | RandomKSpec | RotateSpec | SignVoteSpec>
  | (Pick<ErrorFeedbackSpec, 'kind'> & Partial<ErrorFeedbackSpec>)
  | (Pick<RandomKSpec, 'kind' | 'fraction'> & Partial<RandomKSpec>)
  | (Pick<RotateSpec, 'kind'> & Partial<RotateSpec>)
  | (Pick<SignVoteSpec, 'kind'> & Partial<SignVoteSpec>);

const kinds = {
  'error-feedback': errorFeedback,
  'layer-scales': layerScalesKind,
  'pruning-mask': pruningMask,
  'random-k': randomK,
  'count-sketch': countSketch,
  rotate,
  quantize,
  'sign-vote': signVote,
  'top-k': topK,
};

/** Stages in order, for updates of one dimension. */
export interface Compression {
  readonly specs: readonly CompressionSpec[];
  readonly dimension: number;
  /** Values that the client's side gives, and that are masked and summed. */
  readonly length: number;
  /** Whether the sum of compressed updates is the compressed sum, in exact arithmetic. */
  readonly linear: boolean;
  /** Whether sums mean anything. If not, masking has to be off. */
  readonly additive: boolean;
  /**
   * Whether what the server gets has the update as its mean, over seeds and rounding (within the quantizer's range).
   */
  readonly unbiased: boolean;
  /**
   * The quantizer that takes the client's values over unchanged, where they are integers already (`quantize`,
   * `sign-vote`).
   */
  readonly integers: { readonly bits: number; readonly range: number } | undefined;
  /**
   * What a client gives for its update, which isn't changed. Throws `UsageError`: `usage.floats`, `usage.vector`,
   * `usage.finite`, and `compression.context`, `compression.mask`, `compression.scales`, `usage.bytes`, `usage.range`
   * on a context that lacks something or has it wrong.
   */
  readonly client: (update: Float32Array, context: CompressionContext) => Float32Array;
  /**
   * The sum of the updates (or a vote, or what was recovered) behind a sum of what clients gave. Throws as `client`.
   */
  readonly server: (sum: Float64Array, context: CompressionContext) => Float64Array;
  /**
   * Client, with error feedback: its residual for the next round. `sent` is what `client` gave for `update` under
   * `context`. Where it was in the sum, what the server could not make of it is left; where the client wasn't among the
   * survivors, all of it is, and nothing is lost or counted twice. Throws as `client`, and `compression.order` without
   * error feedback.
   */
  readonly residual: (given: ResidualInput) => Float32Array;
}

export interface ResidualInput {
  readonly update: Float32Array;
  readonly sent: Float32Array;
  readonly context: CompressionContext;
  readonly survived: boolean;
}

/** A stage from plain data. Throws `UsageError`: `compression.kind`, `compression.schema`. */
export function defineCompression(input: CompressionInput): CompressionSpec {
  return parseSpec<CompressionSpec>('compression', kinds, input);
}

/** A stage that knows its length and its numbers. */
interface Stage {
  readonly spec: CompressionSpec;
  readonly kind: CompressionKind<CompressionSpec>;
  readonly inputLength: number;
  readonly outputLength: number;
}

function stagesOf(inputs: readonly CompressionInput[], dimension: number): readonly Stage[] {
  checkInteger('dimension', dimension, 1, maxVectorLength);
  if (!Array.isArray(inputs)) throw new UsageError('usage.options', 'compression must be a list of stages');
  let inputLength = dimension;
  const stages = inputs.map((input): Stage => {
    const spec = defineCompression(input);
    // The table's entry for a kind takes specs of that kind, which `spec` is.
    const kind = kinds[spec.kind] as unknown as CompressionKind<CompressionSpec>;
    const outputLength = checkInteger(`length after ${spec.kind}`, kind.length(spec, inputLength), 1, maxVectorLength);
    const stage = { spec, kind, inputLength, outputLength };
    inputLength = outputLength;
    return stage;
  });
  checkOrder(stages);
  return stages;
}

function checkOrder(stages: readonly Stage[]): void {
  const last = stages.length - 1;
  stages.forEach(({ spec, kind, inputLength }, i) => {
    const begins = stages.slice(0, i).every((stage) => stage.spec.kind === 'error-feedback');
    if (spec.kind === 'error-feedback' && i > 0)
      throw new UsageError('compression.order', 'error-feedback must come first: a residual is kept of whole updates');
    if (kind.integers !== undefined && i < last)
      throw new UsageError('compression.order', `${spec.kind} must come last: its integers are what is summed`);
    if (!kind.additive && (i < last || !begins))
      throw new UsageError(
        'compression.order',
        `${spec.kind} must be alone, but for error-feedback: it codes whole updates`,
      );
    if (spec.kind === 'layer-scales' && !begins)
      throw new UsageError(
        'compression.order',
        'layer-scales must come first, or after error-feedback: later there are no layers',
      );
    if (spec.kind === 'layer-scales' && spec.layers.reduce((sum, size) => sum + size, 0) !== inputLength)
      throw new UsageError(
        'compression.order',
        `layers of layer-scales must add up to the ${inputLength} values it is given`,
      );
  });
}

/**
 * The compression that does `stages` in order on the client, and undoes them from the last to the first on the server.
 * Throws as `defineCompression`, and `UsageError` `usage.range` on a dimension that isn't from 1 to 2^28,
 * `compression.order` where stages can't follow one another.
 */
export function compressionFrom(inputs: readonly CompressionInput[], dimension: number): Compression {
  const stages = stagesOf(inputs, dimension);
  const last = stages.at(-1);
  const length = last?.outputLength ?? dimension;
  const client = (update: Float32Array, context: CompressionContext): Float32Array => {
    checkLength('update', checkFloats('update', update), dimension);
    checkFinite('update', update, 'usage.finite', 'check the training step for divergence');
    checkOptions('context', context);
    return stages.reduce((values, { spec, kind }) => kind.client(spec, values, context), update);
  };
  const server = (sum: Float64Array, context: CompressionContext): Float64Array => {
    checkFinite('sum', checkDoubles('sum', sum, length), 'usage.finite', 'leave this sum out');
    checkOptions('context', context);
    return stages.reduceRight(
      (values, { spec, kind, inputLength }) => kind.server(spec, values, context, inputLength),
      sum,
    );
  };
  const [feedback] = stages;
  return {
    specs: stages.map(({ spec }) => spec),
    dimension,
    length,
    linear: stages.every(({ kind }) => kind.linear),
    additive: stages.every(({ kind }) => kind.additive),
    unbiased: stages.every(({ spec, kind }) => kind.unbiased(spec)),
    integers: last?.kind.integers?.(last.spec),
    client,
    server,
    residual: (given) => {
      const { update, sent, context, survived } = checkOptions('given', given);
      if (feedback?.spec.kind !== 'error-feedback')
        throw new UsageError('compression.order', 'residual is for compressions that begin with error-feedback');
      checkLength('given.update', checkFloats('given.update', update), dimension);
      const wanted = feedback.kind.client(feedback.spec, update, checkOptions('given.context', context));
      if (!survived) return wanted;
      const received = server(Float64Array.from(checkFloats('given.sent', sent)), context);
      return wanted.map((value, i) => value - (received[i] as number));
    },
  };
}

/** Values that a client gives after one stage, for an update of `dimension` values. Throws as `compressionFrom`. */
export function wireLength(input: CompressionInput, dimension: number): number {
  return compressionFrom([input], dimension).length;
}

/**
 * Exact bytes of a client's upload: `ringBits` bits for each value of the masked vector, or what top-k codes. The
 * weight, the metrics and the protocol's messages come on top. Throws as `compressionFrom`.
 */
export function wireBytes(inputs: readonly CompressionInput[], dimension: number, ringBits: number): number {
  const { specs, length } = compressionFrom(inputs, dimension);
  const last = specs.at(-1);
  return last?.kind === 'top-k' ? topKBytes(last, dimension) : packedLength(ringBits, length);
}
