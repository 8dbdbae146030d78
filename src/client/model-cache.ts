import { equalBytes, toHex } from '../core/bytes.js';
import { AbortError, PeerError } from '../core/errors.js';
import type { CryptoProvider } from '../crypto/provider/provider.js';

export interface ModelReference {
  readonly url: URL;
  /** SHA-256 of the bytes. */
  readonly hash: Uint8Array;
  /** Float32 values: of the model, and of what the plan's optimizer has clients get behind it. */
  readonly length: number;
}

/**
 * Fetches models by content hash and keeps the last: a round that is tried again has the same one. Browsers and proxies
 * cache them as well, since what a hash names never changes.
 */
export class ModelCache {
  readonly #provider: CryptoProvider;
  #last: { readonly hash: Uint8Array; readonly bytes: Uint8Array } | undefined;

  constructor(provider: CryptoProvider) {
    this.#provider = provider;
  }

  /**
   * The model's values, in an array of the caller's own. Throws `PeerError` (`model.length`, `model.hash`) if the
   * server gives something else than the hash names, `AbortError` (`model.unavailable`) if it gives nothing, or the
   * signal's reason.
   */
  async get(reference: ModelReference, signal: AbortSignal | undefined): Promise<Float32Array> {
    const { hash } = reference;
    if (this.#last === undefined || !equalBytes(this.#last.hash, hash)) {
      const bytes = await this.fetch(reference, 4 * reference.length, signal);
      this.#last = { hash, bytes };
    }
    return new Float32Array(this.#last.bytes.slice().buffer);
  }

  /** The `length` bytes that the hash names. Throws as `get`. */
  async fetch(
    { url, hash }: Pick<ModelReference, 'url' | 'hash'>,
    length: number,
    signal: AbortSignal | undefined,
  ): Promise<Uint8Array> {
    const bytes = await download(url, length, signal);
    if (!equalBytes(this.#provider.sha256(bytes), hash))
      throw new PeerError('model.hash', `the server's model is not the one that the offer names, ${toHex(hash)}`);
    return bytes;
  }
}

async function download(url: URL, length: number, signal: AbortSignal | undefined): Promise<Uint8Array> {
  try {
    const response = await request(url, signal);
    if (!response.ok || response.body === null)
      throw new AbortError('model.unavailable', `${url} answers with status ${response.status}`);
    return await readExactly(response.body, length);
  } catch (cause) {
    signal?.throwIfAborted();
    if (cause instanceof PeerError || cause instanceof AbortError) throw cause;
    const reason = cause instanceof Error ? cause.message : 'unknown';
    throw new AbortError('model.unavailable', `${url} can't be fetched: ${reason}`, { cause });
  }
}

/**
 * A connection that was kept since the last round may have been closed by the other side, which only shows when it is
 * used again: so a request that fails is made once more, as RFC 9112, section 9.3.1, has it for requests that change
 * nothing.
 */
async function request(url: URL, signal: AbortSignal | undefined): Promise<Response> {
  const options = { signal: signal ?? null, redirect: 'error' } as const;
  try {
    return await fetch(url, options);
  } catch (error) {
    if (signal?.aborted === true) throw error;
    return await fetch(url, options);
  }
}

/** Reads a body that must have `length` bytes, and not one more into memory. */
async function readExactly(body: ReadableStream<Uint8Array>, length: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(length);
  const reader = body.getReader();
  let filled = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    if (filled + value.length > length) {
      await reader.cancel();
      throw new PeerError('model.length', `the model must have ${length} bytes, the server sends more`);
    }
    bytes.set(value, filled);
    filled += value.length;
  }
  if (filled !== length) throw new PeerError('model.length', `the model must have ${length} bytes, got ${filled}`);
  return bytes;
}
