import { limits } from '../secagg/limits.js';
import type { Connection } from './connection.js';

interface Progress {
  /** When it began, in milliseconds. */
  readonly begun: number;
  /** When it last brought `limits.chunk` bytes, in milliseconds. */
  since: number;
  /** Bytes since then. */
  bytes: number;
}

/**
 * Who is uploading and who waits for room to. The session holds a bounded number of uploads; the rest wait in the order
 * they came, unread. So that the room isn't held by those who hardly send, an upload is given up that doesn't bring 64
 * KiB, or its end, within `stall` milliseconds, or that takes more than its share of the phase's `deadline` while
 * others wait: if all were as slow, they wouldn't come in.
 */
export class UploadQueue {
  readonly #stall: number;
  readonly #deadline: number;
  readonly #uploads = new Map<Connection, Progress>();
  readonly #waiting = new Map<Connection, () => void>();

  /** Both in milliseconds. */
  constructor(stall: number, deadline: number) {
    this.#stall = stall;
    this.#deadline = deadline;
  }

  /** Waits for another upload to end. */
  room(connection: Connection): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.set(connection, resolve);
    });
  }

  /** A chunk of that many bytes was taken. */
  progress(connection: Connection, bytes: number, now: number): void {
    const progress = this.#uploads.get(connection) ?? { begun: now, since: now, bytes: 0 };
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

  /** Whose upload is given up. */
  stalled(now: number): readonly Connection[] {
    const [active, waiting] = [this.#uploads.size, this.#waiting.size];
    const share =
      waiting === 0 ? Number.POSITIVE_INFINITY : Math.max(this.#stall, (this.#deadline * active) / (active + waiting));
    return [...this.#uploads]
      .filter(([, { begun, since }]) => now - since > this.#stall || now - begun > share)
      .map(([connection]) => connection);
  }

  #wake(connection: Connection): void {
    const wake = this.#waiting.get(connection);
    this.#waiting.delete(connection);
    wake?.();
  }
}
