/**
 * Whole sessions: CPU seconds of one client and of the server, by stage, against one pass of the raw cipher over as
 * many bytes as the masks have; bytes on the wire; and the server's memory. Nothing is left out of a total but the
 * transport.
 *
 * `client/n100-d1e6` is suite 2 with 32 bits a value; the suffix `-suite1` is ChaCha20, `-b16` is 16 bits a value.
 */
import type { Choice } from './choice.js';
import { type CohortFigures, type CohortShape, Party, runCohort } from './cohort.js';
import { type Measurement, median } from './measurement.js';
import { algorithms, opensslSpeed } from './openssl.js';
import type { Figures } from './party.js';

const repeats = 3;

/** k = 50 of n = 100 and 10^6 values, as in the peers' published figures. */
const sparse = { clients: 100, degree: 50, threshold: 26, values: 1_000_000, uploads: 1 } as const;
/**
 * The complete graph. A session takes most of a minute, so it is run once warm, with several clients measured in it.
 */
const complete = { clients: 512, degree: 511, threshold: 300, values: 100_000, uploads: 1, measured: 3 } as const;

const uploadBudget = 64 * 2 ** 20;

/** The load whose uploads are weighed. */
const wireLoad = 'client/n100-d1e6';

/** One shape of session, measured `times` times. */
interface Load {
  readonly shape: CohortShape;
  readonly client?: string;
  readonly server: string;
  readonly times: number;
}

/** Suite and bits a value of each shape, and what its name ends in. */
const kinds = [
  { suite: 2, ringBits: 32, suffix: '' },
  { suite: 1, ringBits: 32, suffix: '-suite1' },
  { suite: 2, ringBits: 16, suffix: '-b16' },
  { suite: 1, ringBits: 16, suffix: '-suite1-b16' },
] as const;

function variants(): readonly Load[] {
  const loads: Load[] = [];
  for (const { suite, ringBits, suffix } of kinds)
    for (const percent of [0, 10, 30])
      loads.push({
        shape: { ...sparse, suite, ringBits, dropouts: percent },
        ...(percent === 0 ? { client: `client/n100-d1e6${suffix}` } : {}),
        server: `server/n100-d1e6-drop${percent}${suffix}`,
        times: repeats,
      });
  for (const { suite, ringBits, suffix } of kinds)
    loads.push({
      shape: { ...complete, suite, ringBits, dropouts: 154 },
      client: `client/n512-complete-d1e5${suffix}`,
      server: `server/n512-complete-d1e5-drop30${suffix}`,
      times: 1,
    });
  return loads;
}

/** Everything about sessions; some minutes. */
export async function* sessionBenches(choice: Choice): AsyncGenerator<Measurement> {
  yield* loadBenches(choice);
  yield* memoryBenches(choice);
}

async function* loadBenches(choice: Choice): AsyncGenerator<Measurement> {
  const loads = variants().filter(
    ({ client, server }) =>
      [client, server].some((name) => name !== undefined && choice.hasLoad(name)) ||
      (client === wireLoad && choice.hasGroup('wire')),
  );
  if (loads.length === 0) return;
  const [server, client] = [new Party(), new Party()];
  try {
    // The first run of either graph warms up: a device takes part in many sessions.
    const warmUp = { suite: 2, ringBits: 32 } as const;
    await runCohort({ ...sparse, ...warmUp, dropouts: 10 }, server, client);
    if (loads.some(({ shape }) => shape.degree === complete.degree))
      await runCohort({ ...complete, ...warmUp, dropouts: 154 }, server, client);
    for (const load of loads) {
      const runs: CohortFigures[] = [];
      for (let i = 0; i < load.times; i += 1) runs.push(await runCohort(load.shape, server, client));
      yield* stageLines(load, runs);
      if (load.client === wireLoad) yield wireLine(load, runs);
    }
  } finally {
    server.end();
    client.end();
  }
}

async function* stageLines(load: Load, runs: readonly CohortFigures[]): AsyncGenerator<Measurement> {
  const { shape } = load;
  const algorithm = algorithms[shape.suite];
  const speed = await opensslSpeed(algorithm);
  if (load.client !== undefined) {
    const clients = runs.flatMap((run) => run.clients);
    yield* lines(load.client, clients, { algorithm, seconds: passOver(shape, clientMasks(shape), speed) });
  }
  yield* lines(
    load.server,
    runs.map(({ server }) => server),
    { algorithm, seconds: passOver(shape, serverMasks(shape), speed) },
  );
}

/** Masks that a client expands: one for each neighbor, and its own. */
function clientMasks({ degree }: CohortShape): number {
  return degree + 1;
}

/** Masks that the server expands, on average over graphs. */
function serverMasks({ clients, degree, dropouts }: CohortShape): number {
  const survivors = clients - dropouts;
  return survivors + (dropouts * degree * survivors) / (clients - 1);
}

/** Seconds of one pass of the raw cipher over the key stream of that many masks. */
function passOver({ values, ringBits }: CohortShape, masks: number, speed: number | undefined): number | undefined {
  return speed === undefined ? undefined : (masks * values * (ringBits / 8)) / speed;
}

/** One pass of the raw cipher over a load's key stream. */
interface Pass {
  readonly algorithm: string;
  /** `undefined` where there is no `openssl`. */
  readonly seconds: number | undefined;
}

function* lines(name: string, figures: readonly Figures[], { algorithm, seconds: pass }: Pass): Generator<Measurement> {
  const stages = figures[0]?.stages.map(([stage]) => stage) ?? [];
  const line = (suffix: string, value: number): Measurement => {
    const measurement = { name: `${name}${suffix}`, value, unit: 's CPU' };
    if (pass === undefined) return measurement;
    return { ...measurement, ratio: value / pass, against: `one openssl ${algorithm} pass over the key stream` };
  };
  yield line('', median(figures.map(total)));
  for (const stage of stages) yield line(`/${stage}`, median(figures.map((figure) => secondsOf(figure, stage))));
}

function total({ stages }: Figures): number {
  return stages.reduce((sum, [, seconds]) => sum + seconds, 0);
}

function secondsOf({ stages }: Figures, stage: string): number {
  return stages.find(([name]) => name === stage)?.[1] ?? 0;
}

function wireLine({ shape }: Load, runs: readonly CohortFigures[]): Measurement {
  const value = median(runs.map(({ inputBytes }) => inputBytes));
  const plain = (shape.values * shape.ringBits) / 8;
  return { name: 'wire/bytes', value, unit: 'B', ratio: value / plain, against: 'd * b / 8' };
}

/** Peak memory of a fresh server, with more uploads at a time than its budget holds. */
async function* memoryBenches(choice: Choice): AsyncGenerator<Measurement> {
  for (const clients of [100, 1000]) {
    const name = `rss/n${clients}-d1e6`;
    if (!choice.has(name)) continue;
    const shape = { ...sparse, clients, suite: 2, ringBits: 32, dropouts: clients / 10, uploads: 24 } as const;
    const server = new Party();
    try {
      const { rss } = await server.ask<Figures>({ ask: 'figures' });
      const figures = await runCohort(shape, server);
      const value = figures.server.peakRss;
      // The masked sum and the masks' negative, beside the uploads.
      const allowed = rss + uploadBudget + 2 * 4 * shape.values;
      yield {
        name,
        value: value / 1e6,
        unit: 'MB',
        ratio: value / allowed,
        against: 'a server without a session, the upload budget and two vectors',
      };
    } finally {
      server.end();
    }
  }
}
