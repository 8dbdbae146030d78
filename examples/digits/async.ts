/** The example in buffers: nobody waits for the slow, and the same updates are combined in the clear beside. */
import { seededNumbers, stalenessWeight } from 'veilsum/fl';
import { phases } from 'veilsum/secagg';
import type { RoundResult } from 'veilsum/server';
import { clippedTo, maxAbsDifference, PlainServer, totalWeight } from './compare.js';
import { type Crew, startCrew } from './crew.js';
import { agesOf, type Display } from './display.js';
import type { Update } from './messages.js';
import { fetchedBytes, optimizerOf, roundingBound } from './optimizers.js';
import { costSummary, dealDigits, openServer } from './run.js';
import { bufferSize, initialModel, type Scenario, type Settings, scenarioOf } from './settings.js';
import { addUp, mean, type PlayedRound, perClient } from './summary.js';

/** Runs the example; `display` is told of everything. */
export async function run(settings: Settings, display: Display): Promise<void> {
  const scenario = scenarioOf(settings);
  // The first five vanish once, each in another phase of its second update.
  const everyone = Array.from({ length: scenario.clients }, (_, client) => {
    const phase = phases[client];
    return { client, leaves: new Map(phase === undefined ? [] : [[1, phase]]) };
  });
  const crew = startCrew(settings, everyone, () => undefined);
  try {
    const judge = await dealDigits(crew, settings, display);
    const firstModel = initialModel(seededNumbers(settings.seed, 'model'), scenario.shapes);
    const { server, plan, identities } = await openServer({ crew, settings, scenario, firstModel });
    const clear = new ClearBuffers(settings, scenario, firstModel);
    const kept = new KeptUpdates(crew, identities);
    const results: PlayedRound[] = [];
    let [model, difference] = [firstModel, 0];
    const rounds = server.rounds();
    try {
      display.joined(server.url, judge.backend);
      for (let buffer = 0; buffer < settings.rounds; buffer += 1) {
        const { value: summed } = await Promise.race([rounds.next(), crew.failure]);
        if (summed === undefined) throw new Error('the server ended early');
        const result = { ...summed, atEdges: [] };
        const updates = await kept.of(result);
        difference = Math.max(difference, maxAbsDifference(result.model, clear.step(model, updates)));
        model = result.model;
        results.push(result);
        const bytes = perClient(result, fetchedBytes(settings));
        display.round(result, { accuracy: judge.accuracy(model), bytes, left: [] });
      }
    } finally {
      await server.close();
    }
    const cohorts = results.flatMap((result) => result.cohorts);
    const ages = agesOf(cohorts);
    const late = cohorts.map(({ versions }) => (versions?.applied ?? 0) - (versions?.formed ?? 0));
    display.summary({
      rounds: results.length,
      clients: scenario.clients,
      accuracy: judge.accuracy(model),
      plainAccuracy: judge.accuracy(clear.model),
      maxAbsDifference: difference,
      quantizationStep: roundingBound(settings),
      finalDrift: maxAbsDifference(model, clear.model),
      dropouts: addUp(cohorts.map(({ dropouts }) => dropouts)),
      bytesUpPerClient: Math.round(mean(results.map((result) => perClient(result, 0).bytesUp))),
      cost: costSummary({ plan, results }, settings),
      buffers: {
        bufferSize,
        age: { mean: mean(ages), max: Math.max(...ages) },
        late: { mean: mean(late), max: Math.max(...late) },
      },
      seconds: Math.round(performance.now()) / 1000,
    });
  } finally {
    await crew.stop();
  }
}

/** The updates of a buffer as the clients kept them, by client and version: the same version gives the same update. */
class KeptUpdates {
  readonly #crew: Crew;
  readonly #clients: ReadonlyMap<string, number>;
  readonly #heard = new Map<string, Promise<Update>>();

  constructor(crew: Crew, identities: readonly string[]) {
    this.#crew = crew;
    this.#clients = new Map(identities.map((identity, client) => [identity, client]));
  }

  /**
   * Weighed as client and server do. Their weights prove that they are those of the sum, whose weight the server
   * learned masked.
   */
  async of({ round, weight, cohorts }: RoundResult): Promise<readonly Weighed[]> {
    const updates = await Promise.all(
      cohorts.flatMap(({ clients, versions }) =>
        clients.map(async (identity, i) => {
          const [client, trained] = [this.#clients.get(identity) ?? -1, versions?.trained[i] ?? round];
          const formed = versions?.formed ?? round;
          const counts = stalenessWeight(fedbuff, formed - trained) * stalenessWeight(fedbuff, round - formed);
          return { ...(await this.#hear(client, trained)), counts };
        }),
      ),
    );
    if (totalWeight(updates) !== weight)
      throw new Error(`buffer ${round} is a sum of weight ${weight}, not of ${totalWeight(updates)}`);
    return updates;
  }

  #hear(client: number, version: number): Promise<Update> {
    const key = `${client} ${version}`;
    const heard = this.#heard.get(key) ?? this.#crew.hear('submitted', client, version).then(({ update }) => update);
    this.#heard.set(key, heard);
    return heard;
  }
}

const fedbuff = { kind: 'polynomial', exponent: 0.5 } as const;

interface Weighed extends Update {
  /** For its age, and that of its sum. */
  readonly counts: number;
}

/** What the same updates come to in the clear, from the first model on. */
class ClearBuffers {
  readonly #server: PlainServer;
  readonly #clip: number;
  model: Float32Array;

  constructor(settings: Settings, { dimension, clip }: Scenario, model: Float32Array) {
    this.#server = new PlainServer(optimizerOf(settings), { dimension });
    this.#clip = clip;
    this.model = model;
  }

  /** What `model`, which came of masked updates, becomes by these in the clear. */
  step(model: Float32Array, updates: readonly Weighed[]): Float32Array {
    const shortened = updates.map((update) => ({
      ...update,
      values: Float32Array.from(clippedTo(this.#clip, update.values), (value) => update.counts * value),
    }));
    this.model = this.#server.round(this.model, shortened);
    return this.#server.round(model, shortened);
  }
}
