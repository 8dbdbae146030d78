/** The example itself: clients and a server, and afterwards the same rounds without masking. */

import type { EdgeRound } from 'veilsum/edge';
import { type Plan, planCost, seededNumbers } from 'veilsum/fl';
import { phases } from 'veilsum/secagg';
import type { RoundResult } from 'veilsum/server';
import { craft } from './attack.js';
import { maxAbsDifference, PlainServer, rmsDifference, totalWeight } from './compare.js';
import { type Crew, startCrew } from './crew.js';
import { dealByDirichlet, holdOut, loadDigits } from './digits.js';
import type { Display } from './display.js';
import type { FromClient, Update } from './messages.js';
import { createNetwork, type Network } from './model.js';
import { fetchedBytes, optimizerOf, roundingBound } from './optimizers.js';
import { allWithin } from './patience.js';
import { clientsInSum, type Leaving, leavesOf, scheduleLeaving } from './schedule.js';
import { type Federation, startFederation } from './server.js';
import { byzantineOf, heldOut, initialModel, isRobust, type Scenario, type Settings, scenarioOf } from './settings.js';
import {
  addUp,
  type CostSummary,
  clientCohorts,
  type EdgeSummary,
  edgeTraffic,
  mean,
  type PlayedRound,
  type PrivacySummary,
  perClient,
  type RobustSummary,
  type Summary,
} from './summary.js';
import { startTensorFlow } from './tensorflow.js';

/**
 * Milliseconds without another honest client after which attackers act on what they know. A third of what the server
 * waits for them.
 */
const plotPatience = 40_000;

/** What the rounds need, masked or not. */
interface Stage {
  readonly settings: Settings;
  readonly scenario: Scenario;
  readonly crew: Crew;
  readonly schedule: readonly Leaving[];
  readonly firstModel: Float32Array;
  /** A network over the held-out images. */
  readonly judge: Network;
  readonly display: Display;
}

/** Runs the example; `display` is told of everything. */
export async function run(settings: Settings, display: Display): Promise<void> {
  const { rounds, seed } = settings;
  const scenario = scenarioOf(settings);
  const { clients } = scenario;
  // Byzantine clients stay; without masking there are but two phases to leave in.
  const honest = clients - byzantineOf(settings);
  const possible = settings.masking === 'none' ? (['advertise', 'input'] as const) : phases;
  const schedule = scheduleLeaving(rounds, honest, seededNumbers(seed, 'leaving'), possible);
  const crew = startCrew(
    settings,
    Array.from({ length: clients }, (_, client) => ({ client, leaves: leavesOf(client, schedule) })),
    (client, message) => showProgress(client, message, display),
  );
  try {
    const judge = await dealDigits(crew, settings, display);
    const firstModel = initialModel(seededNumbers(seed, 'model'), scenario.shapes);
    const stage: Stage = { settings, scenario, crew, schedule, judge, display, firstModel };
    const masked = await maskedRounds(stage);
    const plainModel = await plainRounds(stage);
    const cohorts = masked.results.flatMap(clientCohorts);
    const privacy = privacySummary(masked);
    const robust = robustSummary(masked, settings);
    const edges = edgeSummary(masked, scenario);
    const summary: Summary = {
      rounds: masked.results.length,
      clients,
      accuracy: judge.accuracy(masked.model),
      plainAccuracy: judge.accuracy(plainModel),
      maxAbsDifference: masked.maxAbsDifference,
      quantizationStep: roundingBound(settings),
      finalDrift: maxAbsDifference(masked.model, plainModel),
      dropouts: addUp(cohorts.map(({ dropouts }) => dropouts)),
      bytesUpPerClient: Math.round(mean(masked.results.map((result) => perClient(result, 0).bytesUp))),
      cost: costSummary(masked, settings),
      ...(privacy === undefined ? {} : { privacy }),
      ...(robust === undefined ? {} : { robust }),
      ...(edges === undefined ? {} : { edges }),
      seconds: Math.round(performance.now()) / 1000,
    };
    display.summary(summary);
  } finally {
    await crew.stop();
  }
}

/** Gives the clients their images. The network that comes back holds those that nobody got. */
export async function dealDigits(crew: Crew, settings: Settings, display: Display): Promise<Network> {
  const { seed } = settings;
  const scenario = scenarioOf(settings);
  const { training: images, test } = holdOut(await loadDigits(), heldOut, seededNumbers(seed, 'held out'));
  const hands = dealByDirichlet(images, scenario.dealing, seededNumbers(seed, 'hands'));
  hands.forEach((digits, client) => {
    crew.tell(client, { kind: 'digits', digits });
  });
  display.dealt(hands);
  await startTensorFlow();
  return createNetwork(test, scenario);
}

interface MaskedRounds {
  readonly model: Float32Array;
  readonly results: readonly PlayedRound[];
  readonly plan: Plan;
  /** Identity keys of the clients in hexadecimal. */
  readonly identities: readonly string[];
  readonly maxAbsDifference: number;
  /** Root of the mean squared difference, over rounds. */
  readonly rmsDifference: number;
}

async function maskedRounds(stage: Stage): Promise<MaskedRounds> {
  const { crew, schedule, firstModel, judge, display, scenario } = stage;
  const { server, edges, plan, identities } = await openServer(stage);
  const clear = new PlainServer(optimizerOf(stage.settings), scenario);
  const rounds = server.rounds();
  const below = edges.map((edge) => edge.rounds());
  const results: PlayedRound[] = [];
  let model = firstModel;
  let difference = 0;
  let squares = 0;
  try {
    display.joined(server.url, judge.backend);
    for (const leaving of schedule) {
      // A client that fails would be one more that vanished; the example was to run without failures.
      // Not waited for once the round is over: a Byzantine client that was late for it never asks what to send.
      const plotFailure = plotRound(stage, results.length).then(() => new Promise<never>(() => undefined));
      const played = Promise.all([rounds.next(), ...below.map((edge) => edge.next())]);
      const [{ value: summed }, ...atEdges] = await Promise.race([played, crew.failure, plotFailure]);
      if (summed === undefined) throw new Error('the server ended early');
      const result = { ...summed, atEdges: atEdges.flatMap(({ value }) => summedBelow(value ?? undefined)) };
      // What a robust rule gives is no mean, and is not to be compared with one.
      if (!isRobust(stage.settings)) {
        const updates = await updatesInSum(result, leaving, stage);
        const plain = clear.round(model, updates);
        difference = Math.max(difference, maxAbsDifference(result.model, plain));
        squares += rmsDifference(result.model, plain) ** 2;
      }
      model = result.model;
      results.push(result);
      display.round(result, {
        accuracy: judge.accuracy(model),
        bytes: perClient(result, fetchedBytes(stage.settings)),
        left: phases.filter((phase) => [...leaving.values()].includes(phase)),
      });
      const last = results.length === schedule.length;
      for (const client of leaving.keys()) crew.tell(client, { kind: 'roundOver', last });
    }
  } finally {
    await Promise.all([server, ...edges].map((each) => each.close()));
  }
  return {
    model,
    results,
    plan,
    identities,
    maxAbsDifference: difference,
    rmsDifference: Math.sqrt(squares / results.length),
  };
}

/** Enrols every client, starts the server, and lets the clients join. */
export async function openServer({
  crew,
  settings,
  scenario,
  firstModel,
}: Pick<Stage, 'crew' | 'settings' | 'scenario' | 'firstModel'>): Promise<{
  readonly server: Federation['server'];
  readonly edges: Federation['edges'];
  readonly plan: Plan;
  readonly identities: readonly string[];
}> {
  const everyone = Array.from({ length: scenario.clients }, (_, client) => client);
  const keys = await Promise.all(everyone.map((client) => crew.hear('key', client)));
  const publicKeys = keys.map(({ publicKey }) => publicKey);
  const { server, edges, plan, authority, certificates } = await startFederation(settings, firstModel, publicKeys);
  await Promise.all(everyone.map((client) => crew.hear('ready', client)));
  certificates.forEach((certificate, client) => {
    const { url } = edges[client % edges.length] ?? server;
    crew.tell(client, { kind: 'join', url, authority, certificate });
  });
  return { server, edges, plan, identities: publicKeys.map((key) => Buffer.from(key).toString('hex')) };
}

/**
 * The updates in the round's sum, as the clients kept them. Who is in it follows from who left when; the sum of their
 * weights, which the server learned masked, proves it.
 */
async function updatesInSum(
  result: RoundResult,
  leaving: Leaving,
  { crew, scenario }: Stage,
): Promise<readonly Update[]> {
  const inSum = clientsInSum(scenario.clients, leaving);
  const submitted = await Promise.all(inSum.map((client) => crew.hear('submitted', client, result.round)));
  const updates = submitted.map(({ update }) => update);
  if (totalWeight(updates) !== result.weight)
    throw new Error(`round ${result.round} is a sum of weight ${result.weight}, not of ${totalWeight(updates)}`);
  return updates;
}

/**
 * The same rounds from the same first model, with the same clients leaving, without masking or quantization; honest
 * clients only: what would be learned without an attack.
 */
async function plainRounds({ crew, schedule, firstModel, display, scenario, settings }: Stage): Promise<Float32Array> {
  const honest = scenario.clients - byzantineOf(settings);
  const server = new PlainServer(optimizerOf(settings), scenario);
  let model = firstModel;
  for (const [round, leaving] of schedule.entries()) {
    display.comparing(round);
    const [current, { control }] = [model, server];
    const trained = clientsInSum(honest, leaving).map(async (client) => {
      crew.tell(client, { kind: 'train', round, model: current, control });
      return (await crew.hear('trained', client, round)).update;
    });
    model = server.round(current, await Promise.all(trained));
  }
  return model;
}

/**
 * What an edge's clients came to. An edge that contributed nothing would be a failure; the example was to run without.
 */
function summedBelow(played: EdgeRound | undefined): readonly RoundResult[] {
  if (played?.own === undefined || played.outcome.status !== 'summed')
    throw new Error(`an edge contributed nothing: ${played?.outcome.status ?? 'it ended early'}`);
  return [played.own];
}

/**
 * Makes the Byzantine clients' vectors once the honest ones have trained, or once nobody has for a while: on a busy
 * machine a client may be late, and not in the round.
 */
async function plotRound({ crew, settings, scenario }: Stage, round: number): Promise<void> {
  const attackers = byzantineOf(settings);
  if (attackers === 0) return;
  const honest = Array.from({ length: scenario.clients - attackers }, (_, client) => client);
  const heard = await allWithin(
    honest.map((client) => crew.hear('submitted', client, round)),
    plotPatience,
  );
  const crafted = craft(settings, scenario, { honest: heard.map(({ update }) => update.values), round });
  await Promise.all(
    crafted.map(async (values, i) => {
      const client = honest.length + i;
      await crew.hear('plotting', client, round);
      crew.tell(client, { kind: 'craft', round, values });
    }),
  );
}

/** What the plan was reckoned to cost, beside what it did. */
export function costSummary(
  { plan, results }: Pick<MaskedRounds, 'plan' | 'results'>,
  settings: Settings,
): CostSummary {
  const fetched = fetchedBytes(settings);
  const cohorts = results.flatMap(clientCohorts);
  const round = planCost(plan, {
    clients: Math.round(mean(cohorts.map(({ roster }) => roster))),
    cohorts: Math.round(mean(results.map((result) => clientCohorts(result).length))),
    degree: Math.max(1, Math.round(mean(cohorts.map(({ degree }) => degree)))),
  });
  const { bytesUp, bytesDown, cpuSeconds, memoryBytes } = round.client;
  return {
    reckoned: {
      bytesUp,
      bytesDown,
      clientCpuSeconds: cpuSeconds,
      clientMemoryBytes: memoryBytes,
      serverCpuSeconds: round.server.cpuSeconds,
    },
    measured: {
      bytesUp: mean(results.map((result) => perClient(result, fetched).bytesUp)),
      bytesDown: mean(results.map((result) => perClient(result, fetched).bytesDown)),
    },
  };
}

function robustSummary({ results, identities }: MaskedRounds, settings: Settings): RobustSummary | undefined {
  if (!isRobust(settings)) return undefined;
  const { clients } = scenarioOf(settings);
  const attackers = new Set(identities.slice(clients - byzantineOf(settings)));
  const verdicts = results.flatMap(({ judged = [], verdicts: given = [] }) =>
    judged.map((names, i) => ({ spoiled: names.some((name) => attackers.has(name)), kept: given[i]?.kept === true })),
  );
  const count = (spoiled: boolean, kept: boolean): number =>
    verdicts.filter((verdict) => verdict.spoiled === spoiled && verdict.kept === kept).length;
  const ranking = results.at(-1)?.suspicions ?? [];
  return {
    attack: settings.attack,
    byzantine: attackers.size,
    aggregator: settings.aggregator,
    masking: settings.masking,
    spoiled: { kept: count(true, true), rejected: count(true, false) },
    honest: { kept: count(false, true), rejected: count(false, false) },
    ranks: ranking.flatMap(({ client }, rank) => (attackers.has(String(client)) ? [rank + 1] : [])),
  };
}

/** What the edges had to do with it. */
function edgeSummary({ results }: MaskedRounds, { edges, clients }: Scenario): EdgeSummary | undefined {
  if (edges === 0) return undefined;
  const traffic = results.map(edgeTraffic);
  return {
    edges,
    bytesUpPerEdge: Math.round(mean(traffic.map(({ bytesUp }) => bytesUp / edges))),
    bytesDownPerEdge: Math.round(mean(traffic.map(({ bytesDown }) => bytesDown / edges))),
    bytesUpAtRoot: Math.round(mean(traffic.map(({ bytesUp }) => bytesUp))),
    bytesUpWithoutEdges: Math.round(clients * mean(results.map((result) => perClient(result, 0).bytesUp))),
  };
}

function privacySummary({ results, rmsDifference: noiseDeviation }: MaskedRounds): PrivacySummary | undefined {
  const spent = results.flatMap(({ privacy }) => (privacy === undefined ? [] : [privacy]));
  const last = spent.at(-1);
  if (last === undefined) return undefined;
  const { roundEpsilon: _, ...rest } = last;
  return { ...rest, roundEpsilons: spent.map(({ roundEpsilon }) => roundEpsilon), noiseDeviation };
}

function showProgress(client: number, message: FromClient, display: Display): void {
  if (message.kind === 'phase') display.phase(client, message.round, message.phase);
  if (message.kind === 'left') display.left(client, message.round);
}
