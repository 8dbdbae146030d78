/** A federation in one process: sums are what masked sums would be, so learning is the same. */
import * as layers from '@tensorflow/tfjs-layers';
import {
  dirichletPartition,
  downloadBytes,
  encodeDownload,
  novaContribution,
  optimizerFrom,
  type Partition,
  permutation,
  type ServerOptimizer,
  scaffoldContribution,
  scaffoldControl,
  UsageError,
} from 'veilsum/fl';
import { evaluate, getWeights, seededNumbers, setWeights, type TrainResult, train } from 'veilsum/training';
import { type Channel, channelFor } from './channel.js';
import { clientData, halfSide, type LearningData } from './data.js';
import type { RunResult, RunSpec } from './run.js';
import { clients, perRound } from './setting.js';

const loss = 'softmaxCrossEntropy';
/** Accuracy of who guesses one of ten. */
const guess = 0.1;

/**
 * Each client of a round makes one pass over its examples, 40 at a time. What diverges is worth a guess from then on.
 */
export async function runFederation(spec: RunSpec, data: LearningData): Promise<RunResult> {
  const { alpha, rounds, seed, learningRate } = spec;
  const partition = dirichletPartition({ clients, labels: data.training.labels, alpha, seed, minimum: 10 });
  const model = network(seed);
  const weights = await getWeights(model);
  const optimizer = optimizerFrom(spec.optimizer, weights.length);
  const server = new FederationServer(spec, {
    partition,
    optimizer,
    channel: await channelFor(spec, optimizer.contributionLength),
  });
  const downlink = new Downlink(spec);
  let next: Float64Array = Float64Array.from(weights);
  let held = downlink.publish(next);
  const accuracies: number[] = [];
  const oneRound = async (round: number): Promise<void> => {
    const chosen = permutation(clients, seededNumbers(seed, `round ${round}`)).subarray(0, perRound);
    server.begin(round, held);
    for (const client of chosen) {
      downlink.fetch(client);
      setWeights(model, held);
      const own = clientData(data.training, partition[client] ?? new Int32Array(0), seed + round * clients + client);
      server.add(client, await train(model, own, { loss, learningRate, ...server.scaffold(client) }));
    }
    next = server.close(next);
    held = downlink.publish(next);
    setWeights(model, held);
    accuracies.push((await evaluate(model, data.test, { loss })).accuracy);
  };
  try {
    for (let round = 0; round < rounds; round++) await oneRound(round);
  } catch (error) {
    if (!isDivergence(error)) throw error;
    while (accuracies.length < rounds) accuracies.push(guess);
  } finally {
    model.dispose();
  }
  return {
    accuracies,
    bytesUp: server.channel.bytesUp,
    bytesDown: downlink.bytes / (rounds * perRound),
    ...server.channel.findings(),
  };
}

/** A client's loss, or the server's model, was no number any more. */
function isDivergence(error: unknown): boolean {
  return error instanceof UsageError && /^(training\.diverged|usage\.finite|training\.weights)$/.test(error.code);
}

/** The server's sum and optimizer, and the control variates that SCAFFOLD's clients keep. */
class FederationServer {
  readonly channel: Channel;
  readonly #partition: Partition;
  readonly #optimizer: ServerOptimizer;
  readonly #uniform: boolean;
  #state: ReturnType<ServerOptimizer['initialState']>;
  readonly #controls = new Map<number, Float32Array>();
  #weight = 0;
  #survivors = 0;

  constructor(
    { weights }: RunSpec,
    parts: { readonly partition: Partition; readonly optimizer: ServerOptimizer; readonly channel: Channel },
  ) {
    this.channel = parts.channel;
    this.#partition = parts.partition;
    this.#optimizer = parts.optimizer;
    this.#uniform = weights === 'uniform' || parts.optimizer.uniform;
    this.#state = this.#optimizer.initialState();
  }

  scaffold(client: number): { readonly scaffold?: { readonly server: Float32Array; readonly client: Float32Array } } {
    if (this.#optimizer.spec.kind !== 'scaffold') return {};
    const own = this.#controls.get(client) ?? new Float32Array(this.#optimizer.dimension);
    return { scaffold: { server: Float32Array.from(scaffoldControl(this.#state)), client: own } };
  }

  begin(round: number, model: Float32Array): void {
    this.channel.begin(round, model);
    this.#weight = 0;
    this.#survivors = 0;
  }

  add(client: number, result: TrainResult): void {
    const contribution = this.#contribution(client, result);
    // Weighted before encoding, as a client does before masking.
    const weight = this.#uniform ? 1 : (this.#partition[client]?.length ?? 0);
    this.channel.add(client, weight === 1 ? contribution : contribution.map((value) => value * weight));
    this.#weight += weight;
    this.#survivors += 1;
  }

  close(model: Float64Array): Float64Array {
    const mean = this.channel.close().map((value) => value / this.#weight);
    const next = this.#optimizer.step({ model, mean, survivors: this.#survivors, state: this.#state });
    this.#state = next.state;
    return next.model;
  }

  #contribution(client: number, { update, steps, scaffold }: TrainResult): Float32Array {
    const { spec } = this.#optimizer;
    if (spec.kind === 'fednova') return novaContribution(spec, update, { steps });
    if (spec.kind !== 'scaffold' || scaffold === undefined) return update;
    this.#controls.set(client, scaffold.client);
    return scaffoldContribution(spec, update, scaffold.update);
  }
}

/**
 * The way of models to clients. The server's own model stays whole: what one download rounds off, a later one makes
 * good.
 */
class Downlink {
  bytes = 0;
  readonly #spec: RunSpec['download'];
  #version = -1;
  #base: Float32Array | undefined;
  readonly #held = new Map<number, number>();
  #whole = 0;

  constructor({ download }: RunSpec) {
    this.#spec = download;
  }

  /** The model that clients hold after fetching. */
  publish(model: Float64Array): Float32Array {
    const whole = Float32Array.from(model);
    this.#whole = 4 * whole.length;
    this.#version += 1;
    if (this.#spec === undefined) return whole;
    // There is no delta to nothing.
    const first = this.#spec.kind === 'delta' && this.#base === undefined;
    this.#base = first ? whole : encodeDownload(this.#spec, whole, this.#base).model;
    return this.#base;
  }

  /** A client gets the newest model: all deltas since the version that it holds, or a whole one where that is less. */
  fetch(client: number): void {
    const last = this.#held.get(client);
    this.#held.set(client, this.#version);
    if (this.#spec === undefined) this.bytes += this.#whole;
    else if (this.#spec.kind === 'quantized-model') this.bytes += downloadBytes(this.#spec, this.#whole / 4);
    else if (last === undefined) this.bytes += this.#whole;
    else this.bytes += Math.min(this.#whole, (this.#version - last) * downloadBytes(this.#spec, this.#whole / 4));
  }
}

/** 196-32-10, giving logits: 6,634 weights. */
function network(seed: number): layers.Sequential {
  const dense = (units: number, place: number) => ({
    units,
    kernelInitializer: layers.initializers.glorotUniform({ seed: 2 * seed + place }),
  });
  return layers.sequential({
    layers: [
      layers.layers.dense({ inputShape: [halfSide ** 2], activation: 'relu', ...dense(32, 0) }),
      layers.layers.dense(dense(10, 1)),
    ],
  });
}
