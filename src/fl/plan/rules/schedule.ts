import { stalenessWeight } from '../../optimizers/fedbuff.js';
import { optimizerFrom } from '../../optimizers/optimizer.js';
import type { PlanFields } from '../fields.js';
import type { Rule } from './rule.js';

/** Least that the stalest update may count. */
const leastWeight = 1 / 32;

/** What clients that come when they like can't do. */
export const scheduleRules: readonly Rule[] = [
  {
    id: 'buffer-beyond-cohort',
    what: 'a buffer of more clients than are ever summed together',
    why: 'a buffer is one cohort, and the ring has room for cohort.maxClients',
    instead: 'lower schedule.bufferSize or raise cohort.maxClients',
    compileTime: false,
    check: checkBuffer(({ bufferSize }, { cohort }) =>
      bufferSize > cohort.maxClients
        ? `schedule.bufferSize is ${bufferSize}, cohort.maxClients ${cohort.maxClients}`
        : undefined,
    ),
  },
  {
    id: 'buffer-vanishing',
    what: 'staleness weights below 1/32',
    why: 'an update that counts next to nothing is lost in the rounding, and hides nobody: a server that hands out old versions could leave one client all but alone in a sum',
    instead: 'lower schedule.maxStaleness, or the exponent or slope of schedule.staleness',
    compileTime: false,
    check: checkBuffer(({ staleness, maxStaleness }) => {
      const weight = stalenessWeight(staleness, maxStaleness);
      return weight < leastWeight ? `${weight.toPrecision(2)} at ${maxStaleness} versions` : undefined;
    }),
  },
  {
    id: 'buffer-contribution',
    what: 'buffers with an optimizer whose clients give more than an update',
    why: "a normalizer or a control variate doesn't shrink with its update's staleness, and belongs to the version that was trained",
    instead: "fedavg, fedavgm, fedadam, fedyogi or fedadagrad; or schedule: { kind: 'rounds' }",
    compileTime: false,
    check: checkBuffer((_, { optimizer, vector }) =>
      optimizerFrom(optimizer, vector.dimension).contributionLength === vector.dimension
        ? undefined
        : `the optimizer is ${optimizer.kind}`,
    ),
  },
  {
    id: 'buffer-noise',
    what: 'buffers of fewer clients than the noise is sized for',
    why: 'no sum of a buffer would ever have privacy.minSurvivors clients, so none would be released',
    instead: 'raise schedule.bufferSize, or have distributedPrivacy size the noise for fewer',
    compileTime: false,
    check: checkBuffer(({ bufferSize }, { privacy }) =>
      privacy.kind === 'distributed' && privacy.minSurvivors > bufferSize
        ? `schedule.bufferSize is ${bufferSize}, privacy.minSurvivors ${privacy.minSurvivors}`
        : undefined,
    ),
  },
  {
    id: 'buffer-clients',
    what: 'buffers of fewer clients than the robust rule over clients looks at',
    why: 'the rule sees one buffer at a time',
    instead: 'raise schedule.bufferSize or lower combine.clients',
    compileTime: false,
    check: checkBuffer(({ bufferSize }, { combine }) =>
      combine.kind === 'robust' && combine.over === 'clients' && combine.clients > bufferSize
        ? `schedule.bufferSize is ${bufferSize}, combine.clients ${combine.clients}`
        : undefined,
    ),
  },
];

type Buffered = Extract<PlanFields['schedule'], { readonly kind: 'buffered' }>;

/** A check that holds of plans in rounds. */
function checkBuffer(check: (schedule: Buffered, plan: PlanFields) => string | undefined): Rule['check'] {
  return (plan) => (plan.schedule.kind === 'buffered' ? check(plan.schedule, plan) : undefined);
}
