import { limits } from '../secagg/limits.js';
import type { Connection } from './connection.js';

interface Progress {
  /** When it last brought `limits.chunk` bytes, in milliseconds. */
  since: number;
  /** Bytes since then. */
  bytes: number;
}

/**
 * Who is uploading and who waits for room to. The session holds a bounded number of uploads; the rest wait in the order they
 * came, unread. So that the room isn't held by those who hardly send, an upload that doesn't bring 64 KiB, or its end, within
 * `stall` milliseconds is given up.
 */
export class UploadQueue {
  readonly #stall: number;
  readonly #uploads = new Map<Connection, Progress>();
  readonly #waiting = new Map<Connection, () => void>();

  constructor(stall: number) {
    this.#stall = stall;
  }

  /** Waits for another upload to end. */
  room(connection: Connection): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.set(connection, resolve);
    });
  }

  /** A chunk of that many bytes was taken. */
  progress(connection: Connection, bytes: number, now: number): void {
    const progress = this.#uploads.get(connection) ?? { since: now, bytes: 0 };
    progress.bytes += bytes;
    if (progress.bytes >= limits.chunk) {
      progress.since = now;
      progress.bytes = 0;
    }
    this.#uploads.set(connection, progress);
  }

  /** The upload has ended, one way or the other, or the client has stopped waiting. */
  end(connection: Connection): void {
    this.#uploads.delete(connection);
    this.#wake(connection);
    const [next] = this.#waiting.keys();
    if (next !== undefined) this.#wake(next);
  }

  /** Nobody's upload goes on or has to wait any more. */
  clear(): void {
    this.#uploads.clear();
    for (const connection of [...this.#waiting.keys()]) this.#wake(connection);
  }

  stalled(now: number): readonly Connection[] {
    return [...this.#uploads].filter(([, { since }]) => now - since > this.#stall).map(([connection]) => connection);
  }

  #wake(connection: Connection): void {
    const wake = this.#waiting.get(connection);
    this.#waiting.delete(connection);
    wake?.();
  }
}
