import { afterAll, describe, expect, it } from 'vitest';
import { type ColumnTask, type Executor, partLength, thisThread } from '../../src/robust/executor.js';
import { bulyan, krum, median, nnm, trimmedMean } from '../../src/robust/index.js';
import { sharedVector, shareVectors, ThreadPool } from '../../src/robust/parallel.node.js';
import { runPart, type SharedTask, waitFor, work } from '../../src/robust/parallel-task.node.js';
import type { FloatVector } from '../../src/robust/vectors.js';
import { bits, randomRows } from '../kernels/rows.js';

/** Worker threads run what is built: the sources are TypeScript. */
const built = new URL('../../dist/robust/parallel.node.js', import.meta.url);

const d = 3 * partLength + 77;
const rows = randomRows(9, d, 5);
const weights = Float64Array.from(randomRows(1, 45, 6)[0] ?? []);
const means = Float64Array.from(weights, (x) => (x > 0 ? 0.25 : 0));

/** The bits of everything an executor does. */
function all(executor: Executor, vectors: readonly FloatVector[]): string {
  const length = vectors[0]?.length ?? 0;
  const tasks: readonly ColumnTask[] = [
    { rule: 'median', f: 0, rows: vectors },
    { rule: 'meamed', f: 2, rows: vectors },
    { rule: 'trimmed-mean', f: 1, rows: vectors, mixing: { weights: means, count: 5 } },
  ];
  const columns = tasks.map((task) => {
    const out = new Float32Array(length);
    executor.columns(task, out);
    return out;
  });
  const mixed = [means, weights].flatMap((any) => {
    const out = Array.from({ length: 5 }, () => new Float32Array(length));
    executor.mix(vectors, any, out);
    return out;
  });
  const to = [vectors[1], undefined].map((point) => executor.squaredDistancesFrom(point, vectors));
  return bits(...columns, ...mixed, executor.squaredDistances(vectors), ...to);
}

describe('this thread', () => {
  it('mixes by blocks as it would at once', () => {
    const mixed = Array.from({ length: 5 }, () => new Float32Array(d));
    thisThread.mix(rows, means, mixed);
    const [whole, byBlocks] = [new Float32Array(d), new Float32Array(d)];
    thisThread.columns({ rule: 'trimmed-mean', f: 1, rows: mixed }, whole);
    thisThread.columns({ rule: 'trimmed-mean', f: 1, rows, mixing: { weights: means, count: 5 } }, byBlocks);
    expect(bits(byBlocks) === bits(whole)).toBe(true);
  });
});

describe('a pool of threads', () => {
  it.each([0, 1.5, 1025, '2', undefined])('refuses %s threads', (threads) => {
    expect(() => new ThreadPool(threads as number)).toThrow(expect.objectContaining({ code: 'usage.range' }));
  });

  it('of one, or over few coordinates, starts none', async () => {
    const few = rows.map((row) => row.slice(0, partLength));
    const [one, two] = [new ThreadPool(1), new ThreadPool(2)];
    expect(all(one, rows) === all(thisThread, rows)).toBe(true);
    expect(all(two, few) === all(thisThread, few)).toBe(true);
    await one.close();
    await two.close();
  });

  it('finishes what threads that never start leave', async () => {
    // The sources have no parallel-worker.node.js, so threads started from here end at once.
    const pool = new ThreadPool(3);
    expect(all(pool, rows) === all(thisThread, rows)).toBe(true);
    await pool.close();
  });

  it('shares vectors in place, and copies others', () => {
    const shared = sharedVector(3);
    const own = Float32Array.of(1, 2, 3);
    const [first, second] = shareVectors([shared, own]);
    expect(first).toBe(shared);
    expect(second).not.toBe(own);
    expect(second).toEqual(own);
    expect(second?.buffer).toBeInstanceOf(SharedArrayBuffer);
  });

  it('does a part that another took and failed in, or took and kept', () => {
    const out = new Float32Array(d);
    const state = new Int32Array(new SharedArrayBuffer(4 * 5));
    const shared: SharedTask = {
      task: { kind: 'columns', task: { rule: 'median', f: 0, rows }, out },
      dimension: d,
      parts: 4,
      state,
    };
    Atomics.add(state, 0, 1); // taken by one that hangs
    work(shared);
    expect([...state.subarray(1)]).toEqual([0, 1, 1, 1]);
    expect(waitFor(shared, 0, 1)).toBe(false);
    runPart(shared, 0);
    const expected = new Float32Array(d);
    thisThread.columns({ rule: 'median', f: 0, rows }, expected);
    expect(bits(out) === bits(expected)).toBe(true);

    const broken: SharedTask = {
      task: { kind: 'distances', rows: [...rows, undefined as unknown as Float32Array], triangles: [] },
      dimension: d,
      parts: 4,
      state: new Int32Array(new SharedArrayBuffer(4 * 5)),
    };
    expect(() => work(broken)).toThrow();
    expect(waitFor(broken, 0, 1)).toBe(false);
  });
});

describe('the built pool', async () => {
  const module: typeof import('../../src/robust/parallel.node.js') = await import(built.href);
  const pool = new module.ThreadPool(2);
  afterAll(() => pool.close());

  it.each(['shared', 'not shared'])('gives the bits of one thread, vectors %s', async (kind) => {
    const vectors = kind === 'shared' ? shareVectors(rows) : rows;
    const before = rows.map((row) => row.slice());
    // Threads take a moment to start: go on until they surely had their part.
    for (let i = 0; i < 5; i += 1) {
      expect(all(pool, vectors) === all(thisThread, rows)).toBe(true);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    expect(bits(...rows) === bits(...before)).toBe(true);
  });

  it('takes doubles, and vectors of other lengths, as one thread does', () => {
    for (const length of [d, partLength + 1, d - 3]) {
      const doubles = rows.slice(0, 4).map((row) => Float64Array.from(row.subarray(0, length)));
      const [one, two] = [thisThread, pool].map((executor) => {
        const out = new Float64Array(length);
        executor.columns({ rule: 'median', f: 0, rows: doubles }, out);
        return bits(out, executor.squaredDistances(doubles), executor.squaredDistancesFrom(undefined, doubles));
      });
      expect(two === one).toBe(true);
    }
  });

  it('writes nothing to a result that it gave before', () => {
    const [first, second] = [new Float32Array(d), new Float32Array(d)];
    pool.columns({ rule: 'median', f: 0, rows }, first);
    const before = bits(first);
    pool.columns({ rule: 'trimmed-mean', f: 1, rows }, second);
    expect(bits(first) === before).toBe(true);
    expect(bits(second) === before).toBe(false);
  });

  it('is ready when start says so, also if it was started before, or ends at once', async () => {
    await pool.start();
    await pool.start();
    await new ThreadPool(1).start();
    const endsAtOnce = new ThreadPool(2); // from the sources
    await endsAtOnce.start();
    await endsAtOnce.close();
  });

  it('starts again after it was closed', async () => {
    await pool.close();
    expect(all(pool, rows) === all(thisThread, rows)).toBe(true);
  });
});

describe('rules on a pool', () => {
  it('give the bits and verdicts of one thread, and leave out who is not finite', async () => {
    const pool = new ThreadPool(2);
    const vectors = shareVectors(
      rows.map((row, i) => (i === 3 ? row.map((x, k) => (k === d - 1 ? Number.NaN : x)) : row)),
    );
    for (const rule of [median({ f: 2 }), krum({ f: 2 }), nnm(trimmedMean({ f: 2 })), bulyan({ f: 1 })]) {
      const [one, two] = [rule.aggregate(vectors), rule.aggregate(vectors, { executor: pool })];
      expect(bits(one.vector) === bits(two.vector)).toBe(true);
      expect(two.verdicts).toEqual(one.verdicts);
      expect(two.verdicts[3]?.fault).toBe('not-finite');
    }
    await pool.close();
  });
});
