import { checkNumber } from '../core/check.js';

/** What happens at a moment of virtual time. */
export type Task = () => void | Promise<void>;

interface Appointment {
  readonly time: number;
  /** Breaks ties: what was planned first happens first. */
  readonly turn: number;
  readonly task: Task;
}

/**
 * Time that passes only when nothing is left to do: a queue of tasks by virtual time, run one after another. The order
 * depends on nothing but the times and the order of planning, so a run can be repeated exactly.
 */
export class VirtualClock {
  readonly #heap: Appointment[] = [];
  #now = 0;
  #turns = 0;

  /** Virtual seconds since the start. */
  get now(): number {
    return this.#now;
  }

  /** Plans `task` for a moment, in seconds, now or later. */
  at(time: number, task: Task): void {
    checkNumber('time', time, this.#now, Number.MAX_VALUE);
    this.#heap.push({ time, turn: this.#turns, task });
    this.#turns += 1;
    this.#rise(this.#heap.length - 1);
  }

  /** Runs tasks, and those that they plan, until none is left or `done` says so. A task that throws ends the run. */
  async run(done: () => boolean = () => false): Promise<void> {
    while (!done()) {
      const next = this.#take();
      if (next === undefined) return;
      this.#now = next.time;
      await next.task();
    }
  }

  #take(): Appointment | undefined {
    const first = this.#heap[0];
    const last = this.#heap.pop();
    if (first === undefined || last === undefined || first === last) return first;
    this.#heap[0] = last;
    this.#sink(0);
    return first;
  }

  #rise(from: number): void {
    for (let child = from; child > 0; ) {
      const parent = (child - 1) >>> 1;
      if (!this.#before(child, parent)) return;
      this.#swap(child, parent);
      child = parent;
    }
  }

  #sink(from: number): void {
    for (let parent = from; ; ) {
      let least = parent;
      for (const child of [2 * parent + 1, 2 * parent + 2])
        if (child < this.#heap.length && this.#before(child, least)) least = child;
      if (least === parent) return;
      this.#swap(parent, least);
      parent = least;
    }
  }

  #before(i: number, j: number): boolean {
    const [a, b] = [this.#heap[i], this.#heap[j]];
    if (a === undefined || b === undefined) return false;
    return a.time < b.time || (a.time === b.time && a.turn < b.turn);
  }

  #swap(i: number, j: number): void {
    const [a, b] = [this.#heap[i], this.#heap[j]];
    if (a === undefined || b === undefined) return;
    this.#heap[i] = b;
    this.#heap[j] = a;
  }
}
