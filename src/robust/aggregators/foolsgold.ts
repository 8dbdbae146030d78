import { checkNumber } from '../../core/check.js';
import { AbortError } from '../../core/errors.js';
import { MixedRows } from '../mixed-rows.js';
import { PlainRows, type RowSet } from '../rows.js';
import { Aggregator, type RuleSettings } from '../rule.js';
import { normalized, withoutBound } from '../shares.js';
import { at } from '../vectors.js';
import { keepPositive } from '../verdicts.js';

export interface FoolsgoldOptions {
  /** Confidence, above 0 to 100; default 1. */
  readonly kappa?: number;
}

export interface FoolsgoldSpec extends FoolsgoldOptions {
  readonly kind: 'foolsgold';
}

/** The largest weight before the logit, which has none for one. */
const cap = 0.99;

/**
 * FoolsGold (Fung, Yoon and Beschastnikh, RAID 2020, algorithm 1): clients whose history (`history`, else the vectors
 * themselves) points the same way as another's are taken for copies of one attacker and weigh less. It is against
 * many alike, not against one, and clients with like data suffer. The score is one less the weight; clients of weight
 * zero are rejected. Throws `AbortError` (`robust.no-trust`) where all are.
 */
export function foolsgold(options: FoolsgoldOptions = {}, settings?: RuleSettings): Aggregator<FoolsgoldSpec> {
  const kappa = checkNumber('kappa', options.kappa ?? 1, Number.MIN_VALUE, 100);
  return new Aggregator(
    {
      spec: { kind: 'foolsgold', ...(options.kappa === undefined ? {} : { kappa }) },
      f: undefined,
      ...withoutBound,
      weighted: false,
      run: (rows, { history }) => {
        const weights = foolsgoldWeights(
          oneLessCosines(history === undefined ? rows : new PlainRows(history, undefined)),
          rows.count,
          kappa,
        );
        if (weights.every((weight) => weight === 0))
          throw new AbortError('robust.no-trust', 'every client looks like a copy of another');
        return {
          vector: rows.combine(normalized(weights)),
          judgement: keepPositive(weights),
        };
      },
    },
    settings,
  );
}

/**
 * Weights from 0 to 1 from the n x n values of one less the cosine between histories. All is computed on those, since
 * near one the cosines themselves have lost what copies differ in.
 */
function foolsgoldWeights(apart: Float64Array, count: number, kappa: number): Float64Array {
  const least = new Float64Array(count).map((_, i) => leastOther(apart, count, i));
  // Pardoning: an honest client may be near an attacker, who then is nearer to his copies. cos_ij * v_i / v_j, where
  // v = 1 - least is a client's largest cosine.
  const pardoned = apart.map((value, k) => {
    const mine = at(least, Math.floor(k / count));
    const other = at(least, k % count);
    return other < mine && other < 1 ? (value + mine - other - value * mine) / (1 - other) : value;
  });
  const raw = new Float64Array(count).map((_, i) => clampUnit(leastOther(pardoned, count, i)));
  const most = raw.reduce((max, value) => Math.max(max, value), 0);
  if (most === 0) return raw;
  return raw.map((value) => {
    const share = Math.min(cap, value / most);
    return share === 0 ? 0 : clampUnit(kappa * (Math.log(share / (1 - share)) + 0.5));
  });
}

function leastOther(matrix: Float64Array, count: number, i: number): number {
  let least = Number.POSITIVE_INFINITY;
  for (let j = 0; j < count; j++) if (j !== i) least = Math.min(least, at(matrix, i * count + j));
  return count === 1 ? 1 : least;
}

function clampUnit(value: number): number {
  return Math.min(1, Math.max(0, value));
}

/**
 * One less the cosine of each two vectors: half the squared distance of their unit vectors; one where a vector is zero.
 */
function oneLessCosines(rows: RowSet): Float64Array {
  const { count } = rows;
  const norms = rows.squaredNorms().map(Math.sqrt);
  const scales = new Float64Array(count * count);
  for (let i = 0; i < count; i++) scales[i * count + i] = at(norms, i) === 0 ? 0 : 1 / at(norms, i);
  const units = new MixedRows(rows, scales, count, false);
  return units
    .squaredDistances()
    .map((squared, k) => (at(norms, Math.floor(k / count)) === 0 || at(norms, k % count) === 0 ? 1 : squared / 2));
}
