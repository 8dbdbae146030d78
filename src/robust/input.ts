import { checkInteger, checkNumber, describe } from '../core/check.js';
import { AbortError, UsageError } from '../core/errors.js';
import { Collector } from './collector.js';
import { checkExecutor, type Executor, thisThread } from './executor.js';
import { PlainRows } from './rows.js';
import { at, checkFloatVector, type Fault, type FloatVector, isUsable, type RowMajor } from './vectors.js';

/** n client vectors of d values: a list, one row-major array, or what a collector gathered. */
export type Vectors<T extends FloatVector> = readonly T[] | RowMajor<T> | Collector<T>;

/** How much a claimed weight may be: a number, the median of the claims, or (if claims are trusted) anything. */
export type MaxWeight = number | 'median' | 'none';

/** What surrounds one call of a rule. All of it is the caller's own: only vectors and weights are the clients'. */
export interface AggregateOptions {
  /** One weight a client, such as its number of examples; not negative. Only for rules that say `weighted`. */
  readonly weights?: ArrayLike<number>;
  /**
   * Weights above this are lowered to it: a client can claim 10^9 examples. The default is the median of the weights.
   * `none` trusts every claim.
   */
  readonly maxWeight?: MaxWeight;
  /** d. The default is the reference's length, else the length that most vectors have. */
  readonly dimension?: number;
  /** A vector of d values that the server trusts: FLTrust's root update, where centered clipping starts. */
  readonly reference?: FloatVector;
  /** Each client's sum of updates over rounds, for FoolsGold; the default is the vectors themselves. */
  readonly history?: readonly FloatVector[];
  /** 16 to 1024 bytes that all randomness follows from. Unpredictable to clients and new each round. */
  readonly seed?: Uint8Array;
  /**
   * Where the work over coordinates is done, such as on a pool of threads; default: on this thread. The bits are the
   * same.
   */
  readonly executor?: Executor;
}

/** The vectors that take part, and what is wrong with the others. */
export interface Accepted {
  readonly rows: PlainRows;
  /** Client numbers of the rows, ascending. */
  readonly clients: readonly number[];
  /** Capped weights of the rows, not normalized. */
  readonly weights: Float64Array | undefined;
  /** Per client, `undefined` for those that take part. */
  readonly faults: readonly (Fault | undefined)[];
}

/**
 * Sorts the faulty clients out. Throws `UsageError` where the call itself is wrong, and `AbortError`
 * (`robust.no-vectors`) if nobody's vector can be used.
 */
export function accept<T extends FloatVector>(vectors: Vectors<T>, options: AggregateOptions): Accepted {
  const list = listOf(vectors);
  const reference = checkReference(options.reference, list[0]);
  const dimension = dimensionOf(vectors, list, options.dimension, reference);
  const claims = checkWeights(options.weights, list.length);
  const known = vectors instanceof Collector && vectors.dimension === dimension ? vectors.faults : undefined;
  const executor = options.executor === undefined ? thisThread : checkExecutor(options.executor);
  const usable = known !== undefined ? [] : executor.usable(list);
  const faults = list.map((vector, client): Fault | undefined => {
    const fault = known !== undefined ? known[client] : faultOf(vector, dimension, usable[client] === true);
    if (fault !== undefined || claims === undefined) return fault;
    const weight = at(claims, client);
    return Number.isFinite(weight) && weight >= 0 ? undefined : 'weight';
  });
  const clients = [...list.keys()].filter((client) => faults[client] === undefined);
  if (clients.length === 0)
    throw new AbortError(
      'robust.no-vectors',
      `none of the ${list.length} vectors is finite and of ${dimension} values`,
    );
  const rows = clients.map((client) => list[client] as T); // clients are indices of list
  const distances = vectors instanceof Collector && known !== undefined ? vectors.squaredDistances(clients) : undefined;
  return {
    rows: new PlainRows(rows, reference, distances, executor),
    clients,
    weights: claims === undefined ? undefined : capped(claims, clients, options.maxWeight ?? 'median'),
    faults,
  };
}

function listOf<T extends FloatVector>(vectors: Vectors<T>): readonly T[] {
  if (vectors instanceof Collector) return nonEmpty(vectors.vectors);
  if (isList(vectors)) return nonEmpty(checkList(vectors));
  if (typeof vectors !== 'object' || vectors === null)
    throw new UsageError(
      'robust.vectors',
      `vectors must be a list of Float32Array or Float64Array, or { values, count }, got ${describe(vectors)}`,
    );
  const { values, count } = vectors;
  checkFloatVector('vectors.values', values);
  checkInteger('vectors.count', count, 1, Math.max(1, values.length));
  if (values.length % count !== 0)
    throw new UsageError('robust.vectors', `vectors.values must hold ${count} rows, got ${values.length} values`);
  const dimension = values.length / count;
  // A subarray is of the array's own type.
  return Array.from({ length: count }, (_, i) => values.subarray(i * dimension, (i + 1) * dimension) as T);
}

function isList<T extends FloatVector>(vectors: readonly T[] | RowMajor<T>): vectors is readonly T[] {
  return Array.isArray(vectors);
}

function nonEmpty<V>(list: readonly V[]): readonly V[] {
  if (list.length === 0) throw new UsageError('robust.vectors', 'vectors must hold one vector at least, got none');
  return list;
}

/** A list of float arrays of one type. */
export function checkList<T extends FloatVector>(list: readonly T[], name = 'vectors'): readonly T[] {
  const width = list.length === 0 ? 0 : checkFloatVector(`${name}[0]`, list[0]).BYTES_PER_ELEMENT;
  for (const [i, vector] of list.entries()) {
    if (checkFloatVector(`${name}[${i}]`, vector).BYTES_PER_ELEMENT !== width)
      throw new UsageError(
        'robust.vectors',
        `${name} must be all Float32Array or all Float64Array; ${name}[${i}] differs`,
      );
  }
  return list;
}

/** The reference in the type of the vectors. */
function checkReference(reference: unknown, model: FloatVector | undefined): FloatVector | undefined {
  if (reference === undefined) return undefined;
  const given = checkFloatVector('reference', reference);
  const vector =
    model?.BYTES_PER_ELEMENT === given.BYTES_PER_ELEMENT
      ? given
      : model instanceof Float32Array
        ? Float32Array.from(given)
        : Float64Array.from(given);
  if (vector.length === 0 || !isUsable(vector))
    throw new UsageError(
      'robust.reference',
      "reference must be a vector of finite values, in the vectors' type too, and not empty",
    );
  return vector;
}

function dimensionOf<T extends FloatVector>(
  vectors: Vectors<T>,
  list: readonly T[],
  given: number | undefined,
  reference: FloatVector | undefined,
): number {
  const known = given ?? (vectors instanceof Collector ? vectors.dimension : reference?.length) ?? commonLength(list);
  const dimension = checkInteger('dimension', known, 1, 2 ** 32);
  if (reference !== undefined && reference.length !== dimension)
    throw new UsageError('robust.reference', `reference must have ${dimension} values, got ${reference.length}`);
  return dimension;
}

/** The length that most vectors have; the first one's among equals. */
function commonLength(list: readonly FloatVector[]): number {
  const counts = new Map<number, number>();
  for (const { length } of list) counts.set(length, (counts.get(length) ?? 0) + 1);
  const most = Math.max(...counts.values());
  for (const [length, count] of counts) if (count === most) return length;
  return 0;
}

function faultOf(vector: FloatVector, dimension: number, usable: boolean): Fault | undefined {
  if (vector.length !== dimension) return 'wrong-size';
  return usable ? undefined : 'not-finite';
}

function checkWeights(weights: ArrayLike<number> | undefined, count: number): ArrayLike<number> | undefined {
  if (weights === undefined) return undefined;
  if (typeof weights !== 'object' || weights === null || weights.length !== count)
    throw new UsageError('robust.weights', `weights must be ${count} numbers, one a vector, got ${describe(weights)}`);
  return weights;
}

function capped(claims: ArrayLike<number>, clients: readonly number[], maxWeight: MaxWeight): Float64Array {
  const weights = Float64Array.from(clients, (client) => at(claims, client));
  const cap =
    maxWeight === 'none'
      ? Number.POSITIVE_INFINITY
      : maxWeight === 'median'
        ? medianOf(weights)
        : checkNumber('maxWeight', maxWeight, Number.MIN_VALUE, Number.MAX_VALUE);
  const result = weights.map((weight) => Math.min(weight, cap));
  const sum = result.reduce((total, weight) => total + weight, 0);
  if (!(sum > 0))
    throw new AbortError(
      'robust.no-weight',
      'the weights, capped, sum to nothing; give maxWeight, or leave weights out',
    );
  if (sum < Number.POSITIVE_INFINITY) return result;
  const largest = Math.max(...result);
  return result.map((weight) => weight / largest); // in the same proportions, and they can be summed
}

/** The middle of `values`, or the mean of the two middle ones. */
export function medianOf(values: Float64Array): number {
  const sorted = values.slice().sort();
  const half = sorted.length >> 1;
  return sorted.length % 2 === 1 ? at(sorted, half) : at(sorted, half - 1) / 2 + at(sorted, half) / 2;
}
