import { InternalError } from '../core/errors.js';
import { applyColumns, type ColumnRule } from './columns.js';
import { reliableShare, squaredReferenceNorm } from './combination.js';
import { addSquaredDistances, addSquaredDistancesFrom } from './distances.js';
import { mixRows } from './mix.js';
import { forEachBlock, PlainRows, type RowSet } from './rows.js';
import { at, type FloatVector, zerosLike } from './vectors.js';

/** Coefficients of a difference of two points, by index: a row of the source, then the origin, then the reference. */
interface Difference {
  readonly indices: readonly number[];
  readonly values: readonly number[];
}

/**
 * `count` weighted sums of the rows of `source`. Their distances come from the distances of the source by algebra
 * wherever that keeps its digits, so a rule behind a pre-aggregator costs no second pass over the vectors.
 */
export class MixedRows implements RowSet {
  readonly count: number;
  readonly dimension: number;
  readonly reference: FloatVector | undefined;
  readonly model: FloatVector;
  readonly #source: RowSet;
  /** count x source.count */
  readonly #weights: Float64Array;
  readonly #affine: boolean;
  #rounded: readonly FloatVector[] = [];
  #exact: readonly FloatVector[] = [];
  #distances: Float64Array | undefined;
  #norms: Float64Array | undefined;
  #toReference: Float64Array | undefined;

  /** `affine`: the weights of every row sum to one, so that the origin plays no part in distances. */
  constructor(source: RowSet, weights: Float64Array, count: number, affine: boolean) {
    this.#source = source;
    this.#weights = weights;
    this.#affine = affine;
    this.count = count;
    this.dimension = source.dimension;
    this.reference = source.reference;
    this.model = source.model;
  }

  block(from: number, to: number): readonly FloatVector[] {
    this.#rounded = this.#scratch(this.#rounded, this.model, to - from);
    return this.#mixInto(this.#rounded, from, to);
  }

  exactBlock(from: number, to: number): readonly FloatVector[] {
    this.#exact = this.#scratch(this.#exact, new Float64Array(0), to - from);
    return this.#mixInto(this.#exact, from, to);
  }

  columns(rule: ColumnRule, f: number, chosen?: readonly number[]): FloatVector {
    const used = chosen ?? Array.from({ length: this.count }, (_, m) => m);
    const n = this.#source.count;
    if (this.#source instanceof PlainRows) {
      const weights = new Float64Array(used.length * n);
      for (const [at, m] of used.entries()) weights.set(this.#weights.subarray(m * n, (m + 1) * n), at * n);
      return this.#source.mixedColumns(rule, f, weights, used.length);
    }
    const vector = zerosLike(this.model, this.dimension);
    forEachBlock(this.dimension, (start, end) => {
      const block = this.block(start, end).filter((_, m) => used.includes(m));
      applyColumns(rule, f, block, 0, end - start, vector.subarray(start, end));
    });
    return vector;
  }

  squaredDistances(): Float64Array {
    this.#distances ??= this.#distancesByAlgebra() ?? this.#measuredDistances();
    return this.#distances;
  }

  squaredNorms(): Float64Array {
    this.#norms ??= this.#distancesTo(undefined);
    return this.#norms;
  }

  squaredDistancesToReference(): Float64Array {
    if (this.reference === undefined) return this.squaredNorms();
    this.#toReference ??= this.#distancesTo(this.reference);
    return this.#toReference;
  }

  productsWithReference(): Float64Array {
    const products = this.#source.productsWithReference();
    const n = this.#source.count;
    return Float64Array.from({ length: this.count }, (_, m) =>
      products.reduce((sum, product, i) => sum + at(this.#weights, m * n + i) * product, 0),
    );
  }

  combine(weights: Float64Array, ofReference = 0): FloatVector {
    const n = this.#source.count;
    const ofSource = new Float64Array(n);
    for (let m = 0; m < this.count; m++) {
      const weight = at(weights, m);
      if (weight === 0) continue;
      for (let i = 0; i < n; i++) ofSource[i] = at(ofSource, i) + weight * at(this.#weights, m * n + i);
    }
    return this.#source.combine(ofSource, ofReference);
  }

  /** What there is, or where that is too short, room for `length` coordinates of each row. */
  #scratch(existing: readonly FloatVector[], model: FloatVector, length: number): readonly FloatVector[] {
    if (existing.length === this.count && (existing[0]?.length ?? 0) >= length) return existing;
    return Array.from({ length: this.count }, () => zerosLike(model, length));
  }

  #mixInto(scratch: readonly FloatVector[], from: number, to: number): readonly FloatVector[] {
    mixRows(this.#source.exactBlock(from, to), this.#weights, 0, to - from, scratch);
    return scratch.map((row) => row.subarray(0, to - from));
  }

  #difference(a: number, b: number | undefined): Difference {
    const n = this.#source.count;
    const indices: number[] = [];
    const values: number[] = [];
    let sum = 0;
    for (let i = 0; i < n; i++) {
      const value = at(this.#weights, a * n + i) - (b === undefined ? 0 : at(this.#weights, b * n + i));
      if (value === 0) continue;
      indices.push(i);
      values.push(value);
      sum += value;
    }
    if (!this.#affine && b !== undefined && sum !== 0) {
      indices.push(n);
      values.push(-sum);
    }
    return { indices, values };
  }

  #distancesByAlgebra(): Float64Array | undefined {
    const result = new Float64Array(this.count * this.count);
    const share = reliableShare(this.model);
    const entry = extended(this.#source, !this.#affine, false);
    for (let a = 0; a < this.count; a++) {
      for (let b = a + 1; b < this.count; b++) {
        const value = quadraticForm(this.#difference(a, b), entry, share);
        if (value === undefined) return undefined;
        result[a * this.count + b] = value;
        result[b * this.count + a] = value;
      }
    }
    return result;
  }

  #measuredDistances(): Float64Array {
    const sums = new Float64Array(this.count * this.count);
    forEachBlock(this.dimension, (start, end) => {
      addSquaredDistances(this.exactBlock(start, end), 0, end - start, sums);
    });
    return sums;
  }

  /** Squared distances to the reference, whose coordinates are `point`, or the origin. */
  #distancesTo(point: FloatVector | undefined): Float64Array {
    const n = this.#source.count;
    const share = reliableShare(this.model);
    const entry = extended(this.#source, !this.#affine || point === undefined, point !== undefined);
    const result = new Float64Array(this.count);
    for (let a = 0; a < this.count; a++) {
      const { indices, values } = this.#difference(a, undefined);
      const sum = this.#affine ? 1 : values.reduce((total, value) => total + value, 0);
      const rest = point === undefined ? [-sum] : [-1, ...(sum === 1 ? [] : [1 - sum])];
      const points = point === undefined ? [n] : [n + 1, ...(sum === 1 ? [] : [n])];
      const value = quadraticForm({ indices: [...indices, ...points], values: [...values, ...rest] }, entry, share);
      if (value === undefined) return this.#measuredTo(point);
      result[a] = value;
    }
    return result;
  }

  #measuredTo(point: FloatVector | undefined): Float64Array {
    const sums = new Float64Array(this.count);
    forEachBlock(this.dimension, (start, end) => {
      addSquaredDistancesFrom(point?.subarray(start, end), this.exactBlock(start, end), 0, end - start, sums);
    });
    return sums;
  }
}

/** Squared distances among rows (0 to n-1), origin (n) and reference (n+1); norms are asked for only where needed. */
function extended(source: RowSet, origin: boolean, reference: boolean): (i: number, j: number) => number {
  const n = source.count;
  const between = source.squaredDistances();
  const norms = origin ? source.squaredNorms() : undefined;
  const toReference = reference ? source.squaredDistancesToReference() : undefined;
  const referenceNorm = origin && reference ? squaredReferenceNorm(source) : 0;
  return (i, j) => {
    if (i === j) return 0;
    const low = Math.min(i, j);
    const high = Math.max(i, j);
    if (high < n) return at(between, low * n + high);
    if (low >= n) return referenceNorm;
    const edge = high === n ? norms : toReference;
    if (edge === undefined)
      throw new InternalError('internal.distances', `distances to point ${high} were not asked for`);
    return at(edge, low);
  };
}

/**
 * The squared length of a difference whose values sum to zero, `-1/2 sum_ij v_i v_j E_ij`; `undefined` where its terms
 * cancel so far that digits are lost.
 */
function quadraticForm(
  { indices, values }: Difference,
  entry: (i: number, j: number) => number,
  share: number,
): number | undefined {
  if (indices.length === 0) return 0;
  let sum = 0;
  let size = 0;
  for (let a = 0; a < indices.length; a++) {
    for (let b = a + 1; b < indices.length; b++) {
      const term = at(values, a) * at(values, b) * entry(at(indices, a), at(indices, b));
      sum -= term;
      size += Math.abs(term);
    }
  }
  return sum >= share * size ? sum : undefined;
}
