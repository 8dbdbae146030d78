/**
 * A small in-process session: real clients, the real server, and a hand between them that may do anything to a message.
 */
import { toHex } from '../../src/core/bytes.js';
import { VeilsumError } from '../../src/core/errors.js';
import type { CryptoProvider } from '../../src/crypto/provider/provider.js';
import { type PlainVector, plainVector } from '../../src/ring/vector.js';
import { type ClientSecrets, deriveSecrets, randLength } from '../../src/secagg/client/secrets.js';
import { ClientSession, type ClientStep } from '../../src/secagg/client/session.js';
import { contextHash, type SessionContext, tagLength } from '../../src/secagg/context.js';
import { createIdentity, type Identity, type KeyPair } from '../../src/secagg/identity.js';
import { type MessageName, messageName } from '../../src/secagg/messages/envelope.js';
import type { SessionParameters } from '../../src/secagg/parameters.js';
import type { ClientPolicy } from '../../src/secagg/policy.js';
import type { SessionResult } from '../../src/secagg/server/phase.js';
import { ServerSession } from '../../src/secagg/server/session.js';
import { seededBytes, testProvider } from './provider.js';

export const now = 1_000_000;
export const validUntil = 2_000_000;

export interface WorldOptions {
  readonly n?: number;
  readonly parameters?: (n: number) => SessionParameters;
  readonly policy?: Partial<ClientPolicy>;
  readonly context?: Partial<SessionContext>;
  readonly seed?: string;
  readonly inputs?: (client: number) => readonly number[];
}

export interface Seat {
  readonly peer: string;
  readonly identity: Identity;
  readonly client: ClientSession;
  readonly input: PlainVector;
  /** What the client holds in secret, as the test knows its randomness. */
  readonly secrets: ClientSecrets;
}

export interface World {
  readonly authority: KeyPair;
  readonly context: SessionContext;
  readonly contextHash: Uint8Array;
  /** The server's key of the session. */
  readonly privateKey: Uint8Array;
  readonly provider: CryptoProvider;
  readonly server: ServerSession;
  readonly seats: readonly Seat[];
}

/** A policy that a handful of clients can meet: nobody colludes by assumption, whatever the test then does. */
export const laxPolicy: Partial<ClientPolicy> = {
  minClients: 2,
  minThreshold: 1,
  minDegree: 1,
  minSurvivors: 2,
  assumptions: { corrupt: 0, dropout: 0, threat: 'semi-honest', securityBits: 1, grindingBits: 0 },
};

export const complete =
  (threshold: number) =>
  (n: number): SessionParameters => ({ n, degree: n - 1, threshold });

export const sparse =
  (degree: number, threshold: number) =>
  (n: number): SessionParameters => ({ n, degree, threshold });

/** The server's private key of the session that `makeContext` makes of the same seed. */
export const serverPrivateKey = (seed: string): Uint8Array => seededBytes(`${seed} server key`)(32);

export async function makeContext(
  authority: KeyPair,
  seed: string,
  overrides: Partial<SessionContext> = {},
): Promise<SessionContext> {
  const random = seededBytes(`${seed} context`);
  return {
    suite: 1,
    threat: 'malicious',
    task: 'test',
    round: 0,
    session: random(32),
    planHash: random(32),
    modelHash: random(32),
    vectorLength: 4,
    ringBits: 16,
    maxClients: 64,
    authority: authority.publicKey,
    serverKey: await testProvider(seed).agreementPublicKey(serverPrivateKey(seed)),
    releaseAt: [],
    ...overrides,
  };
}

export async function makeAuthority(name = 'authority'): Promise<KeyPair> {
  const privateKey = seededBytes(name)(32);
  return { privateKey, publicKey: await testProvider(name).signaturePublicKey(privateKey) };
}

const identities = new Map<string, Promise<Identity>>();

/**
 * The identity of a name under an authority, always the same; enrolment costs more than the rest of a small session.
 */
function enrolled(authority: KeyPair, name: string): Promise<Identity> {
  const id = `${toHex(authority.publicKey)} ${name}`;
  const identity =
    identities.get(id) ?? createIdentity({ authority, validUntil, provider: testProvider(`identity ${name}`) });
  identities.set(id, identity);
  return identity;
}

export interface SeatOptions {
  readonly peer: string;
  readonly authority: KeyPair;
  readonly context: SessionContext;
  readonly seed: string;
  readonly policy?: Partial<ClientPolicy>;
  readonly input: readonly number[];
}

/** A client whose identity depends on its name alone and whose session randomness on the seed too. */
export async function makeSeat({ peer, authority, context, seed, policy, input }: SeatOptions): Promise<Seat> {
  const identity = await enrolled(authority, peer);
  const name = `${seed} ${peer}`;
  const client = new ClientSession({
    context,
    identity,
    authority: authority.publicKey,
    time: now,
    policy: policy ?? laxPolicy,
    provider: testProvider(name),
  });
  const secrets = deriveSecrets(contextHash(context), seededBytes(name)(randLength), context.releaseAt.length);
  return { peer, identity, client, input: plainVector(context.ringBits, input), secrets };
}

export async function makeWorld(options: WorldOptions = {}): Promise<World> {
  const { n = 5, seed = 'world', parameters = complete(Math.floor(n / 2) + 1) } = options;
  const authority = await makeAuthority();
  const context = await makeContext(authority, seed, options.context);
  const { vectorLength } = context;
  const inputs = options.inputs ?? ((client) => Array.from({ length: vectorLength }, (_, i) => client * 10 + i + 1));
  const seats = await Promise.all(
    Array.from({ length: n }, (_, i) => {
      const common = { peer: `client ${i}`, authority, context, seed, input: inputs(i) };
      return makeSeat(options.policy === undefined ? common : { ...common, policy: options.policy });
    }),
  );
  const provider = testProvider(`${seed} server`);
  const privateKey = serverPrivateKey(seed);
  const server = new ServerSession({ context, privateKey, parameters, time: now, provider });
  return { authority, context, contextHash: contextHash(context), privateKey, provider, server, seats };
}

/** What the hand does with a message: pass it (or another one) on, or lose it. */
export type Hand = (message: Uint8Array, at: { readonly peer: string; readonly name: MessageName }) => Hold;
export type Hold = Uint8Array | undefined | readonly Uint8Array[];

export interface Hands {
  readonly up?: Hand;
  readonly down?: Hand;
}

export interface Refusal {
  readonly peer: string;
  readonly by: 'client' | 'server';
  readonly error: unknown;
}

export interface Outcome {
  readonly result: SessionResult | undefined;
  /** Why the server gave up. */
  readonly aborted: unknown;
  readonly refusals: readonly Refusal[];
}

/** Plays a session to its end. Whoever is refused, or refuses, leaves. */
export async function play({ server, seats }: World, hands: Hands = {}): Promise<Outcome> {
  const refusals: Refusal[] = [];
  const gone = new Set<string>();
  const leave = async (refusal: Refusal): Promise<void> => {
    refusals.push(refusal);
    gone.add(refusal.peer);
    await server.leave(refusal.peer);
  };
  const send = async (peer: string, message: Uint8Array): Promise<void> => {
    for (const passed of held(hands.up, message, peer)) {
      if (gone.has(peer)) return;
      try {
        await server.receive(peer, passed);
      } catch (error) {
        await leave({ peer, by: 'server', error });
      }
    }
  };
  const deliver = async (seat: Seat, message: Uint8Array): Promise<void> => {
    for (const passed of held(hands.down, message, seat.peer)) {
      if (gone.has(seat.peer)) return;
      try {
        for (const answer of await answers(seat, await seat.client.receive(passed))) await send(seat.peer, answer);
      } catch (error) {
        await leave({ peer: seat.peer, by: 'client', error });
      }
    }
  };
  for (const seat of seats) await send(seat.peer, await seat.client.start());
  while (server.state !== 'done') {
    try {
      for (const { to, message } of await server.close()) {
        const seat = seats.find(({ peer }) => peer === to);
        if (seat !== undefined) await deliver(seat, message);
      }
    } catch (error) {
      return { result: undefined, aborted: error, refusals };
    }
  }
  return { result: server.result, aborted: undefined, refusals };
}

function held(hand: Hand | undefined, message: Uint8Array, peer: string): readonly Uint8Array[] {
  if (hand === undefined) return [message];
  const result = hand(message, { peer, name: messageName(message) });
  if (result === undefined) return [];
  return result instanceof Uint8Array ? [result] : result;
}

async function answers({ client, input }: Seat, step: ClientStep): Promise<Iterable<Uint8Array>> {
  if (step.kind === 'send') return [step.message];
  return step.kind === 'submit' ? client.submit(input) : [];
}

/** The sum of these clients' inputs, computed the plain way. */
export function plainSum({ context, seats }: World, peers: readonly string[]): number[] {
  const inputs = seats.filter(({ peer }) => peers.includes(peer)).map(({ input }) => input.lanes);
  return Array.from({ length: context.vectorLength }, (_, i) =>
    inputs.reduce((sum, lanes) => (sum + (lanes[i] ?? 0)) % 2 ** context.ringBits, 0),
  );
}

export const sumOf = ({ result }: Outcome): number[] | undefined =>
  result === undefined ? undefined : [...result.sum.lanes];

/** The code of a typed error, `untyped` and the error's text otherwise. */
export function codeOf(error: unknown): string {
  return error instanceof VeilsumError ? error.code : `untyped: ${String(error)}`;
}

/** What the messages of a session carry of its context. */
export const tagOf = (world: World): Uint8Array => world.contextHash.subarray(0, tagLength);

export const codes = (outcome: Outcome): string[] => outcome.refusals.map(({ error }) => codeOf(error));
