import { Worker } from 'node:worker_threads';
import { checkInteger } from '../core/check.js';
import { addTriangle, type ColumnTask, type Executor, thisThread } from './executor.js';
import { partsOf, runPart, type SharedTask, type Task, waitFor, work } from './parallel-task.node.js';
import type { FloatVector } from './vectors.js';

/** Milliseconds to wait for a part that a thread took, before it is given up and the part done here. */
const patience = 10_000;

/**
 * Spreads what rules compute over worker threads, by blocks of coordinates. A call returns when all is done, with the
 * bits of one thread: meanwhile this thread works too, so a pool of t threads starts t - 1. Vectors of up to one part
 * (16,384 coordinates) are done here.
 *
 * Threads read vectors over a `SharedArrayBuffer` in place; other vectors are copied first, into as much memory again.
 * So let uploads end in vectors that `sharedVector` makes.
 */
export class ThreadPool implements Executor {
  readonly #threads: number;
  #workers: readonly Started[] | undefined;
  /**
   * Where threads write results, before they are copied to the caller's: fresh memory would cost more than the copy.
   */
  #results = new SharedArrayBuffer(0);

  /** Throws `UsageError` (`usage.range`) unless `threads` is from 1 to 1024. */
  constructor(threads: number) {
    this.#threads = checkInteger('threads', threads, 1, 1024);
  }

  share(vectors: readonly FloatVector[]): readonly FloatVector[] {
    return this.#alone(vectors[0]?.length ?? 0) ? vectors : shareVectors(vectors);
  }

  usable(vectors: readonly FloatVector[]): readonly boolean[] {
    const longest = vectors.reduce((most, { length }) => Math.max(most, length), 0);
    if (this.#alone(longest) || !vectors.every(isShared)) return thisThread.usable(vectors);
    const out = new Uint8Array(new SharedArrayBuffer(vectors.length));
    this.#run({ kind: 'usable', vectors, out }, longest, vectors.length);
    return Array.from(out, (is) => is === 1);
  }

  columns(task: ColumnTask, out: FloatVector): void {
    if (this.#alone(out.length)) {
      thisThread.columns(task, out);
      return;
    }
    const [shared = out] = this.#resultsFor([out]);
    this.#run({ kind: 'columns', task: { ...task, rows: shareVectors(task.rows) }, out: shared }, out.length);
    if (shared !== out) out.set(shared);
  }

  squaredDistances(rows: readonly FloatVector[]): Float64Array {
    const dimension = rows[0]?.length ?? 0;
    if (this.#alone(dimension)) return thisThread.squaredDistances(rows);
    const n = rows.length;
    const triangles = sharedSums(partsOf(dimension), (n * (n - 1)) / 2);
    this.#run({ kind: 'distances', rows: shareVectors(rows), triangles }, dimension);
    const sums = new Float64Array(n * n);
    for (const triangle of triangles) addTriangle(triangle, n, sums);
    return sums;
  }

  squaredDistancesFrom(point: FloatVector | undefined, rows: readonly FloatVector[]): Float64Array {
    const dimension = rows[0]?.length ?? 0;
    if (this.#alone(dimension)) return thisThread.squaredDistancesFrom(point, rows);
    const [sharedPoint] = point === undefined ? [] : shareVectors([point]);
    const parts = sharedSums(partsOf(dimension), rows.length);
    this.#run({ kind: 'distances-from', point: sharedPoint, rows: shareVectors(rows), sums: parts }, dimension);
    const sums = new Float64Array(rows.length);
    for (const part of parts) for (const [i, sum] of part.entries()) sums[i] = (sums[i] as number) + sum; // one a row
    return sums;
  }

  mix(rows: readonly FloatVector[], weights: Float64Array, out: readonly FloatVector[]): void {
    const dimension = rows[0]?.length ?? 0;
    if (this.#alone(dimension)) {
      thisThread.mix(rows, weights, out);
      return;
    }
    const shared = this.#resultsFor(out);
    this.#run({ kind: 'mix', rows: shareVectors(rows), weights, out: shared }, dimension);
    for (const [k, vector] of out.entries()) {
      const result = shared[k];
      if (result !== undefined && result !== vector) vector.set(result);
    }
  }

  /** Starts the threads, which else the first call does, and resolves when they are ready for work, or ended. */
  async start(): Promise<void> {
    const workers = this.#start();
    for (const { worker } of workers) worker.ref(); // or a process that waits for nothing else would end
    await Promise.all(workers.map(({ ready }) => ready));
    for (const { worker } of workers) worker.unref();
  }

  /** Ends the threads. */
  async close(): Promise<void> {
    const workers = this.#workers ?? [];
    this.#workers = undefined;
    this.#results = new SharedArrayBuffer(0);
    await Promise.all(workers.map(({ worker }) => worker.terminate()));
  }

  #alone(dimension: number): boolean {
    return this.#threads === 1 || partsOf(dimension) < 2;
  }

  #run(task: Task, dimension: number, parts = partsOf(dimension)): void {
    const state = new Int32Array(new SharedArrayBuffer(4 * (1 + parts)));
    const shared: SharedTask = { task, dimension, parts, state };
    for (const { worker } of this.#start()) worker.postMessage(shared);
    work(shared);
    for (let part = 0; part < parts; part += 1) {
      if (waitFor(shared, part, patience)) continue;
      runPart(shared, part); // its thread failed, ended, or hangs
      void this.close(); // the next call starts new ones
    }
  }

  #start(): readonly Started[] {
    this.#workers ??= Array.from({ length: this.#threads - 1 }, () => {
      const worker = new Worker(new URL('./parallel-worker.node.js', import.meta.url));
      const ready = new Promise<void>((resolve) => {
        worker.once('message', () => resolve());
        worker.once('exit', () => resolve());
      });
      worker.on('error', () => {}); // a thread that ended leaves its parts to this one
      worker.unref();
      return { worker, ready };
    });
    return this.#workers;
  }

  /** The vectors of `out` that threads can write to, and for each other one a place in the pool's memory. */
  #resultsFor(out: readonly FloatVector[]): readonly FloatVector[] {
    const own = out.filter((vector) => !isShared(vector));
    const bytes = own.reduce((sum, { length }) => sum + 8 * length, 0);
    if (this.#results.byteLength < bytes) this.#results = new SharedArrayBuffer(bytes);
    let at = 0;
    return out.map((vector) => {
      if (isShared(vector)) return vector;
      const place = at;
      at += 8 * vector.length;
      return vector instanceof Float32Array
        ? new Float32Array(this.#results, place, vector.length)
        : new Float64Array(this.#results, place, vector.length);
    });
  }
}

interface Started {
  readonly worker: Worker;
  /** When it listens, or has ended. */
  readonly ready: Promise<void>;
}

/** `parts` arrays of `length` sums each, which threads can write to. */
function sharedSums(parts: number, length: number): readonly Float64Array[] {
  const memory = new SharedArrayBuffer(parts * length * 8);
  return Array.from({ length: parts }, (_, part) => new Float64Array(memory, part * length * 8, length));
}

/** A vector of `length` zeros that threads can read in place. */
export function sharedVector(length: number): Float32Array {
  return new Float32Array(new SharedArrayBuffer(4 * length));
}

/** The vectors themselves where threads can read them, else copies. */
export function shareVectors(vectors: readonly FloatVector[]): readonly FloatVector[] {
  return vectors.map((vector) => {
    if (isShared(vector)) return vector;
    const copy =
      vector instanceof Float32Array
        ? sharedVector(vector.length)
        : new Float64Array(new SharedArrayBuffer(8 * vector.length));
    copy.set(vector);
    return copy;
  });
}

function isShared(vector: FloatVector): boolean {
  return vector.buffer instanceof SharedArrayBuffer;
}
