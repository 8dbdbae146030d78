import type { Phase } from '../../secagg/phase.js';

/** Who goes first, and who misbehaves next, in each phase; the rest wait for both. */
const first = 'client 0';
const second = 'client 1';

/** Milliseconds for a server to have read what came over another connection: no message says that it has. */
const settling = 250;

interface Mark {
  readonly done: Promise<void>;
  readonly resolve: () => void;
}

/**
 * The order of clients within a phase. Without it a phase may close, since everybody has answered, before the message
 * that must be refused is there.
 */
export class Turns {
  readonly #marks = new Map<string, Mark>();
  readonly #left = new Set<string>();

  /** Waits for this client's turn. */
  async before(client: string, phase: Phase): Promise<void> {
    if (client === first) return;
    await this.#mark(first, phase).done;
    if (client === second) return new Promise((resolve) => setTimeout(resolve, settling));
    await this.#mark(second, phase).done;
  }

  /** The client has said all that it has to say in this phase. */
  after(client: string, phase: Phase): void {
    this.#mark(client, phase).resolve();
  }

  /** The client is gone: nobody waits for it any more. */
  leave(client: string): void {
    this.#left.add(client);
    for (const [key, { resolve }] of this.#marks) if (key.startsWith(`${client}/`)) resolve();
  }

  #mark(client: string, phase: Phase): Mark {
    const key = `${client}/${phase}`;
    let mark = this.#marks.get(key);
    if (mark === undefined) {
      let resolve = (): void => undefined;
      const done = new Promise<void>((settle) => {
        resolve = settle;
      });
      mark = { done, resolve };
      this.#marks.set(key, mark);
    }
    if (this.#left.has(client)) mark.resolve();
    return mark;
  }
}
