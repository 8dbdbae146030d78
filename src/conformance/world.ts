import { defaultProvider } from '#provider';
import { Writer } from '../core/codec.js';
import type { CryptoProvider } from '../crypto/provider/provider.js';
import { type PlainVector, plainVector } from '../ring/vector.js';
import { randLength } from '../secagg/client/secrets.js';
import { ClientSession } from '../secagg/client/session.js';
import { contextHash, encodeContext, type SessionContext, tagLength } from '../secagg/context.js';
import { createIdentity, type Identity, type KeyPair } from '../secagg/identity.js';
import { writeCertificate } from '../secagg/messages/certificate.js';
import type { Assumptions } from '../secagg/parameters.js';
import { type ClientPolicy, defaultPolicy } from '../secagg/policy.js';
import { seededRandom } from '../simulation/random.js';
import type { ClientInit, ServerInit } from './party.js';

/** Unix time of checks that bring their own clock, and how long certificates are good from then. */
export const now = 1_000_000;
const validity = 1_000_000;

export interface WorldOptions {
  /** Clients, 8 unless given. */
  readonly clients?: number;
  readonly policy?: Partial<ClientPolicy>;
  readonly context?: Partial<SessionContext>;
  /** Least degree that a server chooses, the default policy's unless given; with `assumptions` it decides k and t. */
  readonly minDegree?: number;
  readonly assumptions?: Partial<Assumptions>;
  readonly seed?: string;
  /** Unix time in seconds. */
  readonly time?: number;
  /** Session id and server key come from the platform's randomness, not from the seed. */
  readonly fresh?: boolean;
}

/** One client of the cohort, as the runner knows it: with all its secrets. */
export interface Seat {
  readonly name: string;
  readonly identity: Identity;
  readonly rand: Uint8Array;
  readonly input: PlainVector;
  readonly init: ClientInit;
}

/** A cohort whose every secret the runner knows, the server's too. */
export interface World {
  readonly authority: KeyPair;
  readonly context: SessionContext;
  readonly contextHash: Uint8Array;
  readonly tag: Uint8Array;
  readonly seats: readonly Seat[];
  /** The client under test, where one is. */
  readonly subject: Seat;
  readonly server: ServerInit;
}

const assumptions: Assumptions & { readonly correctnessBits: number } = {
  ...defaultPolicy.assumptions,
  corrupt: 0.1,
  dropout: 0.1,
  // A small cohort that may lose some of its clients can't promise success.
  correctnessBits: 1,
};

/** A sparse graph of seven clients, for which a client has to assume little. */
export const sparseWorld: Required<Pick<WorldOptions, 'clients' | 'minDegree' | 'policy' | 'assumptions'>> = {
  clients: 7,
  minDegree: 4,
  policy: {
    minClients: 2,
    minDegree: 2,
    minThreshold: 1,
    minSurvivors: 2,
    assumptions: { corrupt: 0, dropout: 0, threat: 'malicious', securityBits: 1, grindingBits: 0 },
  },
  assumptions: { corrupt: 0, dropout: 0, securityBits: 1, grindingBits: 0 },
};

export async function makeWorld(options: WorldOptions = {}): Promise<World> {
  const random = seededRandom(options.seed ?? 'conformance', 'world');
  const time = options.time ?? now;
  const authority = await keyPair(random(32));
  const drawn = options.fresh === true ? defaultProvider.randomBytes : random;
  const serverPrivate = drawn(32);
  const context: SessionContext = {
    suite: 1,
    threat: 'malicious',
    task: 'conformance',
    round: 0,
    session: drawn(32),
    planHash: random(32),
    modelHash: random(32),
    vectorLength: 5,
    ringBits: 20,
    maxClients: 64,
    authority: authority.publicKey,
    serverKey: await defaultProvider.agreementPublicKey(serverPrivate),
    releaseAt: [],
    ...options.context,
  };
  const policy: ClientPolicy = { ...defaultPolicy, ...options.policy };
  const seats: Seat[] = [];
  for (let i = 0; i < (options.clients ?? 8); i += 1)
    seats.push(await makeSeat({ name: `client ${i}`, random, authority, context, policy, time }));
  const [subject] = seats;
  if (subject === undefined) throw new RangeError('a world needs a client');
  const hash = contextHash(context);
  const server: ServerInit = {
    context: encodeContext(context),
    serverKey: serverPrivate,
    assumptions: { ...assumptions, ...options.assumptions },
    minDegree: options.minDegree ?? defaultPolicy.minDegree,
    minClients: 2,
    minSurvivors: 2,
    time,
  };
  return { authority, context, contextHash: hash, tag: hash.slice(0, tagLength), seats, subject, server };
}

interface SeatOptions {
  readonly name: string;
  readonly random: (length: number) => Uint8Array;
  readonly authority: KeyPair;
  readonly context: SessionContext;
  readonly policy: ClientPolicy;
  readonly time: number;
}

async function makeSeat({ name, random, authority, context, policy, time }: SeatOptions): Promise<Seat> {
  const identity = await newIdentity(authority, random, time + validity);
  const rand = random(randLength);
  const words = new DataView(random(4 * context.vectorLength).buffer);
  const input = Array.from({ length: context.vectorLength }, (_, i) => words.getUint32(4 * i) % 2 ** context.ringBits);
  const init: ClientInit = {
    context: encodeContext(context),
    identityKey: identity.privateKey,
    certificate: certificateBytes(identity),
    rand,
    time,
    authority: authority.publicKey,
    policy,
    input,
  };
  return { name, identity, rand, input: plainVector(context.ringBits, input), init };
}

/** An identity that the authority enrolled. */
export function newIdentity(
  authority: KeyPair,
  random: (length: number) => Uint8Array,
  until: number = now + validity,
): Promise<Identity> {
  return createIdentity({ authority, validUntil: until, provider: { ...defaultProvider, randomBytes: random } });
}

export async function keyPair(privateKey: Uint8Array): Promise<KeyPair> {
  return { privateKey, publicKey: await defaultProvider.signaturePublicKey(privateKey) };
}

/** A certificate as it stands in messages, 104 bytes. */
export function certificateBytes({ certificate }: Identity): Uint8Array {
  return writeCertificate(new Writer(104), certificate).finish();
}

/** The sum of these clients' inputs. */
export function plainSum({ seats, context }: World, names: readonly string[]): number[] {
  const inputs = seats.filter(({ name }) => names.includes(name)).map(({ init }) => init.input);
  return Array.from({ length: context.vectorLength }, (_, i) =>
    inputs.reduce((sum, input) => (sum + (input[i] ?? 0)) % 2 ** context.ringBits, 0),
  );
}

/** This implementation as the seat's client. */
export function sessionOf(seat: Seat, context: SessionContext): ClientSession {
  return new ClientSession({
    context,
    identity: seat.identity,
    authority: seat.init.authority,
    time: seat.init.time,
    policy: seat.init.policy,
    provider: fixedRandomness(seat.rand),
  });
}

/** A session draws all its randomness at once. */
function fixedRandomness(rand: Uint8Array): CryptoProvider {
  return { ...defaultProvider, randomBytes: () => rand.slice() };
}
