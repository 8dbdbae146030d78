import { defaultProvider } from '#provider';
import { equalBytes } from '../../core/bytes.js';
import { AbortError, UsageError } from '../../core/errors.js';
import type { Plan } from '../../fl/plan/fields.js';
import { clientPipeline } from '../../fl/plan/pipeline.js';
import { parsePlan } from '../../fl/plan/plan.js';
import type { PlainVector } from '../../ring/vector.js';
import { contextHash, encodeContext, tagLength } from '../../secagg/context.js';
import type { KeyPair } from '../../secagg/identity.js';
import { encodeHello } from '../../secagg/messages/hello.js';
import { decodeOffer, type Offer } from '../../secagg/messages/offer.js';
import { type ClientPolicy, defaultPolicy } from '../../secagg/policy.js';
import { certificateBytes, newIdentity, type Seat, type World } from '../world.js';
import { Line } from './line.js';

/** A server that runs somewhere: the runner's clients join it over WebSockets. */
export interface ServerAddress {
  readonly url: string;
  /** The task to ask for; empty for the only one. */
  readonly task: string;
  /** Clients of a session, at least 4: what the server wants for one cohort. */
  readonly clients: number;
  /** The authority that the server pins. */
  readonly authority: KeyPair;
  /** Milliseconds to wait for an offer, or the next message, before the server is given up. */
  readonly patience: number;
}

/** The runner's clients, each with a connection and the server's offer. */
export interface Gathered {
  readonly lines: readonly Line[];
  readonly world: World;
}

/** Whatever numbers the server chooses: it is not its client's policy that is tested. */
const lax: ClientPolicy = {
  ...defaultPolicy,
  minClients: 2,
  minDegree: 1,
  minThreshold: 1,
  minSurvivors: 2,
  assumptions: { corrupt: 0, dropout: 0, threat: 'semi-honest', securityBits: 1, grindingBits: 0 },
};

/**
 * Gathers a cohort, gives it to `task`, and hangs up whatever comes of it. Throws `AbortError`
 * (`conformance.unreachable`) if there is no server, or no offer of it; `UsageError` (`usage.clients`, `usage.enrol`)
 * if the options don't fit the server.
 */
export async function withCohort<T>(address: ServerAddress, task: (gathered: Gathered) => Promise<T>): Promise<T> {
  const { url, clients, patience } = address;
  const opened = await Promise.allSettled(
    Array.from({ length: clients }, (_, i) => Line.open(`client ${i}`, url, patience)),
  );
  const lines = opened.filter((one) => one.status === 'fulfilled').map(({ value }) => value);
  try {
    for (const one of opened) if (one.status === 'rejected') throw one.reason;
    const offer = await offerTo(lines, address);
    return await task({ lines, world: await worldOf(offer, address) });
  } finally {
    for (const line of lines) line.close();
  }
}

async function offerTo(lines: readonly Line[], { task, authority, patience }: ServerAddress): Promise<Offer> {
  for (const line of lines) line.send(encodeHello({ task }));
  const offers = await Promise.all(
    lines.map(async (line) => {
      const message = await line.next().catch(() => {
        throw new AbortError(
          'conformance.unreachable',
          `${line.name} of ${lines.length} got no offer in ${patience / 1000} s: --clients must be the size of a cohort`,
        );
      });
      if (message === undefined)
        throw new AbortError(
          'conformance.unreachable',
          `the server closed instead of offering a session: ${line.closed?.reason || `code ${line.closed?.code}`}`,
        );
      return decodeOffer(message);
    }),
  );
  const [offer] = offers;
  if (offer === undefined) throw new UsageError('usage.clients', '--clients must be at least 4');
  const bytes = encodeContext(offer.context);
  if (offers.some(({ context }) => !equalBytes(encodeContext(context), bytes)))
    throw new UsageError(
      'usage.clients',
      `${lines.length} clients were offered different sessions: --clients must be the size of a cohort`,
    );
  if (!equalBytes(offer.context.authority, authority.publicKey))
    throw new UsageError('usage.enrol', 'the server is under another authority than the one of --enrol');
  return offer;
}

async function worldOf({ context, plan }: Offer, { clients, authority }: ServerAddress): Promise<World> {
  const time = Math.floor(Date.now() / 1000);
  const input = inputOf(parsePlan(plan));
  const seats: Seat[] = [];
  for (let i = 0; i < clients; i += 1) {
    const identity = await newIdentity(authority, defaultProvider.randomBytes, time + 3600);
    const rand = defaultProvider.randomBytes(192);
    const init = {
      context: encodeContext(context),
      identityKey: identity.privateKey,
      certificate: certificateBytes(identity),
      rand,
      time,
      authority: authority.publicKey,
      policy: lax,
      input: [...input.lanes],
    };
    seats.push({ name: `client ${i}`, identity, rand, input, init });
  }
  const [subject] = seats;
  if (subject === undefined) throw new RangeError('no clients');
  const hash = contextHash(context);
  const server = {
    context: encodeContext(context),
    serverKey: new Uint8Array(),
    assumptions: { ...defaultPolicy.assumptions, correctnessBits: 1 },
    minDegree: 0,
    minClients: 2,
    minSurvivors: 2,
    time,
  };
  return { authority, context, contextHash: hash, tag: hash.slice(0, tagLength), seats, subject, server };
}

/** What a client with nothing to say puts into the sum. */
function inputOf(plan: Plan): PlainVector {
  const metrics = Object.fromEntries(plan.metrics.map(({ name }) => [name, 0]));
  // Zeros are integers: how they are rounded doesn't matter.
  const rounding = (words: number): Uint32Array => new Uint32Array(words);
  return clientPipeline(plan)(new Float32Array(plan.vector.dimension), { weight: 1, metrics, rounding });
}
