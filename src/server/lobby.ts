import { randomInt } from 'node:crypto';
import { AbortError } from '../core/errors.js';
import { permutation, seededSource } from '../robust/seeded.js';
import type { Connection } from './connection.js';

export interface GatherOptions {
  readonly min: number;
  readonly max: number;
  /** Milliseconds to wait for more than `min`. */
  readonly patience: number;
  /** Aborting it ends the gathering; those that wait go on waiting. */
  readonly signal?: AbortSignal | undefined;
}

/** Clients that have asked for a session and wait for one. */
export class Lobby {
  readonly #waiting = new Set<Connection>();
  #wake: () => void = () => undefined;
  #watcher: () => void = () => undefined;
  #closed = false;

  has(connection: Connection): boolean {
    return this.#waiting.has(connection);
  }

  add(connection: Connection): void {
    this.#waiting.add(connection);
    this.#wake();
    this.#watcher();
  }

  delete(connection: Connection): void {
    this.#waiting.delete(connection);
    this.#wake();
  }

  /** Has `watcher` called whenever somebody has come. */
  watch(watcher: () => void): void {
    this.#watcher = watcher;
  }

  /** Takes `count` clients, at random if there are more; `undefined` if there aren't as many. */
  take(count: number): readonly Connection[] | undefined {
    if (this.#closed || this.#waiting.size < count) return undefined;
    return this.#draw(count);
  }

  /** Whoever gathers gets an `AbortError` (`session.cancelled`). */
  close(): void {
    this.#closed = true;
    this.#wake();
  }

  /**
   * Takes up to `max` clients, at random if there are more: at once if there are that many, otherwise once there have
   * been `min` of them for `patience` milliseconds. Throws `AbortError` (`session.cancelled`, or `round.cancelled` by
   * `signal`).
   */
  async gather({ min, max, patience, signal }: GatherOptions): Promise<readonly Connection[]> {
    let timer: NodeJS.Timeout | undefined;
    /** When there began to be enough, in milliseconds. */
    let enough: number | undefined;
    const wake = (): void => this.#wake();
    signal?.addEventListener('abort', wake);
    while (!this.#closed && signal?.aborted !== true && this.#waiting.size < max) {
      if (this.#waiting.size < min) enough = undefined;
      else enough ??= performance.now();
      const rest = enough === undefined ? undefined : enough + patience - performance.now();
      if (rest !== undefined && rest <= 0) break;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
        if (rest !== undefined) timer = setTimeout(resolve, rest);
      });
      clearTimeout(timer);
    }
    signal?.removeEventListener('abort', wake);
    if (this.#closed) throw new AbortError('session.cancelled', 'the server was closed');
    if (signal?.aborted === true) throw roundCancelled();
    return this.#draw(max);
  }

  /** Takes up to `count` of those that wait, at random. */
  #draw(count: number): readonly Connection[] {
    const taken = shuffled([...this.#waiting]).slice(0, count);
    for (const connection of taken) this.#waiting.delete(connection);
    return taken;
  }
}

export function roundCancelled(): AbortError {
  return new AbortError('round.cancelled', 'the round was given up by whoever had begun it');
}

/** Fisher and Yates, with the platform's secure randomness: nobody can know who will be summed with whom. */
export function shuffled<T>(items: readonly T[]): T[] {
  const result = [...items];
  for (let i = result.length - 1; i > 0; i -= 1) {
    const j = randomInt(i + 1);
    [result[i], result[j]] = [result[j] as T, result[i] as T];
  }
  return result;
}

/** The order that a 32-byte seed gives, which can be checked by whoever has it. */
export function shuffledBy<T>(seed: Uint8Array, items: readonly T[]): T[] {
  return permutation(seededSource(seed), items.length).map((i) => items[i] as T); // i is a place in items
}

/** Deals items out to `count` lists whose lengths differ by one at most. */
export function deal<T>(items: readonly T[], count: number): readonly (readonly T[])[] {
  return Array.from({ length: count }, (_, list) => items.filter((_item, i) => i % count === list));
}
