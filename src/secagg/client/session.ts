import { defaultProvider } from '#provider';
import { equalBytes, wipe } from '../../core/bytes.js';
import { checkBytes, checkInteger, checkOptions } from '../../core/check.js';
import { AbortError, PeerError, UsageError } from '../../core/errors.js';
import { labels } from '../../crypto/labels.js';
import type { CryptoProvider } from '../../crypto/provider/provider.js';
import type { PlainVector } from '../../ring/vector.js';
import { advertise } from '../advertisement.js';
import { checkContext, contextHash, type SessionContext, tagLength } from '../context.js';
import { checkIdentity, type Identity } from '../identity.js';
import { limits } from '../limits.js';
import { decodeAbort, encodeClientAbort } from '../messages/abort.js';
import { encodeAdvertise } from '../messages/advertise.js';
import { encodeConfirm } from '../messages/confirm.js';
import { decodeConfirmations } from '../messages/confirmations.js';
import { decodeDelivery } from '../messages/delivery.js';
import { type MessageName, messageName } from '../messages/envelope.js';
import { decodeOutcome } from '../messages/outcome.js';
import { decodeRoster } from '../messages/roster.js';
import { encodeShare } from '../messages/share.js';
import { decodeSurvivors } from '../messages/survivors.js';
import { encodeUnmask } from '../messages/unmask.js';
import { type ClientPolicy, checkOffer, completePolicy } from '../policy.js';
import { confirmInput, Survivors } from '../survivors.js';
import { type ClientState, clientTransition } from '../transitions.js';
import { inputMessages, maskInput } from './input.js';
import { forget, type Memory } from './memory.js';
import { verifyRoster } from './roster.js';
import { deriveSecrets, expandSeed, randLength, wipeSecrets } from './secrets.js';
import { channelKeys, openShares, shareSeeds } from './sharing.js';
import { checkConfirmations, checkOutcome, checkSurvivors, revealsFor } from './unmask.js';

export interface ClientSessionOptions {
  /** What the session is about, from the server's offer and checked against what the client knows of it. */
  readonly context: SessionContext;
  readonly identity: Identity;
  /** Ed25519 key of the enrolment authority that this client pins, 32 bytes. Never taken from the server. */
  readonly authority: Uint8Array;
  /** Unix time in seconds, for certificates. */
  readonly time: number;
  /** Floors that no server can lower; what is left out comes from `defaultPolicy`. */
  readonly policy?: Partial<ClientPolicy>;
  readonly provider?: CryptoProvider;
}

/** What a message led to. */
export type ClientStep =
  | { readonly kind: 'send'; readonly message: Uint8Array }
  /** The session waits for `submit`. */
  | { readonly kind: 'submit' }
  | { readonly kind: 'finished'; readonly survived: boolean; readonly survivors: number }
  /** The server gave up; `code` is one of the protocol's error codes. */
  | { readonly kind: 'aborted'; readonly code: string; readonly reason: string };

/**
 * One client's part in one session, sans-IO: messages go in, messages come out. `start` gives the first; `receive`
 * takes each of the server's and says what to do; `submit` masks the input. The state is private and moves forward
 * only: nothing can be replayed or forked, and after any refusal the session is over and its secrets are wiped.
 */
export class ClientSession {
  readonly context: SessionContext;
  readonly #identity: Identity;
  readonly #policy: ClientPolicy;
  readonly #provider: CryptoProvider;
  readonly #time: number;
  readonly #contextHash: Uint8Array;
  #memory: Memory;
  #busy = false;
  #submitted = false;

  /**
   * @throws UsageError for an option of wrong type or range
   * @throws PeerError `policy.suite`, `policy.threat` or `policy.authority` if the client won't take part in this
   *   session
   */
  constructor(options: ClientSessionOptions) {
    this.context = checkContext(checkOptions('options', options).context);
    this.#policy = completePolicy(options.policy);
    this.#provider = options.provider ?? defaultProvider;
    this.#time = checkInteger('time', options.time, 0, Number.MAX_SAFE_INTEGER);
    this.#identity = checkIdentity(options.identity);
    const authority = checkBytes('authority', options.authority, 32);
    if (!equalBytes(authority, this.context.authority))
      throw new PeerError('policy.authority', 'the session is under another enrolment authority than the pinned one');
    checkOffer(this.#policy, this.context);
    this.#contextHash = contextHash(this.context);
    const rand = this.#provider.randomBytes(randLength);
    this.#memory = { state: 'new', secrets: deriveSecrets(this.#contextHash, rand, this.context.releaseAt.length) };
    wipe(rand);
  }

  get state(): ClientState {
    return this.#memory.state;
  }

  /**
   * Whether the masked input was given out, however the session ended. From then on the server may have a sum with the
   * input in it: it takes seed shares of t neighbors, and none of this client's.
   */
  get submitted(): boolean {
    return this.#submitted;
  }

  /** Makes the session's keys and gives the advertisement. */
  start(): Promise<Uint8Array> {
    return this.#exclusively(async () => {
      clientTransition(this.state, 'start');
      const memory = this.#memoryIn('new');
      const { secrets } = memory;
      const advertisement = await advertise(this.#provider, this.#identity, {
        contextHash: this.#contextHash,
        ...secrets,
      });
      this.#move(memory, { state: 'advertised', secrets, advertisement });
      return encodeAdvertise(this.#tag, advertisement);
    });
  }

  /**
   * Takes a message of the server.
   *
   * @throws PeerError if it must be refused; the session is then aborted; `abort(error)` gives the message that tells
   *   the server
   * @throws UsageError (`usage.busy`) while another call is under way
   */
  receive(message: Uint8Array): Promise<ClientStep> {
    checkBytes('message', message);
    return this.#exclusively(async () => {
      try {
        return await this.#dispatch(messageName(message), message);
      } catch (error) {
        if (this.state !== 'finished') this.#end('aborted');
        throw error;
      }
    });
  }

  /**
   * Masks an input (`vectorLength` values mod 2^ringBits, such as a plan's client pipeline gives) and returns the
   * messages that upload it, made one by one as they are taken. The vector itself is left as it is.
   *
   * @throws UsageError `input.shape` for another length or ring, `usage.order` before `ready`; the session goes on then
   * @throws PeerError (`roster.key`) if a neighbor's mask key has low order; the session is then aborted
   */
  submit(input: PlainVector): Promise<Iterable<Uint8Array>> {
    return this.#exclusively(async () => {
      clientTransition(this.state, 'submit');
      const memory = this.#memoryIn('ready');
      const { secrets, roster, held } = memory;
      const masked = await this.#orEnd(
        maskInput(input, { context: this.context, provider: this.#provider, secrets, roster, held }),
      );
      const { serverKey } = this.context;
      const messages = await this.#orEnd(
        inputMessages(masked, { tag: this.#tag, provider: this.#provider, secrets, serverKey, roster, held }),
      );
      this.#move(memory, { state: 'submitted', roster, held });
      this.#submitted = true;
      wipeSecrets(secrets);
      return messages;
    });
  }

  /**
   * `count` uniform 32-bit words for this session's stochastic rounding, the same at each call. Only while `ready`;
   * throws `UsageError`.
   */
  async roundingWords(count: number): Promise<Uint32Array> {
    if (this.#memory.state !== 'ready') throw stateError('roundingWords', this.state);
    const words = new Uint32Array(checkInteger('count', count, 0, limits.vectorLength));
    const { secrets, roster } = this.#memory;
    await expandSeed(
      this.#provider,
      { seed: secrets.roundingSeed, salt: roster.frozenHash, label: labels.rounding },
      words,
    );
    return words;
  }

  /** This session's application seeds, copies of 32 bytes; the server learns those that the survivors release. */
  applicationSeeds(): readonly Uint8Array[] {
    if (!('secrets' in this.#memory)) throw stateError('applicationSeeds', this.state);
    return this.#memory.secrets.applicationSeeds.map((seed) => seed.slice());
  }

  /** Leaves the session for good: wipes its secrets and gives the message that tells the server why. */
  abort(error: unknown = new AbortError('client.left', 'the client left')): Uint8Array {
    if (this.state !== 'finished') this.#end('aborted');
    return encodeClientAbort(this.#tag, error);
  }

  get #tag(): Uint8Array {
    return this.#contextHash.subarray(0, tagLength);
  }

  #dispatch(name: MessageName, message: Uint8Array): Promise<ClientStep> {
    switch (name) {
      case 'roster':
        return this.#share(message);
      case 'delivery':
        return this.#ready(message);
      case 'survivors':
        return this.#confirm(message);
      case 'confirmations':
        return this.#unmask(message);
      case 'outcome':
        return this.#finish(message);
      case 'abort':
        return this.#aborted(message);
      default:
        throw new PeerError('order.unexpected', `the server sent ${name}, which is for clients to send`);
    }
  }

  async #share(message: Uint8Array): Promise<ClientStep> {
    clientTransition(this.state, 'roster');
    const memory = this.#memoryIn('advertised');
    const { secrets, advertisement } = memory;
    const roster = await verifyRoster(decodeRoster(this.#tag, message), {
      provider: this.#provider,
      context: this.context,
      contextHash: this.#contextHash,
      policy: this.#policy,
      advertisement,
      time: this.#time,
    });
    const keys = await channelKeys(this.#provider, secrets, roster);
    const share = await shareSeeds(this.#provider, { secrets, roster, keys });
    this.#move(memory, { state: 'shared', secrets, roster, keys });
    return { kind: 'send', message: encodeShare(this.#tag, share) };
  }

  async #ready(message: Uint8Array): Promise<ClientStep> {
    clientTransition(this.state, 'delivery');
    const memory = this.#memoryIn('shared');
    const { secrets, roster, keys } = memory;
    const applicationSeeds = this.context.releaseAt.length;
    const deliveries = decodeDelivery(this.#tag, message, applicationSeeds);
    const held = openShares(this.#provider, deliveries, { roster, keys, applicationSeeds });
    wipe(...keys.map(({ receive }) => receive));
    this.#move(memory, { state: 'ready', secrets, roster, held });
    return { kind: 'submit' };
  }

  async #confirm(message: Uint8Array): Promise<ClientStep> {
    clientTransition(this.state, 'survivors');
    const memory = this.#memoryIn('submitted');
    const { roster, held } = memory;
    const survivors = new Survivors(roster.parameters.n, decodeSurvivors(this.#tag, message));
    checkSurvivors(survivors, { roster, held, minSurvivors: this.#policy.minSurvivors });
    const input = confirmInput(roster.frozenHash, survivors);
    const signature = await this.#provider.sign(this.#identity.privateKey, input);
    this.#move(memory, { state: 'confirmed', roster, held, survivors });
    return { kind: 'send', message: encodeConfirm(this.#tag, signature) };
  }

  async #unmask(message: Uint8Array): Promise<ClientStep> {
    clientTransition(this.state, 'confirmations');
    const memory = this.#memoryIn('confirmed');
    const { roster, held, survivors } = memory;
    const confirmations = decodeConfirmations(this.#tag, message);
    await checkConfirmations(this.#provider, confirmations, { roster, survivors });
    if (this.#memory !== memory) throw stateLost();
    const unmask = encodeUnmask(this.#tag, revealsFor(held, survivors, this.context.releaseAt));
    this.#memory = forget(memory, { state: 'revealed', survivors: survivors.size });
    return { kind: 'send', message: unmask };
  }

  async #finish(message: Uint8Array): Promise<ClientStep> {
    clientTransition(this.state, 'outcome');
    const outcome = decodeOutcome(this.#tag, message);
    checkOutcome(outcome, { submitted: this.#submitted, confirmed: confirmedBy(this.#memory) });
    this.#end('finished');
    return { kind: 'finished', ...outcome };
  }

  async #aborted(message: Uint8Array): Promise<ClientStep> {
    clientTransition(this.state, 'abort');
    const { code, reason } = decodeAbort(this.#tag, message);
    this.#end('aborted');
    return { kind: 'aborted', code, reason };
  }

  /** The session is over if a neighbor's key turns out to be bad; after the caller's mistake it goes on. */
  async #orEnd<T>(task: Promise<T>): Promise<T> {
    try {
      return await task;
    } catch (error) {
      if (error instanceof PeerError) this.#end('aborted');
      throw error;
    }
  }

  #memoryIn<State extends Memory['state']>(state: State): Extract<Memory, { readonly state: State }> {
    if (!isIn(this.#memory, state)) throw stateLost();
    return this.#memory;
  }

  #move(from: Memory, to: Memory): void {
    if (this.#memory !== from) throw stateLost();
    this.#memory = to;
  }

  #end(state: 'finished' | 'aborted'): void {
    this.#memory = forget(this.#memory, { state });
  }

  /** One call at a time: a second one could see, or fork, a state that is being left. */
  async #exclusively<T>(task: () => Promise<T>): Promise<T> {
    if (this.#busy) throw new UsageError('usage.busy', 'another call of this session is under way: await it first');
    this.#busy = true;
    try {
      return await task();
    } finally {
      this.#busy = false;
    }
  }
}

function isIn<State extends Memory['state']>(
  memory: Memory,
  state: State,
): memory is Extract<Memory, { readonly state: State }> {
  return memory.state === state;
}

/** How many survivors were confirmed, if they were. */
function confirmedBy(memory: Memory): number | undefined {
  if (memory.state === 'confirmed') return memory.survivors.size;
  return memory.state === 'revealed' ? memory.survivors : undefined;
}

function stateError(call: string, state: ClientState): UsageError {
  return new UsageError('usage.order', `${call} is not possible in a session that is ${state}`);
}

/** Only `abort`, called while another call waits, moves the state under it. */
function stateLost(): UsageError {
  return new UsageError('usage.order', 'the session was aborted while this call was under way');
}
