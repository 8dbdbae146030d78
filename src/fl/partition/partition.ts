/** How one data set is dealt out to many clients, the same way each time: for simulations and benchmarks. */
import { checkInteger, checkNumber, checkOptions, describe } from '../../core/check.js';
import { UsageError } from '../../core/errors.js';
import { dirichlet, permutation, type Random, seededNumbers } from './random.js';

/** For each client the numbers of its examples, ascending. No example is dealt twice; all are dealt. */
export type Partition = readonly Int32Array[];

/** Most clients, and most examples, of a partition. */
const maxClients = 2 ** 20;
const maxExamples = 2 ** 30;

/** A random deal is tried this often to give every client its minimum. */
const attempts = 1000;

export interface DealOptions {
  /** 1 to 2^20. */
  readonly clients: number;
  /** An integer from 0 to 2^53 - 1. */
  readonly seed: number;
}

export interface MinimumOptions {
  /** Concentration, above 0 to 10^6: the smaller, the more the clients differ. */
  readonly alpha: number;
  /** Fewest examples a client is to have: dealt again until all have, as is usual. 1 where not given. */
  readonly minimum?: number;
}

/** Shuffles the examples and deals them out evenly; sizes differ by one at most. Throws `UsageError` (`usage.*`). */
export function iidPartition(options: DealOptions & { readonly examples: number }): Partition {
  const { clients } = checkDeal(options);
  const examples = checkInteger('examples', options.examples, clients, maxExamples);
  const order = permutation(examples, seededNumbers(options.seed, 'iid'));
  return cut(order, evenly(examples, clients));
}

/**
 * Label skew: of every label, the clients' portions are one draw from Dirichlet(`alpha`) (Yurochkin et al., ICML 2019;
 * Hsu et al., 2019).
 *
 * @throws UsageError `usage.*`; `partition.minimum` if 1,000 deals leave some client with less than `minimum`
 */
export function dirichletPartition(
  options: DealOptions & MinimumOptions & { readonly labels: ArrayLike<number> },
): Partition {
  const { clients, seed } = checkDeal(options);
  const groups = byLabel(options.labels, clients);
  const random = seededNumbers(seed, 'dirichlet');
  return dealUntil(options, clients, options.labels.length, () => {
    const hands: number[][] = Array.from({ length: clients }, () => []);
    for (const group of groups) {
      const order = permutation(group.length, random);
      const sizes = portions(group.length, dirichlet(clients, options.alpha, random));
      let from = 0;
      sizes.forEach((size, client) => {
        for (const place of order.subarray(from, from + size)) hands[client]?.push(group[place] ?? 0);
        from += size;
      });
    }
    return hands.map((hand) => Int32Array.from(hand));
  });
}

/**
 * Sorted by label and cut into `shards` times `clients` shards, of which each client gets `shards` at random (McMahan
 * et al., AISTATS 2017, section 3): few clients see more than about that many labels. Throws `UsageError` (`usage.*`).
 */
export function shardPartition(
  options: DealOptions & { readonly labels: ArrayLike<number>; readonly shards: number },
): Partition {
  const { clients, seed } = checkDeal(options);
  const shards = checkInteger('shards', options.shards, 1, 2 ** 20);
  const sorted = byLabel(options.labels, clients).flat();
  checkInteger('shards x clients', shards * clients, 1, sorted.length);
  const pieces = cut(Int32Array.from(sorted), evenly(sorted.length, shards * clients));
  const order = permutation(pieces.length, seededNumbers(seed, 'shards'));
  return Array.from({ length: clients }, (_, client) => {
    const own = [...order.subarray(client * shards, (client + 1) * shards)].flatMap((piece) => [
      ...(pieces[piece] ?? []),
    ]);
    return Int32Array.from(own).sort();
  });
}

/**
 * Quantity skew: labels are mixed evenly, but the clients' sizes are one draw from Dirichlet(`alpha`) (Li et al., ICDE
 * 2022, section 4).
 *
 * @throws UsageError `usage.*`; `partition.minimum` if 1,000 deals leave some client with less than `minimum`
 */
export function quantityPartition(options: DealOptions & MinimumOptions & { readonly examples: number }): Partition {
  const { clients, seed } = checkDeal(options);
  const examples = checkInteger('examples', options.examples, clients, maxExamples);
  const random = seededNumbers(seed, 'quantity');
  return dealUntil(options, clients, examples, () => dealSizes(examples, clients, options.alpha, random));
}

function dealSizes(examples: number, clients: number, alpha: number, random: Random): Partition {
  const sizes = portions(examples, dirichlet(clients, alpha, random));
  return cut(permutation(examples, random), sizes);
}

function dealUntil(options: MinimumOptions, clients: number, examples: number, deal: () => Partition): Partition {
  if (checkNumber('alpha', options.alpha, 0, 1e6) === 0)
    throw new UsageError('usage.range', 'alpha must be above 0, got 0; 0.1 is a strong skew, 100 hardly one');
  const minimum = checkInteger('minimum', options.minimum ?? 1, 0, Math.floor(examples / clients));
  for (let attempt = 0; attempt < attempts; attempt++) {
    const hands = deal();
    if (hands.every((hand) => hand.length >= minimum)) return hands.map((hand) => hand.sort());
  }
  throw new UsageError(
    'partition.minimum',
    `${attempts} deals of ${examples} examples left some of ${clients} clients with fewer than ${minimum}: lower minimum or raise alpha`,
  );
}

function checkDeal(options: DealOptions): DealOptions {
  checkOptions('options', options);
  checkInteger('clients', options.clients, 1, maxClients);
  return options;
}

/** The examples' numbers by label, labels ascending; labels that don't occur have no group. */
function byLabel(labels: ArrayLike<number>, clients: number): readonly number[][] {
  if (typeof labels !== 'object' || labels === null)
    throw new UsageError('usage.options', `labels must be an array, got ${describe(labels)}`);
  checkInteger('labels.length', labels.length, clients, maxExamples);
  const groups = new Map<number, number[]>();
  for (let i = 0; i < labels.length; i++) {
    const label = checkInteger(`labels[${i}]`, labels[i], 0, 2 ** 31 - 1);
    const group = groups.get(label);
    if (group === undefined) groups.set(label, [i]);
    else group.push(i);
  }
  return [...groups].sort(([a], [b]) => a - b).map(([, group]) => group);
}

/** `total` cut into whole sizes in these proportions, off by less than one each. */
function portions(total: number, parts: readonly number[]): readonly number[] {
  let sum = 0;
  let from = 0;
  return parts.map((part, index) => {
    sum += part;
    const to = index === parts.length - 1 ? total : Math.min(total, Math.round(sum * total));
    const size = to - from;
    from = to;
    return size;
  });
}

function evenly(total: number, pieces: number): readonly number[] {
  return Array.from(
    { length: pieces },
    (_, i) => Math.floor(((i + 1) * total) / pieces) - Math.floor((i * total) / pieces),
  );
}

function cut(order: Int32Array, sizes: readonly number[]): Partition {
  let from = 0;
  return sizes.map((size) => {
    from += size;
    return order.slice(from - size, from).sort();
  });
}
