import { UsageError } from '../../../core/errors.js';
import { distributedMechanism, plannedEpsilon, slack, worstEvent } from '../stages/privacy.js';
import type { Rule } from './rule.js';

/** Most that log2 of the probability of a wrapped sum may be. */
const wrapLog2 = -40;

/** What noise protects, and what it has to be sized for. */
export const privacyRules: readonly Rule[] = [
  {
    id: 'privacy-without-clip',
    what: 'noise without a clip norm',
    why: "the noise is sized for the most that one client can add to the sum, and nothing bounds an update that isn't clipped",
    instead: "clip: { kind: 'l2', norm: C }; the noise's sensitivity follows from C and the grid",
    compileTime: true,
    check: ({ privacy, clip }) =>
      privacy.kind !== 'none' && clip.kind === 'none' ? `privacy is ${privacy.kind}, clip none` : undefined,
  },
  {
    id: 'privacy-weighted',
    what: 'noise on a weighted sum',
    why: "a weight multiplies a client's part in the sum beyond its clip norm, and the sum of weights is released without noise",
    instead: "weight: { kind: 'uniform' }, and let every client count the same",
    compileTime: true,
    check: ({ privacy, weight }) =>
      privacy.kind !== 'none' && weight.kind !== 'uniform'
        ? `privacy is ${privacy.kind}, weights go up to ${weight.max}`
        : undefined,
  },
  {
    id: 'privacy-metrics',
    what: 'exact metrics beside noisy sums',
    why: 'metrics are released as they are: a sum without noise has no finite epsilon, whatever the noise on the update',
    instead: 'leave metrics out, or count in a task of its own, without privacy',
    compileTime: true,
    check: ({ privacy, metrics }) =>
      privacy.kind !== 'none' && metrics.length > 0
        ? `privacy is ${privacy.kind}, with the metrics ${metrics.map(({ name }) => name).join(', ')}`
        : undefined,
  },
  {
    id: 'poisson-fixed-cohort',
    what: 'accounting as if clients were drawn by coin',
    why: 'cohorts are made of whoever comes; the amplification of Poisson sampling is only earned by drawing each client with its own coin, unseen',
    instead: "sampling: { kind: 'none' }",
    compileTime: true,
    check: ({ privacy }) =>
      privacy.kind !== 'none' && privacy.sampling.kind === 'poisson'
        ? `sampling probability ${privacy.sampling.probability} is claimed`
        : undefined,
  },
  {
    id: 'distributed-unmasked',
    what: 'distributed noise without masking',
    why: "each client adds only its part of the noise, so an update that is seen by itself isn't protected",
    instead: "masking: { kind: 'pairwise' }, or privacy: central, which trusts the server",
    compileTime: true,
    check: ({ privacy, masking }) =>
      privacy.kind === 'distributed' && masking.kind === 'none' ? 'masking is none' : undefined,
  },
  {
    id: 'distributed-unrotated',
    what: 'distributed noise without rotation',
    why: 'the bound on the probability that a noisy sum wraps holds for updates that are spread evenly over their coordinates',
    instead: "rotate: { kind: 'hadamard' }",
    compileTime: true,
    check: ({ privacy, rotate }) =>
      privacy.kind === 'distributed' && rotate.kind === 'none' ? 'rotate is none' : undefined,
  },
  {
    id: 'distributed-rounding',
    what: 'distributed noise on rounding that may pass the norm bound',
    why: 'stochastic rounding makes an update longer than its clip norm, and the noise is sized for a norm that every client can check in integers',
    instead: "quantize: { kind: 'conditional', … }; distributedPrivacy finds the numbers",
    compileTime: true,
    check: ({ privacy, quantize }) =>
      privacy.kind === 'distributed' && quantize.kind !== 'conditional' ? `quantize is ${quantize.kind}` : undefined,
  },
  {
    id: 'conditional-rounding',
    what: 'conditional rounding without distributed noise',
    why: 'its ring is sized for noisy sums, which may wrap with a small probability; without noise a sum need not wrap at all',
    instead: "quantize: { kind: 'stochastic', bits, range }",
    compileTime: true,
    check: ({ privacy, quantize }) =>
      quantize.kind === 'conditional' && privacy.kind !== 'distributed' ? `privacy is ${privacy.kind}` : undefined,
  },
  {
    id: 'noise-numbers',
    what: 'noise whose numbers contradict each other',
    why: 'grid, clip norm, variance, minimum survivors, colluders and removable components have to fit each other and the cohort',
    instead: 'the numbers that distributedPrivacy or centralPrivacy give',
    compileTime: false,
    check: (plan) => {
      try {
        worstEvent(plan);
        return undefined;
      } catch (error) {
        if (error instanceof UsageError) return error.message;
        throw error;
      }
    },
  },
  {
    id: 'noise-wraps',
    what: 'a noisy sum that could wrap around the ring with a probability above 2^-40',
    why: 'a wrapped sum is wrong by the size of the ring, without anyone being able to tell',
    instead:
      'raise quantize.ringBits or quantize.granularity, or lower cohort.maxClients; distributedPrivacy finds numbers that will do',
    compileTime: false,
    check: (plan) => {
      if (plan.privacy.kind !== 'distributed') return undefined;
      const log2 = distributedMechanism(plan).wrapLog2;
      return log2 > wrapLog2 + slack ? `the bound is 2^${log2.toFixed(1)}` : undefined;
    },
  },
  {
    id: 'privacy-budget',
    what: 'rounds that pass the privacy budget of the plan',
    why: 'the budget is what clients agree to, and this noise spends more even if all goes well',
    instead: 'raise privacy.variance or budget.epsilon, or lower budget.rounds; the builders find the least noise',
    compileTime: false,
    check: (plan) => {
      if (plan.privacy.kind === 'none') return undefined;
      const { epsilon, delta, rounds } = plan.privacy.budget;
      const spent = plannedEpsilon(plan);
      return spent > epsilon * (1 + slack)
        ? `${rounds} rounds come to epsilon ${spent.toPrecision(4)} at delta ${delta}, the budget is ${epsilon}`
        : undefined;
    },
  },
  {
    id: 'central-clients',
    what: 'central noise on a robust rule over single clients',
    why: "how far one client can move a robust rule's result isn't the clip norm, so the noise has nothing to be sized for",
    instead: "combine: { kind: 'mean' }, or masked cohorts, whose sums get the noise before the rule sees them",
    compileTime: true,
    check: ({ privacy, combine }) =>
      privacy.kind === 'central' && combine.kind === 'robust' && combine.over === 'clients'
        ? `the rule is ${combine.aggregator.kind}`
        : undefined,
  },
];
