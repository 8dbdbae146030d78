import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Driver } from '../../src/conformance/driver.js';
import type { ClientAnswer, ClientUnderTest, ServerAnswer, ServerUnderTest } from '../../src/conformance/party.js';
import { makeWorld, type World } from '../../src/conformance/world.js';
import { equalBytes } from '../../src/core/bytes.js';
import type { Phase } from '../../src/secagg/phase.js';
import { phases } from '../../src/secagg/phase.js';
import { numbersFrom, seededRandom } from '../../src/simulation/random.js';
import { OwnClient, OwnServer } from './own.js';

/**
 * Sessions of TypeScript and Python clients with a server of either kind. Each party also has a twin of the other kind,
 * which is given the same and must send the same bytes.
 */

const program = fileURLToPath(new URL('../../protocol-spec/reference/driver.py', import.meta.url));

const sessions = 1000;
const mostClients = 7;

const lax = { corrupt: 0, dropout: 0, threat: 'malicious', securityBits: 1, grindingBits: 0 } as const;

interface Case {
  readonly world: World;
  readonly pythonServer: boolean;
  readonly vanishing: ReadonlyMap<string, Phase>;
}

async function drawCase(seed: number): Promise<Case> {
  const draw = numbersFrom(seededRandom('mixed sessions', String(seed)));
  const clients = 3 + draw.below(mostClients - 2);
  const sparse = clients > 5 && draw.below(2) === 1;
  const world = await makeWorld({
    seed: `mixed ${seed}`,
    clients,
    minDegree: sparse ? 4 : 6,
    policy: { minClients: 2, minDegree: 2, minThreshold: 1, minSurvivors: 2, assumptions: lax },
    assumptions: lax,
    context: {
      suite: draw.below(2) === 0 ? 1 : 2,
      threat: draw.below(2) === 0 ? 'malicious' : 'semi-honest',
      ringBits: 1 + draw.below(32),
      vectorLength: 1 + draw.below(9),
      releaseAt: draw.below(3) === 0 ? [draw.below(clients + 1)] : [],
    },
  });
  const vanishing = new Map<string, Phase>();
  for (const { name } of world.seats) {
    const phase = phases[draw.below(60)];
    if (phase !== undefined) vanishing.set(name, phase);
  }
  return { world, pythonServer: draw.below(2) === 1, vanishing };
}

/** A client and its twin: what both must send. */
class Pair implements ClientUnderTest {
  readonly #twins: readonly ClientUnderTest[];
  constructor(...twins: readonly ClientUnderTest[]) {
    this.#twins = twins;
  }
  start: ClientUnderTest['start'] = (init) => this.#both((twin) => twin.start(init));
  receive: ClientUnderTest['receive'] = (message) => this.#both((twin) => twin.receive(message));

  async #both(ask: (twin: ClientUnderTest) => Promise<ClientAnswer>): Promise<ClientAnswer> {
    const [one, other] = await Promise.all(this.#twins.map(ask));
    if (one === undefined || other === undefined) throw new Error('a pair has two');
    expect(other.send.map((message) => message.length)).toEqual(one.send.map((message) => message.length));
    expect(one.send.every((message, i) => equalBytes(message, other.send[i] ?? new Uint8Array()))).toBe(true);
    expect(other.end?.kind).toEqual(one.end?.kind);
    return one;
  }
}

const byPhase: Readonly<Record<number, Phase>> = {
  3: 'advertise',
  5: 'share',
  7: 'input',
  8: 'input',
  10: 'confirm',
  12: 'unmask',
};

async function play(
  { world, vanishing }: Case,
  servers: readonly ServerUnderTest[],
  clients: ReadonlyMap<string, ClientUnderTest>,
) {
  const gone = new Set<string>();
  const ask = async (question: (server: ServerUnderTest) => Promise<ServerAnswer>): Promise<ServerAnswer> => {
    const [one, other] = await Promise.all(servers.map(question));
    if (one === undefined || other === undefined) throw new Error('a pair has two');
    const live = (answer: ServerAnswer) =>
      answer.send.filter(({ to }) => !gone.has(to)).map(({ to, message }) => [to, [...message]]);
    if (one.end?.kind !== 'aborted') expect(live(other)).toEqual(live(one));
    expect([other.refused, other.end?.kind, other.end?.code]).toEqual([one.refused, one.end?.kind, one.end?.code]);
    return one;
  };
  const up = async (name: string, messages: readonly Uint8Array[]): Promise<void> => {
    for (const message of messages) {
      if (gone.has(name)) return;
      if (vanishing.get(name) === byPhase[message[0] ?? 0]) {
        gone.add(name);
        for (const server of servers) await server.leave(name);
        return;
      }
      expect((await ask((server) => server.receive(name, message))).refused).toBeUndefined();
    }
  };
  for (const server of servers) await server.start(world.server);
  for (const { name, init } of world.seats) await up(name, (await clients.get(name)?.start(init))?.send ?? []);
  for (;;) {
    const { send, end } = await ask((server) => server.deadline());
    if (end?.kind === 'aborted') return undefined;
    for (const { to, message } of send)
      if (!gone.has(to)) await up(to, (await clients.get(to)?.receive(message))?.send ?? []);
    if (end?.kind === 'done') return Promise.all(servers.map((server) => server.result()));
  }
}

describe(`${sessions} mixed sessions, Python and TypeScript`, () => {
  const drivers: Driver[] = [];
  beforeAll(() => {
    for (let i = 0; i <= mostClients; i += 1) drivers.push(new Driver(['python3', program]));
  });
  afterAll(() => Promise.all(drivers.map((driver) => driver.close())));

  it('agree byte for byte, and on the sum', async () => {
    let sums = 0;
    for (let seed = 0; seed < sessions; seed += 1) {
      const drawn = await drawCase(seed);
      const clients = new Map(
        drawn.world.seats.map(({ name }, i) => {
          const [own, python] = [new OwnClient(), (drivers[i + 1] as Driver).client];
          return [name, seed % 2 === i % 2 ? new Pair(own, python) : new Pair(python, own)];
        }),
      );
      const [own, python] = [new OwnServer(), (drivers[0] as Driver).server];
      const results = await play(drawn, drawn.pythonServer ? [python, own] : [own, python], clients);
      if (results === undefined) continue;
      sums += 1;
      const [one, other] = results;
      expect(other, `seed ${seed}`).toMatchObject({ ...one });
      const inputs = one?.survivors.map(
        (index) => drawn.world.seats.find(({ name }) => name === one.roster[index])?.init.input,
      );
      expect(one?.sum).toEqual(
        Array.from({ length: drawn.world.context.vectorLength }, (_, i) =>
          (inputs ?? []).reduce((sum, input) => (sum + (input?.[i] ?? 0)) % 2 ** drawn.world.context.ringBits, 0),
        ),
      );
    }
    expect(sums).toBeGreaterThan(sessions / 4);
    expect(sums).toBeLessThan(sessions);
  }, 1_800_000);
});
