import { defaultProvider } from '#provider';
import { wipe } from '../../core/bytes.js';
import { checkBytes, checkFunction, checkInteger, checkOptions } from '../../core/check.js';
import { AbortError, PeerError, UsageError } from '../../core/errors.js';
import type { CryptoProvider } from '../../crypto/provider/provider.js';
import type { Lanes } from '../../kernels/lanes.js';
import { checkContext, contextHash, type SessionContext, tagLength } from '../context.js';
import { MAX_DEGREE } from '../graph.js';
import { limits } from '../limits.js';
import { type MaskRemoval, removeMasks } from '../mask-removal.js';
import { decodeAbort, encodeServerAbort } from '../messages/abort.js';
import { type MessageName, messageName } from '../messages/envelope.js';
import { type ParameterOptions, parameterWeaknesses, type SessionParameters, type Threat } from '../parameters.js';
import { defaultPolicy, parametersFor } from '../policy.js';
import { type ServerEvent, type ServerState, serverTransition } from '../transitions.js';
import { AdvertisePhase } from './advertise.js';
import type { Outbound, PeerId, Receipt, ServerPhase, SessionResult } from './phase.js';

/** How k and t come about when the roster is frozen. Clients hold them against their own policy. */
type ParameterSource =
  | {
      /**
       * What `chooseParameters` chooses them for, beside the context's threat; with the default policy's `minDegree`
       * unless given.
       */
      readonly assumptions: Omit<ParameterOptions, 'n' | 'threat'>;
      readonly parameters?: undefined;
    }
  | {
      /** Those of a roster of n clients, for who knows better. */
      readonly parameters: (n: number) => SessionParameters;
      readonly assumptions?: undefined;
    };

export type ServerSessionOptions = ParameterSource & {
  readonly context: SessionContext;
  /** X25519 private key of the context's `serverKey`, 32 bytes. Copied; the copy is wiped before the session ends. */
  readonly privateKey: Uint8Array;
  /** Unix time in seconds, for certificates. */
  readonly time: number;
  /** Least clients in the roster, 2 unless given. */
  readonly minClients?: number;
  /** Least clients in the sum, 2 unless given. */
  readonly minSurvivors?: number;
  /** Bytes of uploads under way to hold in memory, 64 MiB unless given; one upload is always let in. */
  readonly uploadBudget?: number;
  readonly provider?: CryptoProvider;
  /** Computes the negative of the masks left in a sum, on worker threads for example; in place unless given. */
  readonly removeMasks?: (removal: MaskRemoval) => Promise<Lanes>;
};

/** The error with the sender in it: decoders and phases needn't know whom they refuse. */
function blaming(peer: PeerId, error: unknown): unknown {
  if (!(error instanceof PeerError) || error.peer !== undefined) return error;
  return new PeerError(error.code, error.message, { peer, cause: error });
}

const defaultUploadBudget = 64 * 2 ** 20;

/** Messages of clients that are events of the session, whatever its state. */
const events: ReadonlySet<MessageName> = new Set([
  'advertise',
  'share',
  'input',
  'inputEnd',
  'confirm',
  'unmask',
  'abort',
]);

function isEvent(name: MessageName): name is MessageName & ServerEvent {
  return events.has(name);
}

/** Finds assumptions that are out of range now rather than when the roster is frozen. */
function parametersBy({ assumptions, parameters }: ParameterSource, threat: Threat): (n: number) => SessionParameters {
  if ((assumptions === undefined) === (parameters === undefined))
    throw new UsageError('usage.parameters', 'give assumptions, or parameters as a function of n, and not both');
  if (parameters !== undefined) {
    checkFunction('parameters', parameters);
    return parameters;
  }
  const all = { ...checkOptions('assumptions', assumptions), threat };
  parameterWeaknesses({ n: 2, degree: 1, threshold: 1 }, all);
  checkInteger('assumptions.minDegree', all.minDegree ?? defaultPolicy.minDegree, 1, MAX_DEGREE);
  return (n) => parametersFor(all, n);
}

/**
 * The server's part in one session, sans-IO. `receive` takes clients' messages, in any order and from anybody; `close`
 * ends a phase, at its deadline or when `missing` is 0, and gives the messages that begin the next. After the fifth,
 * `result` holds the sum. The server never sees an input, only masked ones and their sum.
 */
export class ServerSession {
  readonly context: SessionContext;
  readonly #tag: Uint8Array;
  readonly #privateKey: Uint8Array;
  #state: ServerState = 'advertise';
  #phase: ServerPhase | undefined;
  #result: SessionResult | undefined;
  #queue: Promise<unknown> = Promise.resolve();
  /** Who has left, also after its answer: later phases don't wait for it either. */
  readonly #gone = new Set<PeerId>();

  /** @throws UsageError for an option of wrong type or range */
  constructor(options: ServerSessionOptions) {
    this.context = checkContext(checkOptions('options', options).context);
    const parameters = parametersBy(options, this.context.threat);
    this.#privateKey = new Uint8Array(checkBytes('privateKey', options.privateKey, 32));
    const provider = options.provider ?? defaultProvider;
    const hash = contextHash(this.context);
    this.#tag = hash.subarray(0, tagLength);
    this.#phase = new AdvertisePhase({
      context: this.context,
      contextHash: hash,
      tag: this.#tag,
      privateKey: this.#privateKey,
      provider,
      time: checkInteger('time', options.time, 0, Number.MAX_SAFE_INTEGER),
      minClients: checkInteger('minClients', options.minClients ?? 2, 2, limits.clients),
      minSurvivors: checkInteger('minSurvivors', options.minSurvivors ?? 2, 2, limits.clients),
      parameters,
      uploadBudget: checkInteger(
        'uploadBudget',
        options.uploadBudget ?? defaultUploadBudget,
        0,
        Number.MAX_SAFE_INTEGER,
      ),
      removeMasks: options.removeMasks ?? ((removal) => removeMasks(removal, provider)),
    });
  }

  /** The phase under way, or how the session ended. */
  get state(): ServerState {
    return this.#state;
  }

  /** Messages that can still come in this phase; in *advertise*, free places in the roster. 0 after the end. */
  get missing(): number {
    return this.#phase?.missing ?? 0;
  }

  /** The sum and who is in it, once `state` is `done`. */
  get result(): SessionResult | undefined {
    return this.#result;
  }

  /**
   * Takes a client's message; calls may overlap and are handled in order.
   *
   * @returns `deferred` if the upload budget is used up: nothing has changed, give the message again later
   * @throws PeerError with its `peer` if the message must be refused; the session goes on as if it hadn't come
   */
  receive(peer: PeerId, message: Uint8Array): Promise<Receipt> {
    checkBytes('message', message);
    return this.#inOrder(async () => {
      const name = messageName(message);
      if (!isEvent(name)) throw new PeerError('order.unexpected', `${name} is not for a client to send`);
      serverTransition(this.#state, name);
      if (this.#phase === undefined) throw new PeerError('order.unexpected', 'the session has ended');
      if (name === 'abort') {
        decodeAbort(this.#tag, message);
        this.#leave(peer);
        return 'taken';
      }
      const receipt = await this.#phase.receive(peer, name, message);
      // It has come back, which is possible as long as the roster is open.
      if (name === 'advertise') this.#gone.delete(peer);
      return receipt;
    }).catch((error: unknown) => {
      throw blaming(peer, error);
    });
  }

  /** The peer is gone: what it hasn't sent yet, in this phase or a later one, isn't waited for. */
  leave(peer: PeerId): Promise<void> {
    return this.#inOrder(async () => this.#leave(peer));
  }

  /**
   * Ends the phase under way: whoever hasn't answered has dropped out.
   *
   * @returns the messages that begin the next phase, made one by one as they are taken
   * @throws AbortError if too few are left; the session is over, `refusal(error)` gives the message that tells its
   *   clients
   * @throws UsageError (`usage.order`) after the end
   */
  close(): Promise<Iterable<Outbound>> {
    return this.#inOrder(async () => {
      const { next, otherwise } = serverTransition(this.#state, 'close');
      try {
        if (this.#phase === undefined) throw new UsageError('usage.order', 'the session has ended');
        const closing = await this.#phase.close();
        this.#phase = 'next' in closing ? closing.next : undefined;
        if ('result' in closing) this.#result = closing.result;
        this.#state = next;
        for (const peer of this.#gone) this.#phase?.leave(peer);
        return closing.messages;
      } catch (error) {
        this.#end(otherwise ?? this.#state);
        throw error;
      }
    });
  }

  /** Ends the session early and gives the message that tells its clients why. */
  async abort(
    error: unknown = new AbortError('session.cancelled', 'the server ended the session'),
  ): Promise<Uint8Array> {
    await this.#inOrder(async () => {
      if (this.#state !== 'done') this.#end('aborted');
    });
    return this.refusal(error);
  }

  /** The message that tells one client why its message was refused. */
  refusal(error: unknown): Uint8Array {
    return encodeServerAbort(this.#tag, error);
  }

  #leave(peer: PeerId): void {
    this.#gone.add(peer);
    this.#phase?.leave(peer);
  }

  #end(state: ServerState): void {
    wipe(this.#privateKey);
    this.#phase = undefined;
    this.#state = state;
  }

  #inOrder<T>(task: () => Promise<T>): Promise<T> {
    const result = this.#queue.then(task);
    this.#queue = result.catch(() => undefined);
    return result;
  }
}
