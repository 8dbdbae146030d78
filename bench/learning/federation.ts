/** A federation in one process, without masking: sums are what masked sums would be, so learning is the same. */
import * as layers from '@tensorflow/tfjs-layers';
import {
  dirichletPartition,
  novaContribution,
  type OptimizerInput,
  optimizerFrom,
  type Partition,
  permutation,
  scaffoldContribution,
  scaffoldControl,
} from 'veilsum/fl';
import { evaluate, getWeights, seededNumbers, setWeights, type TrainResult, train } from 'veilsum/training';
import { clientData, type LearningData } from './data.js';

/** Clients, and how many of them take part in a round. */
export const clients = 50;
export const perRound = 10;

/** One pass over a client's examples, 20 at a time. */
const learningRate = 0.05;
const loss = 'softmaxCrossEntropy';

/** What happens to contributions on their way: each is encoded, the sum of the encoded is decoded. */
export interface Coding {
  readonly encode: (contribution: Float32Array, round: number, client: number) => Float32Array;
  /** Gives the sum of the contributions, or what is left of it. */
  readonly decode: (sum: Float64Array, round: number) => Float64Array;
}

export interface FederationOptions {
  readonly data: LearningData;
  readonly alpha: number;
  readonly optimizer: OptimizerInput;
  readonly rounds: number;
  readonly seed: number;
  readonly coding?: Coding;
}

/** Accuracy on the held-out examples after each round. */
export async function runFederation(options: FederationOptions): Promise<readonly number[]> {
  const { data, alpha, rounds, seed } = options;
  const { labels } = data.training;
  const partition = dirichletPartition({ clients, labels, alpha, seed, minimum: 10 });
  const model = network();
  const first = await getWeights(model);
  const server = new FederationServer(options, partition, first.length);
  let weights: Float64Array = Float64Array.from(first);
  const accuracies: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const chosen = permutation(clients, seededNumbers(seed, `round ${round}`)).subarray(0, perRound);
    for (const client of chosen) {
      setWeights(model, Float32Array.from(weights));
      const own = clientData(data.training, partition[client] ?? new Int32Array(0), seed + round * clients + client);
      server.add(client, round, await train(model, own, { loss, learningRate, ...server.scaffold(client) }));
    }
    weights = server.close(weights, round);
    setWeights(model, Float32Array.from(weights));
    accuracies.push((await evaluate(model, data.test, { loss })).accuracy);
  }
  model.dispose();
  return accuracies;
}

/** The server's sum and optimizer, and the control variates that SCAFFOLD's clients keep. */
class FederationServer {
  readonly #options: FederationOptions;
  readonly #partition: Partition;
  readonly #optimizer: ReturnType<typeof optimizerFrom>;
  #state: ReturnType<ReturnType<typeof optimizerFrom>['initialState']>;
  readonly #controls = new Map<number, Float32Array>();
  #sum: Float64Array | undefined;
  #weight = 0;
  #survivors = 0;

  constructor(options: FederationOptions, partition: Partition, dimension: number) {
    this.#options = options;
    this.#partition = partition;
    this.#optimizer = optimizerFrom(options.optimizer, dimension);
    this.#state = this.#optimizer.initialState();
  }

  scaffold(client: number): { readonly scaffold?: { readonly server: Float32Array; readonly client: Float32Array } } {
    if (this.#optimizer.spec.kind !== 'scaffold') return {};
    const own = this.#controls.get(client) ?? new Float32Array(this.#optimizer.dimension);
    return { scaffold: { server: Float32Array.from(scaffoldControl(this.#state)), client: own } };
  }

  add(client: number, round: number, result: TrainResult): void {
    const contribution = this.#contribution(client, result);
    // Weighted before encoding, as a client does before masking.
    const weight = this.#optimizer.uniform ? 1 : (this.#partition[client]?.length ?? 0);
    const { coding } = this.#options;
    const weighted = contribution.map((value) => value * weight);
    const sent = coding === undefined ? weighted : coding.encode(weighted, round, client);
    const sum = this.#sum ?? new Float64Array(sent.length);
    for (let i = 0; i < sum.length; i++) sum[i] = (sum[i] ?? 0) + (sent[i] ?? 0);
    this.#sum = sum;
    this.#weight += weight;
    this.#survivors += 1;
  }

  close(model: Float64Array, round: number): Float64Array {
    const raw = this.#sum ?? new Float64Array(this.#optimizer.contributionLength);
    const sum = this.#options.coding === undefined ? raw : this.#options.coding.decode(raw, round);
    const mean = sum.map((value) => value / this.#weight);
    const next = this.#optimizer.step({ model, mean, survivors: this.#survivors, state: this.#state });
    this.#state = next.state;
    this.#sum = undefined;
    this.#weight = 0;
    this.#survivors = 0;
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

/** 784-32-10, giving logits: 25,450 weights. */
function network(): layers.Sequential {
  const kernelInitializer = layers.initializers.glorotUniform({ seed: 1 });
  return layers.sequential({
    layers: [
      layers.layers.dense({ inputShape: [784], units: 32, activation: 'relu', kernelInitializer }),
      layers.layers.dense({ units: 10, kernelInitializer }),
    ],
  });
}
