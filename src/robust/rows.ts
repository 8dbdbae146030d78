import type { ColumnRule } from './columns.js';
import { innerProduct } from './distances.js';
import { type Executor, thisThread } from './executor.js';
import { type FloatVector, zerosLike } from './vectors.js';

/** Coordinates read at once: with some tens of rows a block stays in the cache. */
const blockLength = 16_384;

/**
 * The vectors a rule works on: those that clients sent, or mixtures of them that a pre-aggregator makes. Mixtures are
 * made block by block and never stored whole. What rules share (distances, norms) is computed once, when first asked
 * for. All distances and norms are squared.
 */
export interface RowSet {
  readonly count: number;
  readonly dimension: number;
  /** A vector that the server trusts, where the caller gave one. */
  readonly reference: FloatVector | undefined;
  /** The type of results. */
  readonly model: FloatVector;
  /** Coordinates `from` to `to` of each row, in the type of the input, until the next block is asked for. */
  block(from: number, to: number): readonly FloatVector[];
  /** The same without the rounding of mixtures to float32. */
  exactBlock(from: number, to: number): readonly FloatVector[];
  /** A rule by columns, over the rows `chosen` or all; a fresh vector. */
  columns(rule: ColumnRule, f: number, chosen?: readonly number[]): FloatVector;
  /** count x count, symmetric. */
  squaredDistances(): Float64Array;
  squaredNorms(): Float64Array;
  squaredDistancesToReference(): Float64Array;
  /** Inner products with the reference. */
  productsWithReference(): Float64Array;
  /** `sum_i weights[i] * row_i + ofReference * reference`, a fresh vector. */
  combine(weights: Float64Array, ofReference?: number): FloatVector;
}

/** Calls `visit` for the blocks of `dimension` coordinates, in order. */
export function forEachBlock(dimension: number, visit: (from: number, to: number) => void): void {
  for (let from = 0; from < dimension; from += blockLength) visit(from, Math.min(dimension, from + blockLength));
}

/** The vectors as clients sent them, all checked: same type, same length, finite. */
export class PlainRows implements RowSet {
  readonly count: number;
  readonly dimension: number;
  readonly reference: FloatVector | undefined;
  readonly model: FloatVector;
  readonly #executor: Executor;
  readonly #rows: readonly FloatVector[];
  #distances: Float64Array | undefined;
  #norms: Float64Array | undefined;
  #toReference: Float64Array | undefined;

  /** `distances` where a collector already has them. `rows` holds at least one. */
  constructor(
    rows: readonly FloatVector[],
    reference: FloatVector | undefined,
    distances?: Float64Array,
    executor: Executor = thisThread,
  ) {
    this.#executor = executor;
    this.#rows = executor.share(rows);
    this.model = rows[0] as FloatVector; // the caller refuses an empty list
    this.count = rows.length;
    this.dimension = this.model.length;
    this.reference = reference;
    this.#distances = distances;
  }

  block(from: number, to: number): readonly FloatVector[] {
    return this.#rows.map((row) => row.subarray(from, to));
  }

  exactBlock(from: number, to: number): readonly FloatVector[] {
    return this.block(from, to);
  }

  columns(rule: ColumnRule, f: number, chosen?: readonly number[]): FloatVector {
    const result = zerosLike(this.model, this.dimension);
    const rows = chosen === undefined ? this.#rows : this.#rows.filter((_, i) => chosen.includes(i));
    this.#executor.columns({ rule, f, rows }, result);
    return result;
  }

  /** The same over weighted sums of the rows, `weights` being count x this.count. */
  mixedColumns(rule: ColumnRule, f: number, weights: Float64Array, count: number): FloatVector {
    const result = zerosLike(this.model, this.dimension);
    this.#executor.columns({ rule, f, rows: this.#rows, mixing: { weights, count } }, result);
    return result;
  }

  squaredDistances(): Float64Array {
    this.#distances ??= this.#executor.squaredDistances(this.#rows);
    return this.#distances;
  }

  squaredNorms(): Float64Array {
    this.#norms ??= this.#executor.squaredDistancesFrom(undefined, this.#rows);
    return this.#norms;
  }

  squaredDistancesToReference(): Float64Array {
    const { reference } = this;
    this.#toReference ??=
      reference === undefined ? this.squaredNorms() : this.#executor.squaredDistancesFrom(reference, this.#rows);
    return this.#toReference;
  }

  productsWithReference(): Float64Array {
    const { reference } = this;
    if (reference === undefined) return new Float64Array(this.count);
    return Float64Array.from(this.#rows, (row) => innerProduct(row, reference, 0, row.length));
  }

  combine(weights: Float64Array, ofReference = 0): FloatVector {
    const result = zerosLike(this.model, this.dimension);
    const withReference = this.reference !== undefined && ofReference !== 0;
    const rows = withReference ? [...this.#rows, this.reference] : this.#rows;
    const coefficients = withReference ? Float64Array.of(...weights, ofReference) : weights;
    this.#executor.mix(rows, coefficients, [result]);
    return result;
  }
}
