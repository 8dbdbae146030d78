import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { applyColumns, type ColumnRule } from '../../src/kernels/columns.js';
import { mixRows } from '../../src/kernels/mix.js';
import { applyMixedColumns, type MixedColumns, startMixedColumns } from '../../src/kernels/mixed-columns.js';
import { twin } from '../../src/kernels/mixed-columns.twin.js';
import { bits, floats, randomRows } from './rows.js';

const kernel = startMixedColumns();
if (kernel === undefined) throw new Error('these tests need WebAssembly SIMD');

const rules: readonly ColumnRule[] = ['median', 'trimmed-mean', 'meamed'];

/** Weights of convex sums: each of some rows alike, or each as it comes. */
function weightsOf(n: number, m: number, alike: boolean, seed: number): Float64Array {
  const noise = randomRows(1, n * m, seed)[0] ?? new Float32Array();
  const raw = Float64Array.from(noise, (x) => (x < -0.5 ? 0 : alike ? 1 : x + 1));
  return raw.map((value, at) => {
    const row = raw.subarray(n * Math.floor(at / n), n * Math.floor(at / n) + n);
    const sum = row.reduce((total, x) => total + x, 0);
    return sum === 0 ? 0 : value / sum;
  });
}

/** The task in two steps, sums stored whole. */
function inTwoSteps({ rule, f, rows, weights, count }: MixedColumns<Float32Array>, out: Float32Array): void {
  const mixed = Array.from({ length: count }, () => new Float32Array(out.length));
  mixRows(rows, weights, 0, out.length, mixed);
  applyColumns(rule, f, mixed, 0, out.length, out);
}

const anyTask = fc
  .record({
    n: fc.integer({ min: 1, max: 24 }),
    count: fc.integer({ min: 1, max: 24 }),
    d: fc.integer({ min: 1, max: 40 }),
  })
  .chain(({ n, count, d }) =>
    fc.record({
      rule: fc.constantFrom(...rules),
      f: fc.nat(count - 1),
      rows: fc.array(floats(d), { minLength: n, maxLength: n }),
      weights: fc.tuple(fc.boolean(), fc.nat(1000)).map(([alike, seed]) => weightsOf(n, count, alike, seed)),
      count: fc.constant(count),
      range: fc.tuple(fc.nat(d), fc.nat(d)),
    }),
  );

describe('the mixed columns kernel and its twin agree', () => {
  it('bit for bit, on any finite rows, weights, rule and range', () => {
    fc.assert(
      fc.property(anyTask, ({ range, ...given }) => {
        const task = { ...given, f: given.rule === 'meamed' ? given.f : given.f >> 1 };
        const d = task.rows[0]?.length ?? 0;
        const [from, to] = [Math.min(...range), Math.max(...range)];
        const [fromKernel, fromTwin] = [new Float32Array(d).fill(7), new Float32Array(d).fill(7)];
        kernel(task, from, to, fromKernel);
        twin(task, from, to, fromTwin);
        expect(fromKernel).toEqual(fromTwin);
      }),
      { numRuns: 500 },
    );
  });

  it.each([
    [1, 1, 9000],
    [20, 20, 8300],
    [50, 50, 5300],
    [7, 130, 1500], // strips narrower than most
    [128, 128, 300],
    [200, 200, 120], // too many for a list of any weights
    [256, 256, 70],
    [257, 5, 700], // no groups
    [3, 257, 100], // too many sums
  ])('across blocks and strips: %d rows, %d sums of %d', (n, count, d) => {
    const rows = randomRows(n, d, n);
    const before = rows.map((row) => row.slice());
    for (const alike of [true, false]) {
      const weights = weightsOf(n, count, alike, count);
      for (const rule of rules) {
        const task = { rule, f: count >> 2, rows, weights, count };
        const [fromKernel, fromTwin, whole] = [new Float32Array(d), new Float32Array(d), new Float32Array(d)];
        applyMixedColumns(task, 5, d - 3, fromKernel);
        twin(task, 5, d - 3, fromTwin);
        inTwoSteps(task, whole);
        expect(bits(fromKernel) === bits(fromTwin)).toBe(true);
        expect(bits(fromKernel.subarray(5, d - 3)) === bits(whole.subarray(5, d - 3))).toBe(true);
        expect([...fromKernel.subarray(0, 5), ...fromKernel.subarray(d - 3)]).toEqual(Array(8).fill(0));
      }
    }
    expect(bits(...rows) === bits(...before)).toBe(true);
  });

  it('after other shapes', () => {
    const rows = randomRows(9, 400, 1);
    const task: MixedColumns<Float32Array> = {
      rule: 'trimmed-mean',
      f: 2,
      rows,
      weights: weightsOf(9, 9, true, 3),
      count: 9,
    };
    const [first, again] = [new Float32Array(400), new Float32Array(400)];
    kernel(task, 0, 400, first);
    kernel(
      { ...task, rule: 'median', rows: rows.slice(0, 4), weights: weightsOf(4, 5, false, 3), count: 5 },
      0,
      90,
      again,
    );
    kernel(task, 0, 400, again);
    expect(bits(again) === bits(first)).toBe(true);
  });
});

describe('the twin', () => {
  it('takes doubles, and rounds nothing to float32', () => {
    const rows = [0.1, 0.2, 0.3].map((x) => new Float64Array(3).fill(x));
    const out = new Float64Array(3);
    twin({ rule: 'median', f: 0, rows, weights: Float64Array.of(1, 0, 0, 0, 1, 0, 0, 0, 1), count: 3 }, 0, 3, out);
    expect(out).toEqual(new Float64Array(3).fill(0.2));
  });
});
