import type { RandomSource } from '../../../core/random.js';
import type { PlainVector } from '../../../ring/vector.js';

/**
 * What a plan consists of when it runs. A client's update goes through client stages, which know real values, is
 * encoded once, and masked by someone else; the server decodes the sum of the masked inputs once, and takes it through
 * server stages.
 *
 * A stage is a function of the plan's field of its name and lives in a file of that name, both its sides together.
 * Stages don't change what they are given: an update belongs to the caller.
 */

/** A client's update on its way to the encoder, with what goes with it. */
export interface WeightedUpdate {
  /** One value a dimension. */
  readonly update: Float32Array;
  /** An integer from 0 to the plan's largest weight. */
  readonly weight: number;
  /** In the plan's order. */
  readonly metrics: readonly number[];
}

/** What the encoder takes of a client. */
export interface EncoderInput extends WeightedUpdate {
  /** What the plan's optimizer takes beside the update; empty for most. */
  readonly extra: Float32Array;
}

export type ClientStage = (contribution: WeightedUpdate) => WeightedUpdate;

/** Gives that many uniform, fresh 32-bit numbers that nobody else knows. */
export type RoundingSource = (words: number) => Uint32Array;

/** What an encoder draws from. */
export interface EncodeOptions {
  /** For stochastic rounding. */
  readonly rounding: RoundingSource;
  /** The round's public seed, where the plan rotates: `publicSeed` makes it. */
  readonly publicSeed?: Uint8Array;
  /** Fresh bytes that nobody else knows, where the plan has clients add noise. */
  readonly random?: RandomSource;
  /** The session's application seeds, one for each removable component of the noise. */
  readonly applicationSeeds?: readonly Uint8Array[];
}

export type Encoder = (input: EncoderInput, options: EncodeOptions) => PlainVector;

/** What a decoder needs beside the sum. */
export interface DecodeOptions {
  /** The round's public seed, where the plan rotates. */
  readonly publicSeed?: Uint8Array;
  /** For central noise. */
  readonly random?: RandomSource;
  /** What each survivor released of its application seeds, by position: as in the session's result. */
  readonly applicationSeeds?: readonly ReadonlyMap<number, Uint8Array>[];
}

/** What the server knows about one cohort, or several pooled. */
export interface Aggregate {
  /**
   * After decoding the weighted sum of the updates, after the `combine` stage what the plan combines it to; in the
   * updates' unit. Behind it, what the optimizer takes beside updates.
   */
  readonly values: Float64Array;
  /** Sum of the weights. */
  readonly weight: number;
  /** Sums of the metrics, in the plan's order. */
  readonly metrics: readonly number[];
  /** Clients in the sum. */
  readonly survivors: number;
}

/** Throws `PeerError` without a name if the sum is one that no survivors who keep to the plan have. */
export type Decoder = (sum: PlainVector, survivors: number, options?: DecodeOptions) => Aggregate;

export type ServerStage = (aggregate: Aggregate) => Aggregate;
