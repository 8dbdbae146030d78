import fc from 'fast-check';

/** Finite float32 values: of any size, few that repeat, and neighbors far from the origin. */
export const value: fc.Arbitrary<number> = fc.oneof(
  fc.float({ noNaN: true, noDefaultInfinity: true }),
  fc.constantFrom(-0, 0, 1, -1, 2, 3.4028234663852886e38, -3.4028234663852886e38, 2 ** -149),
  fc.integer({ min: 0, max: 1000 }).map((k) => 100_000 + k / 128),
);

/** Vectors of `length` such values. */
export function floats(length: number): fc.Arbitrary<Float32Array> {
  return fc.array(value, { minLength: length, maxLength: length }).map((values) => Float32Array.from(values));
}

/** `n` rows of `d` values in [-1, 1), the same for a seed, some of them equal. */
export function randomRows(n: number, d: number, seed: number): readonly Float32Array[] {
  let state = seed + 1;
  const next = () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return (state >>> 12) / 2 ** 19 - 1;
  };
  return Array.from({ length: n }, () => Float32Array.from({ length: d }, next));
}

/**
 * The bits of arrays as one string: what is compared where arrays are long, since `toEqual` takes seconds for those.
 */
export function bits(...arrays: readonly (Float32Array | Float64Array)[]): string {
  return arrays
    .map(({ buffer, byteOffset, byteLength }) => Buffer.from(buffer, byteOffset, byteLength).toString('latin1'))
    .join();
}
