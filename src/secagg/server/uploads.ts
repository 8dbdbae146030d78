import { PeerError } from '../../core/errors.js';
import type { InputChunk } from '../messages/input.js';

/**
 * Uploads under way: each has room for a whole packed input, reserved at its first chunk, so that one is taken whole or
 * leaves no trace. At most `budget` bytes are reserved at a time, whatever the number of clients.
 */
export class Uploads {
  readonly #length: number;
  readonly #most: number;
  readonly #active = new Map<number, { readonly packed: Uint8Array; filled: number }>();
  /** Rooms of ended uploads, to be used again: a fresh one costs a page fault every 4 KiB. */
  readonly #spare: Uint8Array[] = [];

  /** `length`: bytes of a packed input. There is always room for one. */
  constructor(length: number, budget: number) {
    this.#length = length;
    this.#most = Math.max(1, Math.floor(budget / length));
  }

  /** Whether the upload of `index` has begun, or could. */
  admits(index: number): boolean {
    return this.#active.has(index) || this.#active.size < this.#most;
  }

  /** Throws `PeerError` (`input.order` or `input.length`) for a chunk that doesn't continue the upload. */
  add(index: number, { offset, data }: InputChunk): void {
    const filled = this.#active.get(index)?.filled ?? 0;
    if (offset !== filled)
      throw new PeerError('input.order', `the upload goes on at byte ${filled}, the chunk is for ${offset}`);
    if (data.length === 0 || filled + data.length > this.#length)
      throw new PeerError(
        'input.length',
        `an input has ${this.#length} bytes, the upload would have ${filled + data.length}`,
      );
    let upload = this.#active.get(index);
    if (upload === undefined) {
      upload = { packed: this.#spare.pop() ?? new Uint8Array(this.#length), filled: 0 };
      this.#active.set(index, upload);
    }
    upload.packed.set(data, filled);
    upload.filled += data.length;
  }

  /** The whole packed input, valid until `end`; throws `PeerError` (`input.length`) if bytes are missing. */
  whole(index: number): Uint8Array {
    const upload = this.#active.get(index);
    if (upload === undefined || upload.filled !== this.#length)
      throw new PeerError('input.length', `an input has ${this.#length} bytes, ${upload?.filled ?? 0} were sent`);
    return upload.packed;
  }

  /** Frees the upload's room, whether it was taken or given up. */
  end(index: number): void {
    const upload = this.#active.get(index);
    if (upload === undefined) return;
    this.#active.delete(index);
    this.#spare.push(upload.packed);
  }
}
