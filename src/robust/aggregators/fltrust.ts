import { AbortError, UsageError } from '../../core/errors.js';
import { squaredReferenceNorm } from '../combination.js';
import { Aggregator, type RuleSettings } from '../rule.js';
import { at, largestFloat32, saturate } from '../vectors.js';
import { keepPositive } from '../verdicts.js';

export interface FltrustSpec {
  readonly kind: 'fltrust';
}

/**
 * FLTrust (Cao et al., NDSS 2021): the mean of the vectors, each scaled to the norm of the server's own (`reference`,
 * required, not zero) and weighed by its cosine with it, negative ones by zero. With that reference sound it takes any
 * number of Byzantine clients below n. The score is one less the cosine; clients without a positive one are rejected.
 * Throws `AbortError` (`robust.no-trust`) where nobody's is positive. Float32 values that would be infinite, since the
 * norm is beyond that type, are its largest.
 */
export function fltrust(_options: Record<string, never> = {}, settings?: RuleSettings): Aggregator<FltrustSpec> {
  return new Aggregator<FltrustSpec>(
    {
      spec: { kind: 'fltrust' },
      f: undefined,
      minimum: (f) => f + 1,
      condition: 'n >= f + 1 and a reference of the server',
      weighted: false,
      run: (rows) => {
        const norm = Math.sqrt(squaredReferenceNorm(rows));
        if (rows.reference === undefined || norm === 0)
          throw new UsageError('robust.reference', "fltrust needs the server's own update as reference, and not zero");
        const norms = rows.squaredNorms().map(Math.sqrt);
        const cosines = rows
          .productsWithReference()
          .map((product, i) => (at(norms, i) === 0 ? 0 : product / at(norms, i) / norm));
        const trust = cosines.map((cosine) => Math.max(0, cosine));
        const total = trust.reduce((sum, value) => sum + value, 0);
        if (total === 0) throw new AbortError('robust.no-trust', "no client's vector points the way of the reference");
        const weights = trust.map((value, i) => (value === 0 ? 0 : ((value / total) * norm) / at(norms, i)));
        const vector = rows.combine(weights);
        if (norm > largestFloat32 && vector instanceof Float32Array) saturate(vector);
        return { vector, judgement: keepPositive(cosines) };
      },
    },
    settings,
  );
}
