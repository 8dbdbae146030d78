import { equalBytes, toHex } from '../core/bytes.js';
import type { CryptoProvider } from '../crypto/provider/provider.js';
import { packedLength } from '../ring/pack.js';
import { ClientSession } from '../secagg/client/session.js';
import type { SessionContext } from '../secagg/context.js';
import type { NewContext } from '../secagg/create-context.js';
import { createIdentity, createKeyPair, type Identity, type KeyPair } from '../secagg/identity.js';
import { limits } from '../secagg/limits.js';
import type { SessionResult } from '../secagg/server/phase.js';
import { ServerSession } from '../secagg/server/session.js';
import { VirtualClient } from './client.js';
import { Connection } from './connection.js';
import { Driver, type Seat } from './driver.js';
import { planDropouts } from './dropouts.js';
import { Inputs } from './inputs.js';
import { seededProvider } from './memoize.js';
import { Line } from './network.js';
import { completeOptions, type Setting, type SimulationOptions } from './options.js';
import { numbersFrom, seededRandom } from './random.js';
import { type SimulationReport, Tally } from './report.js';

/** Unix time of every simulated session. */
const time = 1_800_000_000;

/**
 * Runs one session of real client and server sessions in this process, over a virtual network and clock, with dropouts
 * in the phases asked for, and compares the sum with the plain sum of the survivors' inputs. The same options give the
 * same bytes; only CPU times differ.
 *
 * @throws UsageError for an option that is wrong. A session that ends without a sum is an outcome, not an error.
 */
export async function simulate(options: SimulationOptions): Promise<SimulationReport> {
  const setting = completeOptions(options);
  const { clients, seed, provider } = setting;
  const numbers = numbersFrom(seededRandom(seed, 'network'));
  const tally = new Tally(clients, setting);
  const { authority, context, privateKey } = await makeContext(setting);
  const server = new ServerSession({
    context,
    privateKey,
    time,
    provider: seededProvider(provider, seed, 'server'),
    parameters: setting.parameters.parametersFor,
    minSurvivors: setting.minSurvivors,
    uploadBudget: setting.uploadBudget,
  });
  const inputs = new Inputs(seed, { bits: setting.ringBits, length: setting.dimension }, provider);
  const uploadLength = packedLength(setting.ringBits, setting.dimension);
  const dropouts = planDropouts(clients, setting.counts, {
    numbers: numbersFrom(seededRandom(seed, 'dropouts')),
    chunks: Math.ceil(uploadLength / limits.chunk),
  });
  const seeds = new Map<string, readonly Uint8Array[]>();
  const seats: Seat[] = [];
  for (const [i, dropout] of dropouts.entries()) {
    const session = await makeSession(setting, { authority, context, client: i });
    const line = (rate: number): Line => new Line(rate, setting.network.latency, numbers);
    const connection = new Connection(i, line(setting.network.uplink), line(setting.network.downlink));
    seeds.set(connection.peer, session.applicationSeeds());
    seats.push({ client: new VirtualClient(session, dropout, () => inputs.of(i)), connection });
  }
  const { deadlines, patience, network } = setting;
  const closing = (): number => numbers.between(network.latency.least, network.latency.most) + Number.EPSILON;
  const driver = new Driver({ server, seats, tally, deadlines, patience, closing, uploadLength });
  const outcome = await driver.run(() => numbers.between(0, Math.min(1, deadlines.advertise / 2)));
  const survivors = (server.result?.survivors ?? []).map(clientOf).sort((a, b) => a - b);
  return {
    outcome,
    exact: server.result === undefined ? undefined : await inputs.isSumOf(server.result.sum, survivors),
    parameters: server.result?.parameters,
    survivors,
    dropouts: setting.counts,
    revealed: driver.revealed,
    applicationSeeds: compareSeeds(server.result, seeds),
    stagedBytes: driver.stagedBytes,
    ...tally.figures(),
  };
}

function clientOf(peer: string): number {
  return Number(peer.slice('client '.length));
}

async function makeContext(setting: Setting): Promise<NewContext & { readonly authority: KeyPair }> {
  const { seed, provider } = setting;
  const random = seededRandom(seed, 'context');
  const authority = await createKeyPair(seededProvider(provider, seed, 'authority'));
  const privateKey = seededRandom(seed, 'server key')(32);
  const context = {
    suite: setting.suite,
    threat: setting.threat,
    task: 'simulation',
    round: 0,
    session: random(32),
    planHash: random(32),
    modelHash: random(32),
    vectorLength: setting.dimension,
    ringBits: setting.ringBits,
    maxClients: setting.clients,
    authority: authority.publicKey,
    serverKey: await provider.agreementPublicKey(privateKey),
    releaseAt: setting.releaseAt,
  };
  return { authority, context, privateKey };
}

async function makeSession(
  setting: Setting,
  { authority, context, client }: { authority: KeyPair; context: SessionContext; client: number },
): Promise<ClientSession> {
  const provider = seededProvider(setting.provider, setting.seed, `session of client ${client}`);
  const identity = await identityOf(setting, authority, client);
  return new ClientSession({
    context,
    identity,
    authority: authority.publicKey,
    time,
    provider,
    policy: {
      minClients: 2,
      minDegree: 1,
      minThreshold: 1,
      minSurvivors: setting.minSurvivors,
      assumptions: setting.parameters.assumptions,
    },
  });
}

/** Identities by seed and client: enrolment costs more than much of a session, and a provider is used for many. */
const identities = new WeakMap<CryptoProvider, Map<string, Identity>>();
const mostIdentities = 4096;

async function identityOf({ provider, seed }: Setting, authority: KeyPair, client: number): Promise<Identity> {
  const known = identities.get(provider) ?? new Map<string, Identity>();
  identities.set(provider, known);
  const id = `${toHex(authority.publicKey)} ${client}`;
  const identity =
    known.get(id) ??
    (await createIdentity({
      authority,
      validUntil: time,
      provider: seededProvider(provider, seed, `identity of client ${client}`),
    }));
  if (known.size < mostIdentities) known.set(id, identity);
  return identity;
}

/** How many seeds the server has learned, and whether they are what their owners had. */
function compareSeeds(
  result: SessionResult | undefined,
  seeds: ReadonlyMap<string, readonly Uint8Array[]>,
): SimulationReport['applicationSeeds'] {
  let released = 0;
  let right = true;
  for (const [peer, ofPeer] of result?.applicationSeeds ?? [])
    for (const [position, seed] of ofPeer) {
      released += 1;
      right &&= equalBytes(seed, seeds.get(peer)?.[position] ?? new Uint8Array());
    }
  return { released, right };
}
