import { addSquaredDistancesFrom, squaredNorm } from './distances.js';
import { mixRows } from './mix.js';
import { forEachBlock, type RowSet } from './rows.js';
import { at, type FloatVector } from './vectors.js';

/**
 * The point `sum_i weights[i] * row_i + ofReference * reference`. Rules walk through such points (Weiszfeld's and
 * centered clipping's iterates) without a vector of d values: all they ask are distances to rows, and those follow
 * from the rows' distances to each other.
 */
export interface Combination {
  readonly weights: Float64Array;
  readonly ofReference: number;
}

/**
 * Below this share of the terms that make it up, a squared distance taken from other distances has lost too many
 * digits, and is measured in the coordinates instead. Distances of float64 rows are good to 1e-15, those of float32
 * rows to 1e-6 (their kernel adds strips in float32).
 */
export function reliableShare(model: FloatVector): number {
  return model instanceof Float32Array ? 0.02 : 1e-4;
}

/**
 * Squared distances from a combination to each row. The weights, none negative, sum to one with `ofReference`; a
 * missing reference is the origin.
 *
 * With E the matrix of squared distances, |x_j - z|^2 = (E z)_j - z'Ez / 2 for weights z that sum to one.
 */
export function squaredDistancesFrom(rows: RowSet, point: Combination): Float64Array {
  const { count } = rows;
  const { weights, ofReference } = point;
  const between = rows.squaredDistances();
  const toReference = ofReference === 0 ? undefined : rows.squaredDistancesToReference();
  const means = new Float64Array(count);
  for (let j = 0; j < count; j++)
    means[j] = weightedSum(weights, between, j, toReference === undefined ? 0 : ofReference * at(toReference, j));
  let spread = weightedSum(weights, means);
  if (toReference !== undefined) spread += ofReference * weightedSum(weights, toReference);
  const result = means.map((mean) => mean - spread / 2);
  const share = reliableShare(rows.model);
  const exact = spread === 0; // the point is a row, or the reference
  if (exact || result.every((value, j) => value >= share * (at(means, j) + spread / 2))) return result;
  return measured(rows, point);
}

/** A distance from its square, which rounding may have left below zero. */
export function rootOf(squared: number): number {
  return Math.sqrt(Math.max(0, squared));
}

/** `start` and the weighted sum of a matrix's row. Zero times an overlarge distance is zero here, whatever it is. */
function weightedSum(weights: Float64Array, matrix: Float64Array, row = 0, start = 0): number {
  let sum = start;
  for (let i = 0; i < weights.length; i++) {
    const weight = at(weights, i);
    if (weight !== 0) sum += weight * at(matrix, row * weights.length + i);
  }
  return sum;
}

/** The same from the coordinates, a block at a time. */
function measured(rows: RowSet, { weights, ofReference }: Combination): Float64Array {
  const sums = new Float64Array(rows.count);
  const { reference } = rows;
  const coefficients = reference === undefined ? weights : Float64Array.of(...weights, ofReference);
  forEachBlock(rows.dimension, (start, end) => {
    const block = rows.exactBlock(start, end);
    const point = new Float64Array(end - start);
    const terms = reference === undefined ? block : [...block, reference.subarray(start, end)];
    mixRows(terms, coefficients, 0, point.length, [point]);
    addSquaredDistancesFrom(point, block, 0, point.length, sums);
  });
  return sums;
}

/**
 * Inner products of rows about their weighted mean, from distances (double centering), n x n. The weights are not
 * negative and sum to one. Its eigenvalues, weighted, are those of the covariance, whatever d is.
 */
export function centeredProducts(distances: Float64Array, count: number, weights: Float64Array): Float64Array {
  const means = new Float64Array(count);
  for (let i = 0; i < count; i++) means[i] = weightedSum(weights, distances, i);
  const grand = weightedSum(weights, means);
  const products = new Float64Array(count * count);
  for (let i = 0; i < count; i++)
    for (let j = 0; j < count; j++)
      products[i * count + j] = (at(means, i) + at(means, j) - at(distances, i * count + j) - grand) / 2;
  return products;
}

/** The squared norm of the reference, zero where there is none. */
export function squaredReferenceNorm(rows: RowSet): number {
  return rows.reference === undefined ? 0 : squaredNorm(rows.reference);
}
