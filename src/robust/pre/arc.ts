import { checkOptions } from '../../core/check.js';
import { checkInner, runOnMixtures, sharedF } from '../pre-aggregator.js';
import { Aggregator, type AnySpec, type RuleSettings } from '../rule.js';
import { at } from '../vectors.js';
import { clipped } from './clipping.js';

export interface ArcOptions {
  /** Default: the inner rule's f, which it must equal where both are given. */
  readonly f?: number;
}

export interface ArcSpec<Inner extends AnySpec = AnySpec> extends ArcOptions {
  readonly kind: 'arc';
  readonly inner: Inner;
}

/**
 * Adaptive robust clipping, n >= 2f + 1 (Allouah et al., ICLR 2025): clips the floor(2f (n - f) / n) longest vectors to
 * the next norm, and applies `inner`. The bound follows the vectors, so it needs no tuning.
 */
export function arc<Inner extends AnySpec>(
  inner: Aggregator<Inner>,
  options: ArcOptions = {},
  settings?: RuleSettings,
): Aggregator<ArcSpec<Inner>> {
  checkInner(inner);
  const declared = sharedF('arc', inner, checkOptions('options', options).f);
  return new Aggregator(
    {
      spec: { kind: 'arc', ...(options.f === undefined ? {} : { f: declared }), inner: inner.spec },
      f: declared,
      minimum: (f) => Math.max(2 * f + 1, inner.minimumClients(f)),
      condition: `n >= 2f + 1 and ${inner.condition}`,
      computable: (f) => f + 1,
      weighted: inner.weighted,
      run: (rows, context) => {
        const norms = rows.squaredNorms();
        return runOnMixtures(rows, context, clipped(norms, Math.sqrt(arcBound(norms, context.f))), inner);
      },
    },
    settings,
  );
}

/** The squared norm that is left to the longest: in integers, so that no rounding of 2f / n decides. */
function arcBound(squaredNorms: Float64Array, f: number): number {
  const count = squaredNorms.length;
  const clippedCount = Math.floor((2 * f * (count - f)) / count);
  const sorted = squaredNorms.slice().sort();
  return at(sorted, count - clippedCount - 1);
}
