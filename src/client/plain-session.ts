import { equalBytes, wipe } from '../core/bytes.js';
import { AbortError, PeerError, UsageError } from '../core/errors.js';
import type { CryptoProvider } from '../crypto/provider/provider.js';
import type { PlainInputCoding } from '../fl/plan/plain-input.js';
import type { PlainVector } from '../ring/vector.js';
import { advertise } from '../secagg/advertisement.js';
import { chunks } from '../secagg/client/input.js';
import { deriveSecrets, randLength, wipeSecrets } from '../secagg/client/secrets.js';
import type { ClientStep } from '../secagg/client/session.js';
import { contextHash, type SessionContext, tagLength } from '../secagg/context.js';
import type { Identity } from '../secagg/identity.js';
import { inputKeys, inputMac } from '../secagg/input-mac.js';
import { decodeAbort, encodeClientAbort } from '../secagg/messages/abort.js';
import { encodeAdvertise } from '../secagg/messages/advertise.js';
import { messageName } from '../secagg/messages/envelope.js';
import { encodeInputEnd } from '../secagg/messages/input-end.js';
import { decodeOutcome } from '../secagg/messages/outcome.js';

/**
 * A client's part in a session without masking: it says who it is and sends its input in the clear, authenticated. For
 * clients that have said that they allow it.
 */
export class PlainClientSession {
  readonly context: SessionContext;
  readonly #identity: Identity;
  readonly #provider: CryptoProvider;
  readonly #coding: PlainInputCoding;
  readonly #contextHash: Uint8Array;
  readonly #secrets: ReturnType<typeof deriveSecrets>;
  #submitted = false;

  constructor(options: {
    readonly context: SessionContext;
    readonly identity: Identity;
    readonly authority: Uint8Array;
    readonly provider: CryptoProvider;
    readonly coding: PlainInputCoding;
  }) {
    this.context = options.context;
    this.#identity = options.identity;
    this.#provider = options.provider;
    this.#coding = options.coding;
    if (!equalBytes(options.authority, this.context.authority))
      throw new PeerError('policy.authority', 'the session is under another enrolment authority than the pinned one');
    this.#contextHash = contextHash(this.context);
    const rand = this.#provider.randomBytes(randLength);
    this.#secrets = deriveSecrets(this.#contextHash, rand, 0);
    wipe(rand);
  }

  get state(): 'ready' | 'submitted' {
    return this.#submitted ? 'submitted' : 'ready';
  }

  /** Whether the server has the input: from `submit` on it may. */
  get submitted(): boolean {
    return this.#submitted;
  }

  async start(): Promise<Uint8Array> {
    const session = { contextHash: this.#contextHash, ...this.#secrets };
    return encodeAdvertise(this.#tag, await advertise(this.#provider, this.#identity, session));
  }

  /** The messages that upload the input, in the clear. */
  async submit(input: PlainVector): Promise<Iterable<Uint8Array>> {
    if (this.#submitted) throw new UsageError('usage.order', 'a session takes one input');
    this.#submitted = true;
    const upload = { frozenHash: this.#contextHash, index: 0, maskedWith: [], publicKey: this.context.serverKey };
    const [key] = await inputKeys(this.#provider, this.#secrets.channelPrivateKey, [upload]);
    if (key === undefined) throw new PeerError('context.key', "the server's key has low order");
    const packed = this.#coding.encode(input);
    const end = encodeInputEnd(this.#tag, inputMac(this.#provider, key, packed));
    wipe(key);
    return chunks(this.#tag, packed, end);
  }

  async receive(message: Uint8Array): Promise<ClientStep> {
    const name = messageName(message);
    if (name === 'outcome') {
      const outcome = decodeOutcome(this.#tag, message);
      if (outcome.survived && !this.#submitted)
        throw new PeerError('outcome.survived', 'the server says that an input is in the sum which was never sent');
      return { kind: 'finished', ...outcome };
    }
    if (name === 'abort') return { kind: 'aborted', ...decodeAbort(this.#tag, message) };
    throw new PeerError('order.unexpected', `${name} has no place in a session without masking`);
  }

  async roundingWords(count: number): Promise<Uint32Array> {
    const bytes = this.#provider.randomBytes(4 * count);
    const words = new Uint32Array(count);
    new Uint8Array(words.buffer).set(bytes);
    wipe(bytes);
    return words;
  }

  applicationSeeds(): readonly Uint8Array[] {
    return [];
  }

  abort(error: unknown = new AbortError('client.left', 'the client left')): Uint8Array {
    wipeSecrets(this.#secrets);
    return encodeClientAbort(this.#tag, error);
  }

  get #tag(): Uint8Array {
    return this.#contextHash.subarray(0, tagLength);
  }
}
