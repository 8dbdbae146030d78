import type { PlanFields } from '../fields.js';
import { extraDimension } from '../stages/optimizer.js';
import type { Rule } from './rule.js';

/** What becomes of the mean. */
export const serverRules: readonly Rule[] = [
  {
    id: 'optimizer-buffered',
    what: 'an optimizer for buffers',
    why: 'FedBuff takes updates that clients weighed by their staleness, and in a round all begin with the same model',
    instead: "fedavg with schedule: { kind: 'buffered', bufferSize }, or one of the other optimizers",
    compileTime: true,
    check: ({ optimizer }) => (optimizer.kind === 'fedbuff' ? `the optimizer is ${optimizer.kind}` : undefined),
  },
  {
    id: 'optimizer-weighted',
    what: 'control variates in a weighted mean',
    why: "SCAFFOLD's c is the mean of all clients' control variates, each counting the same",
    instead: "weight: { kind: 'uniform' }, or the optimizer fednova, which takes weights",
    compileTime: true,
    check: ({ optimizer, weight }) =>
      optimizer.kind === 'scaffold' && weight.kind !== 'uniform' ? `weights go up to ${weight.max}` : undefined,
  },
  {
    id: 'optimizer-noise',
    what: 'noise where the optimizer takes more than updates',
    why: "the noise is sized for the clip norm, which bounds an update and not the normalizer or control variate beside it; those would be released under a sensitivity that isn't theirs",
    instead: "fedavg, fedavgm, fedadam, fedyogi or fedadagrad, or privacy: { kind: 'none' }",
    compileTime: true,
    check: (plan) =>
      takesMore(plan) && plan.privacy.kind !== 'none'
        ? `the optimizer is ${plan.optimizer.kind}, privacy ${plan.privacy.kind}`
        : undefined,
  },
  {
    id: 'optimizer-robust',
    what: 'a robust rule where the optimizer takes more than updates',
    why: 'distances between vectors would be those of normalizers or control variates as much as of updates; and what a rule leaves out or bends is missing in c, while clients have kept it',
    instead: "combine: { kind: 'mean' }, or fedavg, fedavgm, fedadam, fedyogi or fedadagrad",
    compileTime: true,
    check: (plan) =>
      takesMore(plan) && plan.combine.kind === 'robust'
        ? `the optimizer is ${plan.optimizer.kind}, the rule ${plan.combine.aggregator.kind}`
        : undefined,
  },
  {
    id: 'optimizer-feedback',
    what: 'error feedback under FedNova',
    why: "a client's contribution is its update over its normalizer, so what compression left of one round is in another unit than the next round's",
    instead: "errorFeedback: { kind: 'none' }, or another optimizer",
    compileTime: true,
    check: ({ optimizer, errorFeedback }) =>
      optimizer.kind === 'fednova' && errorFeedback.kind !== 'none'
        ? `errorFeedback is ${errorFeedback.kind}`
        : undefined,
  },
  {
    id: 'optimizer-scale',
    what: 'a normalizer that never fits the range',
    why: 'a client that takes one local step has a normalizer of 1, which goes through the quantizer times normalizerScale',
    instead: 'a normalizerScale of quantize.range over the most steps that a client takes',
    compileTime: false,
    check: ({ optimizer, quantize }) =>
      optimizer.kind === 'fednova' && quantize.kind === 'stochastic' && optimizer.normalizerScale > quantize.range
        ? `optimizer.normalizerScale is ${optimizer.normalizerScale}, quantize.range ${quantize.range}`
        : undefined,
  },
  {
    id: 'optimizer-clients',
    what: 'a cohort of more clients than the optimizer knows of',
    why: 'c is the mean over all clients of the task, so each sum moves it by the part of them that took part, 1 at most',
    instead: 'raise optimizer.clients to the number of all clients, or lower cohort.maxClients',
    compileTime: false,
    check: ({ optimizer, cohort }) =>
      optimizer.kind === 'scaffold' && optimizer.clients < cohort.maxClients
        ? `optimizer.clients is ${optimizer.clients}, cohort.maxClients ${cohort.maxClients}`
        : undefined,
  },
];

function takesMore(plan: PlanFields): boolean {
  return extraDimension(plan) > 0;
}
