import { createHash } from 'node:crypto';

/** A model as clients fetch it, with what the plan's optimizer has behind it. */
export interface PublishedModel {
  /** SHA-256 of its bytes. */
  readonly hash: Uint8Array;
  /** Where it is, relative to the server's address. */
  readonly reference: string;
}

/** Models to fetch: the present round's, and the one before for clients that are late. */
const kept = 2;

/** Models by content hash. What a hash names never changes, so whoever has fetched it may keep it forever. */
export class ModelStore {
  readonly #models = new Map<string, Uint8Array>();

  /** Makes a model available; its values may change afterwards. */
  publish(model: Float32Array): PublishedModel {
    const bytes = new Uint8Array(model.slice().buffer);
    const digest = createHash('sha256').update(bytes).digest();
    const name = digest.toString('hex');
    this.#models.delete(name);
    this.#models.set(name, bytes);
    for (const old of [...this.#models.keys()].slice(0, -kept)) this.#models.delete(old);
    return { hash: new Uint8Array(digest), reference: `models/${name}` };
  }

  /** Little-endian float32 values, or `undefined` for a hash that names none. */
  find(name: string): Uint8Array | undefined {
    return this.#models.get(name);
  }
}
