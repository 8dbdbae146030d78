import { checkBytes } from '../../core/check.js';
import { UsageError } from '../../core/errors.js';
import { fraction, kindSchema, parseFields } from '../spec.js';
import { checkFinite, checkFloatVector, type FloatVector } from '../vectors.js';
import { type CompressionContext, type CompressionKind, contextLacks, keptOf } from './kind.js';
import { gather, largest, scatter } from './select.js';

/**
 * Only the coordinates that a mask has, the same mask for all clients of the round: it comes with the model, so it says
 * nothing about a client, and how many bits are set is in the spec. Masked coordinates aren't sent, and don't change.
 */
export interface PruningMaskSpec {
  readonly kind: 'pruning-mask';
  /** What part of the coordinates the mask has, above 0 up to 1; their number is rounded, 1 at least. */
  readonly fraction: number;
}

export const pruningMask: CompressionKind<PruningMaskSpec> = {
  schema: kindSchema('pruning-mask', { fraction: fraction() }),
  linear: true,
  additive: true,
  unbiased: (spec) => spec.fraction === 1,
  length: keptOf,
  client: (spec, values, context) => gather(values, indicesOf(spec, context, values.length)),
  server: (spec, sum, context, dimension) => scatter(sum, indicesOf(spec, context, dimension), dimension),
};

/**
 * The mask of the weights of greatest magnitude, for `context.mask`: bit i % 8 of byte floor(i / 8) is coordinate i.
 * Whoever has the model can compute it. Throws `UsageError` (`usage.floats`, `usage.finite`, `compression.schema`).
 */
export function pruningMaskOf(spec: PruningMaskSpec, model: FloatVector): Uint8Array {
  parseFields('compression.schema', 'compression pruning-mask', pruningMask.schema, spec);
  checkFinite('model', checkFloatVector('model', model), 'usage.finite', 'go back a checkpoint');
  return packBits(model.length, (set) => largest(model, keptOf(spec, model.length)).forEach(set));
}

/**
 * `context.mask` from one number a coordinate, 0 where it is pruned: what `magnitudeMask` of `veilsum/training` gives.
 * The spec's fraction must be that of the others. Throws `UsageError` (`usage.bytes`).
 */
export function packMask(flags: Uint8Array): Uint8Array {
  checkBytes('flags', flags);
  return packBits(flags.length, (set) => {
    flags.forEach((flag, i) => {
      if (flag !== 0) set(i);
    });
  });
}

function packBits(length: number, choose: (set: (i: number) => void) => void): Uint8Array {
  const mask = new Uint8Array(Math.ceil(length / 8));
  choose((i) => {
    mask[i >> 3] = (mask[i >> 3] as number) | (1 << (i & 7));
  });
  return mask;
}

function indicesOf(spec: PruningMaskSpec, { mask }: CompressionContext, dimension: number): Uint32Array {
  const bytes = Math.ceil(dimension / 8);
  if (!(mask instanceof Uint8Array) || mask.length !== bytes)
    throw contextLacks('pruning-mask', `mask: a Uint8Array of ${bytes} bytes, one bit a coordinate`);
  const count = keptOf(spec, dimension);
  const indices = new Uint32Array(count);
  let found = 0;
  for (let i = 0; i < 8 * bytes; i += 1) {
    if ((((mask[i >> 3] as number) >> (i & 7)) & 1) === 0) continue;
    if (i < dimension) indices[found] = i; // Writes beyond the end are ignored, and counted.
    found += 1;
    if (i >= dimension) found = Number.POSITIVE_INFINITY;
  }
  if (found !== count)
    throw new UsageError(
      'compression.mask',
      `context.mask must have exactly ${count} of its first ${dimension} bits set and none after: make it with pruningMaskOf or packMask`,
    );
  return indices;
}
