/** One training with one rule under one attack: the number of a cell. */
import { AbortError } from 'veilsum';
import { dirichletPartition, type Partition, permutation, type Random, seededNumbers } from 'veilsum/fl';
import { type AggregateOptions, type Aggregator, aggregatorFrom, breakdownOf, flipLabel } from 'veilsum/robust';
import { classes } from '../../examples/digits/digits.js';
import { searchEvery, type Threat } from './attacks.js';
import { accuracy, type Digits, dimension, drawBatch, gradient } from './model.js';
import type { Rule } from './rules.js';
import { learning, type Setting, vectorsOf } from './setting.js';

/** SMEA's search may take this many sets in a round. */
const mostSubsets = 1000;

/** The digits of a seed as the clients of a setting hold them. */
export interface World {
  readonly setting: Setting;
  readonly seed: number;
  readonly digits: Digits;
  readonly partition: Partition;
  /** A model trained on flipped labels: what model replacement wants. */
  readonly wanted: Float32Array;
}

export function worldOf(setting: Setting, seed: number, digits: Digits): World {
  const { alpha, minimum } = learning;
  const { labels } = digits.training;
  const partition = dirichletPartition({ clients: setting.clients, labels, alpha, seed, minimum });
  return { setting, seed, digits, partition, wanted: trainedOnFlipped(digits, seed) };
}

/** The model's accuracy over the last rounds; without a threat all clients are honest, and the rule is as it is. */
export function train(world: World, rule: Rule, threat: Threat | undefined): number {
  const { learningRate, signLearningRate, rounds, lastRounds } = learning;
  const federation = new Federation(world, rule, threat);
  const rate = rule.signs === true ? signLearningRate : learningRate;
  const ends: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const step = federation.round(round);
    const { model } = federation;
    // Slower towards the end, so that the last rounds don't depend on the last batches.
    const factor = rate * Math.min(1, (2 * (rounds - round)) / rounds);
    for (let k = 0; k < model.length; k++) model[k] = (model[k] ?? 0) - factor * (step?.[k] ?? 0);
    if (round >= rounds - lastRounds) ends.push(accuracy(model, world.digits.test));
  }
  return ends.reduce((sum, value) => sum + value, 0) / ends.length;
}

/** Why a rule can't stand this setting; `undefined` where it can. */
export function reasonAgainst(rule: Rule, setting: Setting): string | undefined {
  if (setting.cohortSize > 1 && rule.history === true) return 'compares clients over rounds, and cohorts change';
  const spec = rule.spec(setting.byzantine);
  const { holds, needs, condition } = breakdownOf(spec, vectorsOf(setting));
  if (!holds) return `needs ${condition}: ${needs} vectors`;
  const subsets = binomial(vectorsOf(setting), setting.byzantine);
  return spec.kind === 'smea' && subsets > mostSubsets ? `would search ${subsets} sets in every round` : undefined;
}

/** The state of one training. */
class Federation {
  readonly model: Float32Array;
  readonly #world: World;
  readonly #rule: Rule;
  readonly #threat: Threat | undefined;
  readonly #aggregator: Aggregator;
  /** Each client's momentum; Byzantine clients have one where they train. */
  readonly #momentum: readonly Float32Array[];
  /** The server's own, over its few examples. */
  readonly #root: Float32Array;
  readonly #histories: readonly Float32Array[];
  #last: Float32Array;
  /** What an optimized attack found last. */
  #factor: number | undefined;

  constructor(world: World, rule: Rule, threat: Threat | undefined) {
    const { setting } = world;
    const zeros = (count: number): Float32Array[] => Array.from({ length: count }, () => new Float32Array(dimension));
    this.#world = world;
    this.#rule = rule;
    this.#threat = threat;
    this.#aggregator = aggregatorFrom(rule.spec(setting.byzantine));
    this.model = new Float32Array(dimension);
    this.#momentum = zeros(setting.clients);
    this.#histories = zeros(vectorsOf(setting));
    this.#root = new Float32Array(dimension);
    this.#last = new Float32Array(dimension);
  }

  /** Honest clients train, attackers answer; what the rule makes of it, or nothing if it gave the round up. */
  round(round: number): Float32Array | undefined {
    this.#train(round);
    if (round % searchEvery === 0) this.#factor = undefined;
    const { seed, setting } = this.#world;
    const random = seededNumbers(seed, `rule, round ${round}`);
    const context = { seed: Uint8Array.from({ length: 16 }, () => Math.floor(256 * random())), ...this.#reference() };
    const cohorts = cohortsOf(setting, seededNumbers(seed, `cohorts, round ${round}`));
    try {
      const vectors = this.#attacked(cohorts, context);
      const { vector } = this.#aggregator.aggregate(vectors, { ...context, ...this.#history(vectors) });
      this.#last = vector;
      return vector;
    } catch (error) {
      // A server gives such a round up, and the model stays. Attackers who try what they do on the rule find out first.
      if (error instanceof AbortError) return undefined;
      throw error;
    }
  }

  #train(round: number): void {
    const { seed, digits, partition } = this.#world;
    const { training, root } = digits;
    for (const [client, momentum] of this.#momentum.entries()) {
      const attacks = this.#attacks(client);
      if (attacks && this.#threat?.attack !== undefined) continue;
      const hand = partition[client] ?? new Int32Array(0);
      const batch = drawBatch(hand, learning.batch, seededNumbers(seed, `client ${client}, round ${round}`));
      const flipped = (label: number): number => flipLabel({ label, classes });
      addTo(momentum, gradient(this.model, training, batch, attacks ? flipped : undefined));
    }
    if (this.#rule.reference === 'root') addTo(this.#root, gradient(this.model, root, everyone(root.labels.length)));
  }

  #attacks(client: number): boolean {
    const { clients, byzantine } = this.#world.setting;
    return this.#threat !== undefined && client >= clients - byzantine;
  }

  #reference(): { readonly reference?: Float32Array } {
    const { reference } = this.#rule;
    if (reference === undefined) return {};
    return { reference: reference === 'root' ? this.#root : this.#last };
  }

  /**
   * The means of the cohorts as the server gets them. Attackers know the honest ones, and one of them rules the cohort
   * that it is in.
   */
  #attacked(cohorts: readonly (readonly number[])[], context: AggregateOptions): readonly Float32Array[] {
    const means = cohorts.map((cohort) => meanOf(cohort.map((client) => this.#momentum[client] ?? this.model)));
    const spoiled = cohorts.map((cohort) => cohort.some((client) => this.#attacks(client)));
    const count = spoiled.filter((is) => is).length;
    const { setting, wanted } = this.#world;
    const target = this.model.map((value, k) => (value - (wanted[k] ?? 0)) / learning.learningRate);
    const attack = this.#threat?.attack?.({ rule: this.#aggregator, context, target, factor: this.#factor });
    if (attack === undefined) return means;
    const honest = means.filter((_, i) => spoiled[i] === false);
    const { vectors, strength } = attack.craft(honest, { count, ...context });
    this.#factor = strength;
    const crafted = vectors.values();
    const center = meanOf(honest);
    return means.map((mean, i) =>
      spoiled[i] === true ? sendable(crafted.next().value ?? mean, center, setting.ringLimit) : mean,
    );
  }

  /** Sums over rounds, this one among them, of all that could be added. */
  #history(vectors: readonly Float32Array[]): { readonly history?: readonly Float32Array[] } {
    if (this.#rule.history !== true) return {};
    for (const [i, sum] of this.#histories.entries())
      vectors[i]?.forEach((value, k) => {
        if (Number.isFinite(value)) sum[k] = (sum[k] ?? 0) + value;
      });
    return { history: this.#histories };
  }
}

/**
 * Random groups, drawn anew every round; the last takes who is left over. Client 0 is in the first: MoNNA trusts it.
 */
function cohortsOf({ clients, cohortSize }: Setting, random: Random): readonly (readonly number[])[] {
  const others = permutation(clients - 1, random).map((client) => client + 1);
  const order = cohortSize === 1 ? [...everyone(clients)] : [0, ...others];
  const count = Math.floor(clients / cohortSize);
  return Array.from({ length: count }, (_, i) =>
    order.slice(i * cohortSize, i === count - 1 ? clients : (i + 1) * cohortSize),
  );
}

function trainedOnFlipped({ training }: Digits, seed: number): Float32Array {
  const model = new Float32Array(dimension);
  const random = seededNumbers(seed, 'flipped');
  const all = everyone(training.labels.length);
  for (let step = 0; step < 200; step++) {
    const down = gradient(model, training, drawBatch(all, 100, random), (label) => flipLabel({ label, classes }));
    for (let k = 0; k < model.length; k++) model[k] = (model[k] ?? 0) - learning.learningRate * (down[k] ?? 0);
  }
  return model;
}

function addTo(momentum: Float32Array, fresh: Float32Array): void {
  const keep = learning.momentum;
  for (let k = 0; k < momentum.length; k++) momentum[k] = keep * (momentum[k] ?? 0) + (1 - keep) * (fresh[k] ?? 0);
}

function meanOf(vectors: readonly Float32Array[]): Float32Array {
  const sum = new Float32Array(vectors[0]?.length ?? 0);
  for (const vector of vectors) for (let k = 0; k < sum.length; k++) sum[k] = (sum[k] ?? 0) + (vector[k] ?? 0);
  return sum.map((value) => value / vectors.length);
}

/** As far from the honest mean in the attack's direction as a ring holds; its largest value in place of infinity. */
function sendable(vector: Float32Array, center: Float32Array, limit: number | undefined): Float32Array {
  if (limit === undefined) return vector;
  let part = 1;
  vector.forEach((value, k) => {
    const from = center[k] ?? 0;
    if (Number.isFinite(value) && Math.abs(value) > limit)
      part = Math.min(part, (Math.sign(value) * limit - from) / (value - from));
  });
  return vector.map((value, k) => {
    const from = center[k] ?? 0;
    return Number.isFinite(value) ? from + part * (value - from) : Math.sign(value) * limit;
  });
}

function everyone(count: number): Int32Array {
  return Int32Array.from({ length: count }, (_, i) => i);
}

function binomial(n: number, k: number): number {
  return k === 0 ? 1 : (binomial(n - 1, k - 1) * n) / k;
}
