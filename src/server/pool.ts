import { fileURLToPath } from 'node:url';
import { Piscina } from 'piscina';
import { defaultProvider } from '#provider';
import { checkInteger } from '../core/check.js';
import type { Lanes } from '../kernels/lanes.js';
import { addInto, asPlain, ringVector } from '../ring/vector.js';
import { type MaskRemoval, removalCost, removeMasks, splitRemoval } from '../secagg/mask-removal.js';

/**
 * Milliseconds for which an idle thread is kept: to start one costs as much as to expand fifty masks of 10^6 values, so
 * those of one round serve the next.
 */
const idleTimeout = 600_000;
/** A removal that costs less is made on this thread: it takes 10 ms, and to hand it over takes one or two. */
const leastCost = 2 ** 25;
/** Parts of a removal for each thread: a thread that is held up leaves its last part to others. */
const partsPerThread = 2;

/**
 * Takes masks off sums on worker threads: seeds are divided among them, and their results add up. With one thread, and
 * where there is little to do, it is done on this one: nothing is started then.
 */
export class MaskPool {
  readonly #threads: number;
  #workers: Piscina<MaskRemoval | undefined, Lanes> | undefined;
  /** Whether a thread failed to start: all is done on this one then. */
  #failed = false;

  /** Throws `UsageError` (`usage.range`) unless `threads` is from 1 to 1024. */
  constructor(threads: number) {
    this.#threads = checkInteger('threads', threads, 1, 1024);
  }

  /**
   * Says that a removal of about so many masks will come, so that threads are started ahead if it needs any. Resolves
   * when they run, or failed to start.
   */
  async expect(masks: number, size: Pick<MaskRemoval, 'ringBits' | 'vectorLength'>): Promise<void> {
    if (!this.#worthwhile(removalCost(size, masks))) return;
    const workers = this.#start();
    const missing = Array.from({ length: this.#threads - workers.threads.length }, () => workers.run(undefined));
    await Promise.allSettled(missing);
  }

  /** The negative of all masks that are left in a sum, to be added to it. */
  async removeMasks(removal: MaskRemoval): Promise<Lanes> {
    const pairs = removal.dropouts.reduce((sum, { neighbors }) => sum + neighbors.length, 0);
    if (!this.#worthwhile(removalCost(removal, removal.selfMasks.length, pairs)))
      return removeMasks(removal, defaultProvider);
    const workers = this.#start();
    const parts = splitRemoval(removal, partsPerThread * this.#threads);
    const [first, ...others] = await Promise.all(parts.map((part) => workers.run(part))).catch((error: unknown) => {
      if (this.#failed) return [];
      throw error;
    });
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

  #worthwhile(cost: number): boolean {
    return this.#threads > 1 && !this.#failed && cost >= leastCost;
  }

  #start(): Piscina<MaskRemoval | undefined, Lanes> {
    this.#workers ??= this.#open();
    return this.#workers;
  }

  #open(): Piscina<MaskRemoval | undefined, Lanes> {
    const workers = new Piscina<MaskRemoval | undefined, Lanes>({
      filename: fileURLToPath(new URL('./mask-worker.js', import.meta.url)),
      name: 'removePart',
      minThreads: 0,
      maxThreads: this.#threads,
      idleTimeout,
    });
    workers.on('error', () => {
      this.#failed = true;
      void workers.destroy(); // or what is queued would wait for ever
    });
    return workers;
  }
}
