import { defaultProvider } from '#provider';
import { toHex, wipe } from '../core/bytes.js';
import { AbortError, InternalError, PeerError } from '../core/errors.js';
import { hasLowOrder } from '../crypto/agreement.js';
import type { PlainInputCoding } from '../fl/plan/plain-input.js';
import { addInto, asPlain, type PlainVector, zeroVector } from '../ring/vector.js';
import { findFault } from '../secagg/advertisement.js';
import { contextHash, type SessionContext, tagLength } from '../secagg/context.js';
import { inputKeys, inputMacFits } from '../secagg/input-mac.js';
import { encodeServerAbort } from '../secagg/messages/abort.js';
import { decodeAdvertise } from '../secagg/messages/advertise.js';
import { messageName } from '../secagg/messages/envelope.js';
import { decodeInput } from '../secagg/messages/input.js';
import { decodeInputEnd } from '../secagg/messages/input-end.js';
import { encodeOutcome } from '../secagg/messages/outcome.js';
import type { Outbound, PeerId, Receipt, SessionResult } from '../secagg/server/phase.js';
import { Uploads } from '../secagg/server/uploads.js';

/** What came of a session without masking: each input, beside what a masked session gives. */
export interface PlainResult extends SessionResult {
  readonly inputs: ReadonlyMap<PeerId, PlainVector>;
}

export interface PlainSessionOptions {
  readonly context: SessionContext;
  /** How the plan's inputs are sent. */
  readonly coding: PlainInputCoding;
  /** X25519 private key of the context's `serverKey`, 32 bytes. */
  readonly privateKey: Uint8Array;
  /** Unix time in seconds, for certificates. */
  readonly time: number;
  /** Who was offered the session. */
  readonly peers: readonly PeerId[];
  /** Fewest inputs. */
  readonly minSurvivors: number;
  readonly uploadBudget: number;
}

interface Sender {
  readonly index: number;
  readonly identity: string;
  readonly key: Uint8Array;
}

/**
 * A session without masking: the server gets each client's input in the clear. Clients are certified and their uploads
 * authenticated as in a masked session, in one phase: `advertise`, the input in chunks, its code; then the outcome.
 * Nothing is hidden from the server.
 */
export class PlainSession {
  readonly context: SessionContext;
  readonly #options: PlainSessionOptions;
  readonly #contextHash: Uint8Array;
  readonly #uploads: Uploads;
  readonly #awaited: Set<PeerId>;
  readonly #senders = new Map<PeerId, Sender>();
  readonly #inputs = new Map<PeerId, PlainVector>();
  #result: PlainResult | undefined;
  #queue: Promise<unknown> = Promise.resolve();

  constructor(options: PlainSessionOptions) {
    const { context, coding, uploadBudget, peers } = options;
    this.context = context;
    this.#options = options;
    this.#contextHash = contextHash(context);
    this.#uploads = new Uploads(coding.length, uploadBudget);
    this.#awaited = new Set(peers);
  }

  /** Inputs that can still come. */
  get missing(): number {
    return this.#awaited.size;
  }

  get result(): PlainResult | undefined {
    return this.#result;
  }

  /** As `ServerSession.receive`. */
  receive(peer: PeerId, message: Uint8Array): Promise<Receipt> {
    const receipt = this.#queue.then(() => this.#receive(peer, message));
    this.#queue = receipt.catch(() => undefined);
    return receipt;
  }

  async leave(peer: PeerId): Promise<void> {
    this.#awaited.delete(peer);
    const sender = this.#senders.get(peer);
    if (sender !== undefined) this.#uploads.end(sender.index);
  }

  /** Ends the session. Throws `AbortError` (`input.few`). */
  async close(): Promise<Iterable<Outbound>> {
    const { minSurvivors, peers, privateKey } = this.#options;
    wipe(privateKey);
    if (this.#inputs.size < minSurvivors)
      throw new AbortError(
        'input.few',
        `${this.#inputs.size} inputs arrived, the session wants at least ${minSurvivors}`,
      );
    const { ringBits, vectorLength } = this.context;
    const sum = asPlain(zeroVector(ringBits, vectorLength));
    for (const input of this.#inputs.values()) addInto(sum, input);
    const [roster, survivors] = [[...this.#senders.keys()], [...this.#inputs.keys()]];
    const unheard = peers.filter((peer) => !this.#senders.has(peer));
    const silent = roster.filter((peer) => !this.#inputs.has(peer));
    this.#result = {
      sum,
      inputs: this.#inputs,
      roster,
      survivors,
      parameters: { n: roster.length, degree: 0, threshold: 0 },
      dropouts: { advertise: unheard, share: [], input: silent, confirm: [], unmask: [] },
      cheaters: [],
      applicationSeeds: new Map(),
    };
    return peers.map((to) => ({
      to,
      message: encodeOutcome(this.#tag, { survived: this.#inputs.has(to), survivors: survivors.length }),
    }));
  }

  async abort(error: unknown): Promise<Uint8Array> {
    wipe(this.#options.privateKey);
    return this.refusal(error);
  }

  refusal(error: unknown): Uint8Array {
    return encodeServerAbort(this.#tag, error);
  }

  get #tag(): Uint8Array {
    return this.#contextHash.subarray(0, tagLength);
  }

  async #receive(peer: PeerId, message: Uint8Array): Promise<Receipt> {
    const name = messageName(message);
    switch (name) {
      case 'advertise':
        await this.#advertise(peer, message);
        return 'taken';
      case 'input':
      case 'inputEnd': {
        const sender = this.#senders.get(peer);
        if (sender === undefined || !this.#awaited.has(peer))
          throw new PeerError('order.unexpected', `${name} is not awaited from this client`, { peer });
        if (!this.#uploads.admits(sender.index)) return 'deferred';
        if (name === 'input') this.#uploads.add(sender.index, decodeInput(this.#tag, message));
        else this.#end(peer, sender, decodeInputEnd(this.#tag, message));
        return 'taken';
      }
      case 'abort':
        await this.leave(peer);
        return 'taken';
      default:
        throw new PeerError('order.unexpected', `${name} has no place in a session without masking`, { peer });
    }
  }

  async #advertise(peer: PeerId, message: Uint8Array): Promise<void> {
    if (this.#senders.has(peer)) throw new PeerError('order.repeated', 'this peer has advertised before', { peer });
    const advertisement = decodeAdvertise(this.#tag, message);
    const { authority } = this.context;
    const { privateKey, time } = this.#options;
    const checks = { authority, contextHash: this.#contextHash, time };
    const fault = await findFault(defaultProvider, [advertisement], checks);
    if (fault !== undefined) throw new PeerError(fault.code, fault.message, { peer });
    const identity = toHex(advertisement.certificate.identityKey);
    if ([...this.#senders.values()].some((sender) => sender.identity === identity))
      throw new PeerError('advertise.duplicate', 'an identity stands twice in the roster', { peer });
    if (hasLowOrder(advertisement.channelKey))
      throw new PeerError('advertise.key', 'an X25519 key has low order', { peer });
    const upload = { frozenHash: this.#contextHash, index: 0, maskedWith: [] };
    const [key] = await inputKeys(defaultProvider, privateKey, [{ ...upload, publicKey: advertisement.channelKey }]);
    if (key === undefined) throw new InternalError('input.key', 'a checked key has low order');
    this.#senders.set(peer, { index: this.#senders.size, identity, key });
  }

  #end(peer: PeerId, { index, key }: Sender, mac: Uint8Array): void {
    const packed = this.#uploads.whole(index);
    try {
      if (!inputMacFits(defaultProvider, key, { packed, mac }))
        throw new PeerError('input.mac', 'the code does not fit the upload', { peer });
      this.#inputs.set(peer, this.#options.coding.decode(packed));
    } finally {
      this.#uploads.end(index);
    }
    this.#awaited.delete(peer);
  }
}
