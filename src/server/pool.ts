import { fileURLToPath } from 'node:url';
import { Piscina } from 'piscina';
import { defaultProvider } from '#provider';
import { checkInteger } from '../core/check.js';
import type { Lanes } from '../kernels/lanes.js';
import { addInto, asPlain, ringVector } from '../ring/vector.js';
import { type MaskRemoval, removeMasks, splitRemoval } from '../secagg/mask-removal.js';

/** Milliseconds for which an idle thread is kept. */
const idleTimeout = 30_000;
/** Parts of a removal for each thread: a thread that is held up leaves its last part to others. */
const partsPerThread = 2;

/**
 * Takes masks off sums on worker threads: seeds are divided among them, and their results add up. One thread means this one:
 * nothing is started then.
 */
export class MaskPool {
  readonly #threads: number;
  #workers: Piscina<MaskRemoval, Lanes> | undefined;

  /** Throws `UsageError` (`usage.range`) unless `threads` is from 1 to 1024. */
  constructor(threads: number) {
    this.#threads = checkInteger('threads', threads, 1, 1024);
  }

  /** The negative of all masks that are left in a sum, to be added to it. */
  async removeMasks(removal: MaskRemoval): Promise<Lanes> {
    if (this.#threads === 1) return removeMasks(removal, defaultProvider);
    const workers = this.#start();
    const parts = splitRemoval(removal, partsPerThread * this.#threads);
    const [first, ...others] = await Promise.all(parts.map((part) => workers.run(part)));
    if (first === undefined) return removeMasks(removal, defaultProvider);
    const sum = asPlain(ringVector(removal.ringBits, first));
    for (const lanes of others) addInto(sum, asPlain(ringVector(removal.ringBits, lanes)));
    return sum.lanes;
  }

  /** Ends the threads; a removal under way is rejected. */
  async close(): Promise<void> {
    await this.#workers?.destroy();
    this.#workers = undefined;
  }

  #start(): Piscina<MaskRemoval, Lanes> {
    this.#workers ??= new Piscina<MaskRemoval, Lanes>({
      filename: fileURLToPath(new URL('./mask-worker.js', import.meta.url)),
      name: 'removePart',
      minThreads: 0,
      maxThreads: this.#threads,
      idleTimeout,
    });
    return this.#workers;
  }
}
