import { createHash } from 'node:crypto';
import { concatBytes } from '../core/bytes.js';

/** A model as clients fetch it, with what the plan's optimizer has behind it; or the hashes of some. */
export interface PublishedModel {
  /** SHA-256 of its bytes. */
  readonly hash: Uint8Array;
  /** Where it is, relative to the server's address. */
  readonly reference: string;
}

/** Histories to fetch: small, and clients of a session do so at once. */
const keptHistories = 256;

/** Models by content hash. What a hash names never changes, so whoever has fetched it may keep it forever. */
export class ModelStore {
  readonly #kept: number;
  readonly #models = new Map<string, Uint8Array>();
  readonly #histories = new Map<string, Uint8Array>();

  /** @param kept models to fetch: in rounds the present one, and the one before for clients that are late */
  constructor(kept = 2) {
    this.#kept = kept;
  }

  /** Makes a model available; its values may change afterwards. */
  publish(model: Float32Array): PublishedModel {
    return publishIn(this.#models, new Uint8Array(model.slice().buffer), this.#kept);
  }

  /** Makes the hashes of the versions of a model available. */
  publishHistory(hashes: readonly Uint8Array[]): PublishedModel {
    return publishIn(this.#histories, concatBytes(...hashes), keptHistories);
  }

  /** Little-endian float32 values, or hashes; `undefined` for a hash that names none. */
  find(name: string): Uint8Array | undefined {
    return this.#models.get(name) ?? this.#histories.get(name);
  }
}

function publishIn(store: Map<string, Uint8Array>, bytes: Uint8Array, kept: number): PublishedModel {
  const digest = createHash('sha256').update(bytes).digest();
  const name = digest.toString('hex');
  store.delete(name);
  store.set(name, bytes);
  for (const old of [...store.keys()].slice(0, -kept)) store.delete(old);
  return { hash: new Uint8Array(digest), reference: `models/${name}` };
}
