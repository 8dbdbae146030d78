import { addSquaredDistancesFrom } from './distances.js';
import { applyPart, type ColumnTask, partLength, trianglePart } from './executor.js';
import { mixRows } from './mix.js';
import { type FloatVector, isUsable } from './vectors.js';

/** Work on d coordinates of vectors that threads share; all arrays but the small weights are over shared memory. */
export type Task =
  | { readonly kind: 'usable'; readonly vectors: readonly FloatVector[]; readonly out: Uint8Array }
  | { readonly kind: 'columns'; readonly task: ColumnTask; readonly out: FloatVector }
  | { readonly kind: 'distances'; readonly rows: readonly FloatVector[]; readonly triangles: readonly Float64Array[] }
  | {
      readonly kind: 'distances-from';
      readonly point: FloatVector | undefined;
      readonly rows: readonly FloatVector[];
      readonly sums: readonly Float64Array[];
    }
  | {
      readonly kind: 'mix';
      readonly rows: readonly FloatVector[];
      readonly weights: Float64Array;
      readonly out: readonly FloatVector[];
    };

/** A task, and which of its parts are taken and done: the threads agree on that through shared memory alone. */
export interface SharedTask {
  readonly task: Task;
  readonly dimension: number;
  /** How many parts it has: ranges of coordinates; or vectors, where each is checked. */
  readonly parts: number;
  /** One number, the next part to take, and then one for each part: whether it is done. */
  readonly state: Int32Array;
}

const done = 1;
const failed = 2;

export function partsOf(dimension: number): number {
  return Math.ceil(dimension / partLength);
}

/** Takes parts until none is left. */
export function work(shared: SharedTask): void {
  for (let part = Atomics.add(shared.state, 0, 1); part < shared.parts; part = Atomics.add(shared.state, 0, 1)) {
    let outcome = failed; // the pool's own thread does that part again, and has the error
    try {
      runPart(shared, part);
      outcome = done;
    } finally {
      Atomics.store(shared.state, 1 + part, outcome);
      Atomics.notify(shared.state, 1 + part);
    }
  }
}

/** Waits, at most `milliseconds`, for a part that another thread took; gives whether it was done. */
export function waitFor({ state }: SharedTask, part: number, milliseconds: number): boolean {
  Atomics.wait(state, 1 + part, 0, milliseconds);
  return Atomics.load(state, 1 + part) === done;
}

/** Does one part. Whoever does it writes the same values, so doing it twice does no harm. */
export function runPart({ task, dimension }: SharedTask, part: number): void {
  const from = part * partLength;
  const to = Math.min(dimension, from + partLength);
  switch (task.kind) {
    case 'usable':
      task.out[part] = isUsable(task.vectors[part] as FloatVector) ? 1 : 0; // one part a vector
      return;
    case 'columns':
      applyPart(task.task, from, to, task.out);
      return;
    case 'distances':
      trianglePart(task.rows, from, to, task.triangles[part] as Float64Array); // one a part
      return;
    case 'distances-from': {
      const sums = task.sums[part] as Float64Array; // one a part
      sums.fill(0);
      addSquaredDistancesFrom(task.point, task.rows, from, to, sums);
      return;
    }
    default:
      mixRows(task.rows, task.weights, from, to, task.out);
  }
}
