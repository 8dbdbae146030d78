import { describe } from '../../../core/check.js';
import { UsageError } from '../../../core/errors.js';
import { type Compression, compressionFrom, defineCompression } from '../../compression/compression.js';
import type { CompressPlan, PlanFields } from '../fields.js';
import { seedFor } from './seed.js';

/**
 * Client: fewer values of an update; server: the update's places again, on a decoded sum. Which coordinates, or which
 * columns of a sketch, follows from the round's public seed, so nothing about it is sent.
 */

const kinds = ['none', 'random-k', 'count-sketch', 'top-k'];

/** `value` as the plan's field, every field said. Throws `UsageError` (`compression.kind`, `compression.schema`). */
export function checkCompress(value: unknown): CompressPlan {
  const kind = typeof value === 'object' && value !== null && 'kind' in value ? value.kind : undefined;
  if (typeof value !== 'object' || value === null || typeof kind !== 'string' || !kinds.includes(kind))
    throw new UsageError(
      'compression.kind',
      `kind must be one of ${kinds.join(', ')}, got ${describe(kind)}: others take scales or masks that rounds don't broadcast`,
    );
  if (kind !== 'none') return defineCompression(value as Parameters<typeof defineCompression>[0]) as CompressPlan;
  const extra = Object.keys(value).find((name) => name !== 'kind');
  if (extra !== undefined) throw new UsageError('compression.schema', `${extra} is no field of none: leave it out`);
  return { kind: 'none' };
}

function compressionOf({ compress, vector }: PlanFields): Compression | undefined {
  return compress.kind === 'none' ? undefined : compressionFrom([compress], vector.dimension);
}

/** Values that a client gives for an update. */
export function compressedLength(fields: PlanFields): number {
  return compressionOf(fields)?.length ?? fields.vector.dimension;
}

/** Throws `UsageError` (`usage.options`, `usage.finite`). */
export function compress(plan: PlanFields, update: Float32Array, seed: Uint8Array | undefined): Float32Array {
  const compression = compressionOf(plan);
  return compression === undefined ? update : compression.client(update, { seed: seedFor(plan, seed), round: 0 });
}

/** On a sum. Throws `UsageError` (`usage.options`). */
export function decompress(plan: PlanFields, sum: Float64Array, seed: Uint8Array | undefined): Float64Array {
  const compression = compressionOf(plan);
  return compression === undefined ? sum : compression.server(sum, { seed: seedFor(plan, seed), round: 0 });
}
