import { defaultProvider } from '#provider';
import type {
  ClientAnswer,
  ClientInit,
  ClientUnderTest,
  PartyEnd,
  ServerAnswer,
  ServerInit,
  ServerResult,
  ServerUnderTest,
} from '../../src/conformance/party.js';
import { concatBytes } from '../../src/core/bytes.js';
import { AbortError, PeerError, UsageError } from '../../src/core/errors.js';
import { plainVector } from '../../src/ring/vector.js';
import { ClientSession, type ClientStep } from '../../src/secagg/client/session.js';
import { decodeContext } from '../../src/secagg/context.js';
import { decodeIdentity } from '../../src/secagg/identity.js';
import { ServerSession } from '../../src/secagg/server/session.js';

/** This implementation as a client under test. */
export class OwnClient implements ClientUnderTest {
  #session: ClientSession | undefined;
  #input: readonly number[] = [];

  async start(init: ClientInit): Promise<ClientAnswer> {
    this.#session = undefined;
    this.#input = init.input;
    return this.#orRefused(async () => {
      const { certificate, privateKey } = decodeIdentity(concatBytes(init.certificate, init.identityKey));
      const session = new ClientSession({
        context: decodeContext(init.context),
        identity: { certificate, privateKey },
        authority: init.authority,
        time: init.time,
        policy: init.policy,
        provider: { ...defaultProvider, randomBytes: () => init.rand.slice() },
      });
      this.#session = session;
      return { send: [await session.start()] };
    });
  }

  async receive(message: Uint8Array): Promise<ClientAnswer> {
    const session = this.#session;
    if (session === undefined || session.state === 'aborted' || session.state === 'finished') return { send: [] };
    return this.#orRefused(async () => this.#answer(session, await session.receive(message)));
  }

  async #answer(session: ClientSession, step: ClientStep): Promise<ClientAnswer> {
    switch (step.kind) {
      case 'send':
        return { send: [step.message] };
      case 'submit':
        return { send: [...(await session.submit(plainVector(session.context.ringBits, this.#input)))] };
      case 'finished':
        return { send: [], end: { kind: 'finished', survived: step.survived, survivors: step.survivors } };
      case 'aborted':
        return { send: [], end: { kind: 'aborted', code: step.code } };
    }
  }

  async #orRefused(task: () => Promise<ClientAnswer>): Promise<ClientAnswer> {
    try {
      return await task();
    } catch (error) {
      if (!(error instanceof PeerError)) throw error;
      return { send: [], end: { kind: 'refused', code: error.code } };
    }
  }
}

/** This implementation as a server under test. */
export class OwnServer implements ServerUnderTest {
  #session: ServerSession | undefined;

  async start({
    context,
    serverKey,
    assumptions,
    minDegree,
    minClients,
    minSurvivors,
    time,
  }: ServerInit): Promise<void> {
    this.#session = new ServerSession({
      context: decodeContext(context),
      privateKey: serverKey,
      assumptions: { ...assumptions, minDegree },
      minClients,
      minSurvivors,
      time,
    });
  }

  async receive(from: string, message: Uint8Array): Promise<ServerAnswer> {
    try {
      await this.#live.receive(from, message);
      return { send: [] };
    } catch (error) {
      if (!(error instanceof PeerError)) throw error;
      return { send: [], refused: error.code };
    }
  }

  leave(from: string): Promise<void> {
    return this.#live.leave(from);
  }

  async deadline(): Promise<ServerAnswer> {
    try {
      const send = [...(await this.#live.close())];
      return { send, end: this.#end() };
    } catch (error) {
      if (!(error instanceof AbortError)) throw error;
      return { send: [], end: { kind: 'aborted', code: error.code } };
    }
  }

  async result(): Promise<ServerResult> {
    const { result } = this.#live;
    if (result === undefined) throw new UsageError('usage.order', 'the session has no result yet');
    const { sum, roster, survivors, cheaters } = result;
    return { sum: [...sum.lanes], roster, survivors: survivors.map((name) => roster.indexOf(name)), cheaters };
  }

  get #live(): ServerSession {
    if (this.#session === undefined) throw new UsageError('usage.order', 'start a session first');
    return this.#session;
  }

  #end(): PartyEnd | undefined {
    return this.#live.state === 'done' ? { kind: 'done' } : undefined;
  }
}
