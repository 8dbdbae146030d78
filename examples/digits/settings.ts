/** The example's numbers in one place. Rounds and clients count from 0; people are shown numbers from 1. */
import type { Random } from 'veilsum/fl';

export interface Settings {
  readonly rounds: number;
  /**
   * Everything drawn in the example follows from it, except keys, masks, rounding and noise: those are fresh and
   * secret.
   */
  readonly seed: number;
  readonly privacy: 'none' | 'central' | 'distributed';
  /** Of all rounds, where there is noise. */
  readonly epsilon: number;
  /** What Byzantine clients do; the last `byzantine` of all are. */
  readonly attack: string;
  readonly byzantine: number;
  /** A robust rule, such as `nnm+trimmed-mean`, or `mean`. */
  readonly aggregator: string;
  /** Without masking the server sees each update, and a rule does too. */
  readonly masking: 'pairwise' | 'none';
  /** What the server makes of a round's mean. */
  readonly optimizer: 'fedavg' | 'fedavgm' | 'fedadam' | 'fedyogi' | 'fedadagrad' | 'fednova' | 'scaffold';
  /** Servers between the clients and the root; 0: the clients join the root itself. */
  readonly edges: number;
  /** Of all edges together. */
  readonly edgeClients: number;
  /** Buffers of whoever is ready instead of rounds; `rounds` are then the buffers. */
  readonly async: boolean;
}

export const defaults: Settings = {
  rounds: 10,
  seed: 7,
  privacy: 'none',
  epsilon: 8,
  attack: 'none',
  byzantine: 2,
  aggregator: 'mean',
  masking: 'pairwise',
  optimizer: 'fedavg',
  edges: 0,
  edgeClients: 30,
  async: false,
};

/** Buffers unless told: each has a third of the clients. */
export const defaultBuffers = 30;

/** Whether anything is to be shown of attacks and rules. */
export function isRobust({ attack, aggregator, masking }: Settings): boolean {
  return attack !== 'none' || aggregator !== 'mean' || masking !== 'pairwise';
}

/** How many attack. */
export function byzantineOf({ attack, byzantine }: Settings): number {
  return attack === 'none' ? 0 : byzantine;
}

/** Chance that a promise of privacy doesn't hold; well below one in the number of clients. */
export const delta = 1e-5;

/** What each client does in a round. */
export interface LocalTraining {
  readonly epochs: number;
  readonly batchSize: number;
  /** Step size of stochastic gradient descent, by round. */
  readonly learningRate: (round: number) => number;
}

/** Rows and columns of each layer's weights, then its biases, in the order in which a model is laid out flat. */
export type ModelShapes = readonly (readonly [number, number] | readonly [number])[];

/** Who learns what, and how. */
export interface Scenario {
  readonly clients: number;
  /** Clients share threads where there are more of them. */
  readonly threads: number;
  /** How the images are dealt out: the smaller `alpha`, the more the clients differ. */
  readonly dealing: {
    readonly clients: number;
    readonly alpha: number;
    readonly size: { readonly min: number; readonly max: number };
  };
  /** Images are averaged over squares of that many pixels' side. */
  readonly pooling: number;
  readonly shapes: ModelShapes;
  /** How long a model is laid out flat: the dimension d of an update. */
  readonly dimension: number;
  readonly training: LocalTraining;
  /** Whether a client counts for its number of images, or as much as any other. */
  readonly weighted: boolean;
  /** C: the norm that updates are clipped to. */
  readonly clip: number;
  /** Groups that are summed apart; a robust rule judges their means. */
  readonly cohorts: number;
  /** Servers between the clients and the root. */
  readonly edges: number;
}

export const clients = 10;

/** Images kept back from all clients to measure accuracy with. */
export const heldOut = 2000;

/** How the other 8,000 are dealt out. */
export const dealing = { clients, alpha: 0.5, size: { min: 100, max: 2048 } } as const;

const layers: ModelShapes = [[784, 64], [64], [64, 10], [10]];

/** 50,890. */
export const dimension: number = sizeOf(layers);

const learning: Scenario = {
  clients,
  threads: clients,
  dealing,
  pooling: 1,
  shapes: layers,
  dimension,
  training: { epochs: 2, batchSize: 25, learningRate: (round) => 0.35 * 0.9 ** round },
  weighted: true,
  clip: 10,
  cohorts: 1,
  edges: 0,
};

/**
 * Noise hides one client among all. What it costs falls with the number of clients and grows with the root of the
 * number of weights: so here are a hundred clients, and a single layer that looks at images of 14 x 14.
 */
const privateLayers: ModelShapes = [[196, 10], [10]];

const privateLearning: Scenario = {
  clients: 100,
  threads: 10,
  dealing: { clients: 100, alpha: 0.5, size: { min: 10, max: 600 } },
  pooling: 2,
  shapes: privateLayers,
  dimension: sizeOf(privateLayers),
  training: { epochs: 4, batchSize: 100, learningRate: () => 2 },
  weighted: false,
  clip: 5,
  cohorts: 1,
  edges: 0,
};

/** The same, each client counting as much as any other: in the clear, where a rule sees each, and under SCAFFOLD. */
const uniformLearning: Scenario = { ...learning, weighted: false };

/** Ten masked cohorts of nine: the rule sees their means, and one Byzantine client spoils one of them. */
const cohortLearning: Scenario = {
  ...privateLearning,
  clients: 90,
  dealing: { ...privateLearning.dealing, clients: 90 },
  clip: 10,
  cohorts: 10,
};

/** The same digits and model, for more clients, who are dealt out to edges. */
function edgeLearning({ edges, edgeClients }: Settings): Scenario {
  const hands = { clients: edgeClients, alpha: dealing.alpha, size: { min: 20, max: 1024 } };
  return { ...learning, clients: edgeClients, threads: Math.min(10, edgeClients), dealing: hands, edges };
}

/** Clients of a buffer, and the oldest update that one takes. */
export const bufferSize = 8;
export const maxStaleness = 20;

/** Three times as many clients as a buffer takes, some four times as slow as others. */
const asyncLearning: Scenario = {
  ...learning,
  clients: 24,
  threads: 8,
  dealing: { clients: 24, alpha: 0.5, size: { min: 50, max: 1024 } },
  training: { ...learning.training, learningRate: (version) => 0.2 * 0.98 ** version },
};

/** Milliseconds that a client takes beside training, as slow devices do. */
export function slowness(client: number): number {
  return 400 * (client % 4);
}

export function scenarioOf(settings: Settings): Scenario {
  if (settings.async) return asyncLearning;
  if (settings.edges > 0) return edgeLearning(settings);
  if (settings.privacy !== 'none') return privateLearning;
  if (!isRobust(settings)) return settings.optimizer === 'scaffold' ? uniformLearning : learning;
  return settings.masking === 'none' ? uniformLearning : cohortLearning;
}

/** Random starting weights (Glorot and Bengio, 2010); biases start at zero. */
export function initialModel(random: Random, shapes: ModelShapes = layers): Float32Array {
  return Float32Array.from(
    shapes.flatMap(([rows, columns]) => {
      if (columns === undefined) return new Array<number>(rows).fill(0);
      const limit = Math.sqrt(6 / (rows + columns));
      return Array.from({ length: rows * columns }, () => (2 * random() - 1) * limit);
    }),
  );
}

function sizeOf(shapes: ModelShapes): number {
  return shapes.reduce((sum, [rows, columns = 1]) => sum + rows * columns, 0);
}
