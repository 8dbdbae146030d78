import { InternalError, PeerError } from './errors.js';

/**
 * Reads fixed-schema messages in TLS presentation language (RFC 8446 section 3, big-endian). Total: it either returns
 * the value or throws `PeerError`; a length is checked against its maximum and against what is left before anything
 * is allocated, and `end` demands that everything was consumed, so one value has one encoding.
 */
export class Reader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #what: string;
  #offset = 0;

  /** `what` names the message in errors. */
  constructor(bytes: Uint8Array, what: string) {
    // Not `bytes` itself: `slice` of a Node Buffer is a view of it.
    this.#bytes = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#what = what;
  }

  get remaining(): number {
    return this.#bytes.length - this.#offset;
  }

  uint8(field: string): number {
    return this.#view.getUint8(this.#take(1, field));
  }

  uint16(field: string): number {
    return this.#view.getUint16(this.#take(2, field));
  }

  uint32(field: string): number {
    return this.#view.getUint32(this.#take(4, field));
  }

  /** A 64-bit count that must fit a double exactly (below 2^53). */
  uint64(field: string): number {
    const at = this.#take(8, field);
    const high = this.#view.getUint32(at);
    if (high >= 2 ** 21) throw this.#malformed(field, 'is above 2^53 - 1');
    return high * 2 ** 32 + this.#view.getUint32(at + 4);
  }

  /** A copy of the next `length` bytes, so that the message's buffer isn't kept alive. */
  bytes(length: number, field: string): Uint8Array {
    const start = this.#take(length, field);
    return this.#bytes.slice(start, start + length);
  }

  /** A view of the next `length` bytes, for bulk data that is consumed at once. */
  view(length: number, field: string): Uint8Array {
    const start = this.#take(length, field);
    return this.#bytes.subarray(start, start + length);
  }

  /** `opaque field<0..maximum>` with a 16-bit (maximum below 2^16) or 32-bit length. */
  opaque(maximum: number, field: string): Uint8Array {
    return this.bytes(this.count(maximum, field), field);
  }

  /** The length of a vector, at most `maximum`; 16 bits where the maximum fits them, 32 otherwise. */
  count(maximum: number, field: string): number {
    const value = maximum < 0x10000 ? this.uint16(field) : this.uint32(field);
    if (value > maximum) throw this.#malformed(field, `has ${value} elements, at most ${maximum} are allowed`);
    return value;
  }

  /** A vector of items of `itemLength` bytes or more each: `count` then `read` that many times. */
  vector<T>(maximum: number, itemLength: number, field: string, read: (reader: Reader, position: number) => T): T[] {
    const count = this.count(maximum, field);
    if (count * itemLength > this.remaining) throw this.#malformed(field, 'is longer than the message');
    return Array.from({ length: count }, (_, position) => read(this, position));
  }

  /**
   * A vector of items of `itemLength` bytes each, views of one copy: an array of its own takes several times its bytes.
   */
  items(maximum: number, itemLength: number, field: string): Uint8Array[] {
    const count = this.count(maximum, field);
    const bytes = this.bytes(count * itemLength, field);
    return Array.from({ length: count }, (_, i) => bytes.subarray(i * itemLength, (i + 1) * itemLength));
  }

  /** Throws unless the whole message was read. */
  end(): void {
    if (this.remaining !== 0) throw this.#malformed('end', `has ${this.remaining} bytes too many`);
  }

  #take(length: number, field: string): number {
    if (length > this.remaining)
      throw this.#malformed(field, `needs ${length} bytes, the message has ${this.remaining} left`);
    const start = this.#offset;
    this.#offset += length;
    return start;
  }

  #malformed(field: string, fault: string): PeerError {
    return new PeerError('codec.malformed', `${this.#what}: ${field} ${fault}`);
  }
}

/** Writes what `Reader` reads. Values out of range are a bug of the caller's encoder, hence `InternalError`. */
export class Writer {
  #bytes: Uint8Array;
  #view: DataView;
  #length = 0;

  constructor(capacity = 256) {
    this.#bytes = new Uint8Array(capacity);
    this.#view = new DataView(this.#bytes.buffer);
  }

  uint8(value: number): this {
    const at = this.#grow(1);
    this.#view.setUint8(at, fits(value, 0xff));
    return this;
  }

  uint16(value: number): this {
    const at = this.#grow(2);
    this.#view.setUint16(at, fits(value, 0xffff));
    return this;
  }

  uint32(value: number): this {
    const at = this.#grow(4);
    this.#view.setUint32(at, fits(value, 0xffffffff));
    return this;
  }

  uint64(value: number): this {
    const at = this.#grow(8);
    this.#view.setUint32(at, Math.floor(fits(value, Number.MAX_SAFE_INTEGER) / 2 ** 32));
    this.#view.setUint32(at + 4, value % 2 ** 32);
    return this;
  }

  bytes(value: Uint8Array, length: number = value.length): this {
    if (value.length !== length)
      throw new InternalError('codec.encode', `${length} bytes expected, got ${value.length}`);
    const at = this.#grow(length);
    this.#bytes.set(value, at);
    return this;
  }

  opaque(value: Uint8Array, maximum: number): this {
    return this.count(value.length, maximum).bytes(value);
  }

  count(value: number, maximum: number): this {
    fits(value, maximum);
    return maximum < 0x10000 ? this.uint16(value) : this.uint32(value);
  }

  vector<T>(items: readonly T[], maximum: number, write: (writer: Writer, item: T) => void): this {
    this.count(items.length, maximum);
    for (const item of items) write(this, item);
    return this;
  }

  /** What was written, without slack; nothing more may be written then. Not copied where the capacity was right. */
  finish(): Uint8Array {
    return this.#length === this.#bytes.length ? this.#bytes : this.#bytes.slice(0, this.#length);
  }

  /** Makes room for `length` bytes and returns where they start; the views may have been replaced. */
  #grow(length: number): number {
    const start = this.#length;
    this.#length += length;
    if (this.#length > this.#bytes.length) {
      const larger = new Uint8Array(Math.max(2 * this.#bytes.length, this.#length));
      larger.set(this.#bytes.subarray(0, start));
      this.#bytes = larger;
      this.#view = new DataView(larger.buffer);
    }
    return start;
  }
}

function fits(value: number, maximum: number): number {
  if (!Number.isInteger(value) || value < 0 || value > maximum)
    throw new InternalError('codec.encode', `${value} isn't an integer from 0 to ${maximum}`);
  return value;
}

/** UTF-8 that decodes and encodes back to the same bytes; throws `PeerError` (`codec.malformed`) otherwise. */
export function decodeText(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (error) {
    throw new PeerError('codec.malformed', 'a text is not valid UTF-8', { cause: error });
  }
}
