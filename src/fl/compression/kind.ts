import type * as v from 'valibot';
import { UsageError } from '../../core/errors.js';
import type { RoundingSource } from '../plan/stages/stage.js';
import type { Spec } from '../spec.js';

/**
 * A compression is a pair of pure functions: the client's, before masking, and the server's, on the sum of what the
 * clients gave. What both have to agree on besides the spec is in the context. How many values the client's side gives
 * depends on the spec and the dimension alone, since all inputs of a sum have one length.
 */
export interface CompressionContext {
  /** 32 public bytes, the same for all clients of a sum and for the server. */
  readonly seed: Uint8Array;
  /** From 0 to 2^32 - 1: one seed may serve for a task's rounds. */
  readonly round: number;
  /** Client, where something is rounded: gives that many uniform 32-bit numbers, fresh and secret. */
  readonly rounding?: RoundingSource;
  /** Client, with error feedback: what earlier rounds left unsent, one value a dimension; zeros at first. */
  readonly residual?: Float32Array;
  /** With layer scales: what was broadcast, one a layer. */
  readonly scales?: Float32Array;
  /** With a pruning mask: what was broadcast, one bit a coordinate, least significant first. */
  readonly mask?: Uint8Array;
}

/** A family of compressions that differ in their numbers. */
export interface CompressionKind<S extends Spec> {
  readonly schema: v.GenericSchema<unknown, S>;
  /** Whether the sum of compressed updates is the compressed sum, so that masking may come in between. */
  readonly linear: boolean;
  /** Whether sums mean anything: all but top-k, whose indices differ from client to client. */
  readonly additive: boolean;
  /** Whether what the server gets has the update as its mean, over seeds and rounding. */
  readonly unbiased: (spec: S) => boolean;
  /** Values that the client's side gives for an update of `dimension` values. */
  readonly length: (spec: S, dimension: number) => number;
  readonly client: (spec: S, values: Float32Array, context: CompressionContext) => Float32Array;
  readonly server: (spec: S, sum: Float64Array, context: CompressionContext, dimension: number) => Float64Array;
  /**
   * Bits and range of a quantizer that takes the client's values over as they are, where they are integers already;
   * nothing may come after such a stage.
   */
  readonly integers?: (spec: S) => { readonly bits: number; readonly range: number };
}

/** For those whose output has the update's length. */
export function sameLength(_spec: unknown, dimension: number): number {
  return dimension;
}

/** The number of `length` values that a fraction keeps: rounded, 1 at least. */
export function keptOf({ fraction }: { readonly fraction: number }, length: number): number {
  return Math.max(1, Math.round(fraction * length));
}

/** The error for a context that lacks what a stage needs. */
export function contextLacks(kind: string, what: string): UsageError {
  return new UsageError('compression.context', `${kind} needs context.${what}`);
}
