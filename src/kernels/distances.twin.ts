/**
 * Adds the squared distance of each two of n rows over columns `from` to `to` (exclusive) to `sums`, n x n, row-major
 * and symmetric; the diagonal is left.
 *
 * Differences come first, so that vectors far from the origin keep them; their squares are added in float32 over strips
 * of 256 columns, four partial sums each, and in double precision from there. A strip whose sum has left the range of
 * float32 is computed in double precision altogether, so every distance between finite rows is finite, and 0 only
 * between equal ones. The relative error is below 10^-6. A pair's distance depends on nothing but its two rows: equal
 * pairs tie exactly.
 *
 * Strips start at `from` and anew at each multiple of `chunkColumns`, where what was added up so far goes to `sums`. So
 * calls for [a, b) and then [b, c) give the bits of one call for [a, c) if b is such a multiple.
 *
 * The caller has checked that each row has at least `to` finite values.
 */
export type AddSquaredDistances = (rows: readonly Float32Array[], from: number, to: number, sums: Float64Array) => void;

/**
 * Adds the squared distances from `point`, or the origin, to each of n rows to `sums`, of length n, by the same rules.
 */
export type AddSquaredDistancesFrom = (
  point: Float32Array | undefined,
  rows: readonly Float32Array[],
  from: number,
  to: number,
  sums: Float64Array,
) => void;

/** Both kernels: what is between all rows, and what is between one point and the rows. */
export interface Distances {
  readonly between: AddSquaredDistances;
  readonly from: AddSquaredDistancesFrom;
}

/** Columns between points where a sum may be divided. */
export const chunkColumns = 16_384;
/** Columns of a strip, added up in float32. */
export const stripColumns = 256;
/**
 * The least sum of a strip that is trusted: squares below float32's range are lost, at most 2^-143 of them together.
 */
const leastStrip = 2 ** -112;

/** The distance kernels in TypeScript: the same results, bit for bit, where WebAssembly SIMD is missing. */
export const twin: Distances = {
  between: (rows, from, to, sums) => {
    const n = rows.length;
    forEachChunk(from, to, (start, end) => {
      for (const [i, a] of rows.entries()) {
        for (let j = i + 1; j < n; j += 1) {
          const sum = squaredDistance(a, rows[j] as Float32Array, start, end);
          addBoth(sums, n, i, j, sum);
        }
      }
    });
  },
  from: (point, rows, from, to, sums) => {
    const origin = new Float32Array(point === undefined ? chunkColumns : 0);
    forEachChunk(from, to, (start, end) => {
      for (const [j, row] of rows.entries())
        sums[j] =
          (sums[j] as number) +
          squaredDistance(point?.subarray(start, end) ?? origin, row.subarray(start, end), 0, end - start);
    });
  },
};

/** Calls `task` for [from, to) in pieces that end at multiples of `chunkColumns`. */
export function forEachChunk(from: number, to: number, task: (start: number, end: number) => void): void {
  for (let start = from; start < to; ) {
    const end = Math.min(to, (Math.floor(start / chunkColumns) + 1) * chunkColumns);
    task(start, end);
    start = end;
  }
}

/** Adds `sum` to entries (i, j) and (j, i) of an n x n matrix. */
export function addBoth(sums: Float64Array, n: number, i: number, j: number, sum: number): void {
  const value = (sums[i * n + j] as number) + sum;
  sums[i * n + j] = value;
  sums[j * n + i] = value;
}

function squaredDistance(a: Float32Array, b: Float32Array, from: number, to: number): number {
  let sum = 0;
  for (let start = from; start < to; start += stripColumns) {
    const end = Math.min(to, start + stripColumns);
    const strip = addUp(a, b, start, end, Math.fround);
    sum += strip >= leastStrip && strip < Number.POSITIVE_INFINITY ? strip : addUp(a, b, start, end, (x) => x);
  }
  return sum;
}

/** The squared distance over one strip, each step rounded by `round`, in four sums like the kernel's lanes. */
function addUp(a: Float32Array, b: Float32Array, from: number, to: number, round: (value: number) => number): number {
  const lanes: [number, number, number, number] = [0, 0, 0, 0];
  for (let column = from; column < to; column += 1) {
    const difference = round((a[column] as number) - (b[column] as number));
    const lane = (column - from) % 4;
    lanes[lane] = round((lanes[lane] as number) + round(difference * difference));
  }
  return lanes[0] + lanes[1] + (lanes[2] + lanes[3]);
}
