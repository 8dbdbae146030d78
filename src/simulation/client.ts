import { PeerError } from '../core/errors.js';
import type { PlainVector } from '../ring/vector.js';
import type { ClientSession, ClientStep } from '../secagg/client/session.js';
import { type MessageName, messageName } from '../secagg/messages/envelope.js';
import type { Phase } from '../secagg/phase.js';
import type { Dropout } from './dropouts.js';

/** What a client does about a message, or at the start. */
export interface Reaction {
  readonly messages: Iterable<Uint8Array>;
  /** It is gone once the messages are sent, on purpose or because it refused. */
  readonly leaves: boolean;
  /** The error code of a refusal. */
  readonly refused?: string;
}

/** The phase whose client message a server message asks for. */
const asksFor: { readonly [name in MessageName]?: Phase } = {
  roster: 'share',
  delivery: 'input',
  survivors: 'confirm',
  confirmations: 'unmask',
};

const nothing: Reaction = { messages: [], leaves: false };
const vanishing: Reaction = { messages: [], leaves: true };

/** A real client session whose part is played until its dropout. */
export class VirtualClient {
  readonly #session: ClientSession;
  readonly #dropout: Dropout | undefined;
  readonly #input: () => Promise<PlainVector>;

  constructor(session: ClientSession, dropout: Dropout | undefined, input: () => Promise<PlainVector>) {
    this.#session = session;
    this.#dropout = dropout;
    this.#input = input;
  }

  /** Whether the server notices this client's end: its connection closes. Otherwise it merely falls silent. */
  get noticed(): boolean {
    return this.#dropout?.noticed ?? true;
  }

  async start(): Promise<Reaction> {
    if (this.#dropout?.phase === 'advertise') return vanishing;
    return { messages: [await this.#session.start()], leaves: false };
  }

  async receive(message: Uint8Array): Promise<Reaction> {
    const name = messageName(message);
    const chunks = this.#dropout?.chunks ?? 0;
    if (this.#dropout !== undefined && this.#dropout.phase === asksFor[name] && chunks === 0) return vanishing;
    try {
      return await this.#act(await this.#session.receive(message), chunks);
    } catch (error) {
      if (!(error instanceof PeerError)) throw error;
      return { messages: [this.#session.abort(error)], leaves: true, refused: error.code };
    }
  }

  async #act(step: ClientStep, chunks: number): Promise<Reaction> {
    switch (step.kind) {
      case 'send':
        return { messages: [step.message], leaves: false };
      case 'submit': {
        const messages = await this.#session.submit(await this.#input());
        return chunks === 0 ? { messages, leaves: false } : { messages: first(messages, chunks), leaves: true };
      }
      case 'finished':
        return nothing;
      case 'aborted':
        return nothing;
    }
  }
}

function* first(messages: Iterable<Uint8Array>, count: number): Generator<Uint8Array> {
  let left = count;
  for (const message of messages) {
    yield message;
    left -= 1;
    if (left === 0) return;
  }
}
