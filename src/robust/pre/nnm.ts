import { checkOptions } from '../../core/check.js';
import { checkInner, runOnMixtures, sharedF } from '../pre-aggregator.js';
import type { RowSet } from '../rows.js';
import { Aggregator, type AnySpec, type RuleSettings } from '../rule.js';
import { ascending } from '../verdicts.js';

export interface NnmOptions {
  /** Default: the inner rule's f, which it must equal where both are given. */
  readonly f?: number;
}

export interface NnmSpec<Inner extends AnySpec = AnySpec> extends NnmOptions {
  readonly kind: 'nnm';
  readonly inner: Inner;
}

/**
 * Nearest neighbor mixing, n >= 2f + 1 (Allouah et al., AISTATS 2023): replaces each vector by the mean of the n - f
 * closest to it, itself among them, the lowest index first among equally close, and applies `inner` to those. It makes
 * any of the usual rules near optimal where clients differ.
 */
export function nnm<Inner extends AnySpec>(
  inner: Aggregator<Inner>,
  options: NnmOptions = {},
  settings?: RuleSettings,
): Aggregator<NnmSpec<Inner>> {
  checkInner(inner);
  const declared = sharedF('nnm', inner, checkOptions('options', options).f);
  return new Aggregator(
    {
      spec: { kind: 'nnm', ...(options.f === undefined ? {} : { f: declared }), inner: inner.spec },
      f: declared,
      minimum: (f) => Math.max(2 * f + 1, inner.minimumClients(f)),
      condition: `n >= 2f + 1 and ${inner.condition}`,
      computable: (f) => f + 1,
      weighted: false,
      run: (rows, context) =>
        runOnMixtures(
          rows,
          { ...context, weights: undefined },
          { weights: neighborWeights(rows, rows.count - context.f), count: rows.count, affine: true },
          inner,
        ),
    },
    settings,
  );
}

/** Each row's mean of its `size` closest rows, n x n. */
function neighborWeights(rows: RowSet, size: number): Float64Array {
  const { count } = rows;
  const distances = rows.squaredDistances();
  const weights = new Float64Array(count * count);
  for (let i = 0; i < count; i++) {
    const near = ascending(distances.subarray(i * count, (i + 1) * count)).slice(0, size);
    for (const j of near) weights[i * count + j] = 1 / size;
  }
  return weights;
}
