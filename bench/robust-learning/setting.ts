/** Who learns with whom, and how: one setting for a table. */

/** What the server sees: each client's vector, or the means of masked cohorts. */
export interface Setting {
  readonly name: string;
  readonly title: string;
  readonly clients: number;
  /** How many attack: the last of all. */
  readonly byzantine: number;
  /** s, the clients that are summed under masks; 1: none are. */
  readonly cohortSize: number;
  /**
   * The largest value of a masked cohort's mean, in size: a ring has no infinity. Without: any number, and infinity.
   */
  readonly ringLimit?: number;
}

/** n, how many vectors a rule gets. */
export function vectorsOf({ clients, cohortSize }: Setting): number {
  return Math.floor(clients / cohortSize);
}

/**
 * Fifteen clients, three of them Byzantine: as many vectors as Bulyan needs, and few enough for SMEA's search. A fifth
 * in cohorts: f < n / (2s) leaves s = 2. Larger cohorts stand fewer.
 */
export const settings: readonly Setting[] = [
  {
    name: 'plaintext',
    title: 'Plaintext updates: 15 clients, 3 of them Byzantine (20 %)',
    clients: 15,
    byzantine: 3,
    cohortSize: 1,
  },
  {
    name: 'cohorts-of-2',
    title: 'Masked cohorts of 2: 30 clients, 6 of them Byzantine (20 %)',
    clients: 30,
    byzantine: 6,
    cohortSize: 2,
    ringLimit: 10,
  },
  {
    name: 'cohorts-of-4',
    title: 'Masked cohorts of 4: 60 clients, 3 of them Byzantine (5 %)',
    clients: 60,
    byzantine: 3,
    cohortSize: 4,
    ringLimit: 10,
  },
];

/**
 * Stochastic gradient descent with the clients' own momentum, which is what makes robust rules work (Karimireddy, He
 * and Jaggi, ICML 2021); batch, momentum and the Dirichlet partition are those of Allouah et al. (AISTATS 2023),
 * section 6, where alpha = 1 is moderate heterogeneity. The learning rate is not theirs: see the report's introduction.
 */
export const learning = {
  alpha: 1,
  rounds: 100,
  batch: 25,
  momentum: 0.9,
  learningRate: 4,
  /** Of sign majority, whose every value is 1 or -1. */
  signLearningRate: 0.02,
  /** Fewest examples of a client. */
  minimum: 20,
  /** Accuracy is the mean after each of the last rounds. */
  lastRounds: 5,
} as const;
