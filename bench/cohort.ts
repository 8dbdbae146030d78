/**
 * One whole session. The parties that are measured run in processes of their own (`party.ts`); the other clients run
 * here and are virtual: they do everything but expand masks over the whole vector, which nobody can tell from outside.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import type { CryptoProvider } from '#veilsum/crypto/provider/provider.js';
import { nodeProvider } from '#veilsum/crypto/provider/provider.node.js';
import type { SuiteId } from '#veilsum/crypto/suite.js';
import { asPlain, type PlainVector, zeroVector } from '#veilsum/ring/vector.js';
import { ClientSession, type ClientStep } from '#veilsum/secagg/client/session.js';
import { createContext } from '#veilsum/secagg/create-context.js';
import { createIdentity, createKeyPair } from '#veilsum/secagg/identity.js';
import type { Outbound, Receipt } from '#veilsum/secagg/server/phase.js';
import { memoizingProvider } from '#veilsum/simulation/memoize.js';
import type { Figures, Request } from './party.js';
import { lenientPolicy, sessionTime } from './setting.js';

export interface CohortShape {
  readonly clients: number;
  readonly degree: number;
  readonly threshold: number;
  readonly values: number;
  readonly suite: SuiteId;
  readonly ringBits: number;
  /** Clients that share their seeds and then send no input. */
  readonly dropouts: number;
  /** Uploads that go on at a time. */
  readonly uploads: number;
  /** Clients that are measured, where any are; one unless given. */
  readonly measured?: number;
}

/** A measured party in its own process. */
export class Party {
  readonly #process: ChildProcess = fork(new URL('./party.js', import.meta.url), { serialization: 'advanced' });

  /** The answer to a request; one at a time. */
  async ask<T>(request: Request): Promise<T> {
    this.#process.send(request);
    const [{ result, error }] = (await once(this.#process, 'message')) as [{ result: T; error?: string }, unknown];
    if (error !== undefined) throw new Error(error);
    return result;
  }

  end(): void {
    this.#process.disconnect();
  }
}

interface Participant {
  readonly start: () => Promise<Uint8Array>;
  readonly receive: (stage: string, message: Uint8Array) => Promise<ClientStep>;
  readonly submit: () => Promise<Iterable<Uint8Array>>;
}

/** Runs a session between `server`, measured clients where their process is given, and virtual clients. */
export async function runCohort(shape: CohortShape, server: Party, client?: Party): Promise<CohortFigures> {
  const cohort = new Cohort(shape, { server, client });
  await cohort.run();
  const clients: Figures[] = [];
  for (let i = 0; client !== undefined && i < (shape.measured ?? 1); i += 1)
    clients.push(await client.ask<Figures>({ ask: 'figures', client: i }));
  return { server: await server.ask<Figures>({ ask: 'figures' }), clients, inputBytes: cohort.inputBytes };
}

export interface CohortFigures {
  readonly server: Figures;
  readonly clients: readonly Figures[];
  /** Bytes of the messages that bring one masked input. */
  readonly inputBytes: number;
}

interface Upload {
  readonly peer: string;
  readonly messages: Iterator<Uint8Array>;
  /** The message that the server had no room for. */
  held: Uint8Array | undefined;
}

class Cohort {
  inputBytes = 0;
  readonly #shape: CohortShape;
  readonly #server: Party;
  readonly #measured: Party | undefined;
  readonly #participants = new Map<string, Participant>();
  /** What virtual clients send: they needn't think about it. */
  readonly #input: PlainVector;
  readonly #virtual: CryptoProvider;

  constructor(shape: CohortShape, parties: { readonly server: Party; readonly client: Party | undefined }) {
    this.#shape = shape;
    this.#server = parties.server;
    this.#measured = parties.client;
    this.#input = asPlain(zeroVector(shape.ringBits, shape.values));
    this.#virtual = virtualProvider(shape.values);
  }

  async run(): Promise<void> {
    await this.#advertise();
    await this.#exchange('shares', await this.#close('keys'));
    await this.#upload(await this.#close('shares'));
    await this.#exchange('confirm', await this.#close('sum'));
    await this.#exchange('recovery', await this.#close('confirm'));
    await this.#close('recovery');
  }

  async #close(stage: string): Promise<readonly Outbound[]> {
    await this.#server.ask({ ask: 'close', stage });
    const messages: Outbound[] = [];
    const count = 32;
    for (let next: readonly Outbound[] = []; ; messages.push(...next)) {
      next = await this.#server.ask<readonly Outbound[]>({ ask: 'take', stage, count });
      if (next.length < count) return [...messages, ...next];
    }
  }

  #give(stage: string, peer: string, ...messages: readonly Uint8Array[]): Promise<Receipt> {
    return this.#server.ask({ ask: 'receive', stage, peer, messages });
  }

  async #advertise(): Promise<void> {
    const { clients, degree, threshold, measured = 1 } = this.#shape;
    const authority = await createKeyPair(nodeProvider);
    const { suite, values, ringBits } = this.#shape;
    const { context, privateKey } = await createContext(
      {
        suite,
        task: 'bench',
        vectorLength: values,
        ringBits,
        maxClients: clients,
        authority: authority.publicKey,
      },
      nodeProvider,
    );
    await this.#server.ask({ ask: 'open server', context, privateKey, degree, threshold });
    for (let i = 0; i < clients; i += 1) {
      const identity = await createIdentity({ authority, validUntil: sessionTime, provider: this.#virtual });
      const open = { context, identity };
      const participant =
        i < measured && this.#measured !== undefined
          ? await measuredParticipant(this.#measured, i, open)
          : virtualParticipant(open, this.#virtual, this.#input);
      this.#participants.set(`${i}`, participant);
      await this.#give('keys', `${i}`, await participant.start());
    }
  }

  /** Clients answer what the server sent, each with one message. */
  async #exchange(stage: string, messages: readonly Outbound[]): Promise<void> {
    for (const { to, message } of messages) {
      const step = await this.#participants.get(to)?.receive(stage, message);
      if (step?.kind !== 'send') throw new Error(`client ${to} has ${step?.kind} in ${stage} where it should send`);
      await this.#give(stage, to, step.message);
    }
  }

  async #upload(deliveries: readonly Outbound[]): Promise<void> {
    const { clients, dropouts, uploads } = this.#shape;
    for (const { to, message } of deliveries) await this.#participants.get(to)?.receive('shares', message);
    const coming = deliveries.map(({ to }) => to).filter((peer) => Number(peer) < clients - dropouts);
    return uploads === 1 ? this.#uploadSingly(coming) : this.#uploadTogether(coming);
  }

  /** One upload after another, each in one go, so that taking the time costs nothing. */
  async #uploadSingly(coming: readonly string[]): Promise<void> {
    for (const peer of coming) {
      const messages = [...((await this.#participants.get(peer)?.submit()) ?? [])];
      this.inputBytes = messages.reduce((bytes, { length }) => bytes + length, 0);
      await this.#give('sum', peer, ...messages);
    }
  }

  /** Several uploads at a time, message by message. */
  async #uploadTogether(coming: string[]): Promise<void> {
    const { uploads } = this.#shape;
    const active: Upload[] = [];
    for (let peer = coming.shift(); peer !== undefined || active.length > 0; ) {
      while (peer !== undefined && active.length < uploads) {
        const messages = (await this.#participants.get(peer)?.submit()) ?? [];
        active.push({ peer, messages: messages[Symbol.iterator](), held: undefined });
        peer = coming.shift();
      }
      for (const upload of [...active]) if (!(await this.#advance(upload))) active.splice(active.indexOf(upload), 1);
    }
  }

  /** Sends the next message of an upload, or again the one that was deferred; whether there may be more. */
  async #advance(upload: Upload): Promise<boolean> {
    const message = upload.held ?? upload.messages.next().value;
    if (message === undefined) return false;
    const receipt = await this.#give('sum', upload.peer, message);
    upload.held = receipt === 'deferred' ? message : undefined;
    return true;
  }
}

type Open = Pick<Extract<Request, { ask: 'open client' }>, 'context' | 'identity'>;

async function measuredParticipant(party: Party, client: number, open: Open): Promise<Participant> {
  await party.ask({ ask: 'open client', client, ...open });
  return {
    start: () => party.ask({ ask: 'start', client }),
    receive: (stage, message) => party.ask({ ask: 'receive', client, stage, peer: '', messages: [message] }),
    submit: () => party.ask({ ask: 'submit', client }),
  };
}

function virtualParticipant(open: Open, provider: CryptoProvider, input: PlainVector): Participant {
  const { authority } = open.context;
  const session = new ClientSession({ ...open, authority, time: sessionTime, policy: lenientPolicy, provider });
  return {
    start: () => session.start(),
    receive: (_, message) => session.receive(message),
    submit: () => session.submit(input),
  };
}

function virtualProvider(values: number): CryptoProvider {
  const { accumulate } = nodeProvider.expander;
  return memoizingProvider(
    {
      ...nodeProvider,
      expander: {
        // Shorter ones are the coefficients of seed shares, which must be right.
        accumulate: async (suite, lanes, streams) =>
          lanes.length < values ? accumulate(suite, lanes, streams) : undefined,
      },
    },
    { entries: 2 ** 19 },
  );
}
