import { optimizerFrom } from '../../optimizers/optimizer.js';
import type { Rule } from './rule.js';

/** What becomes of the mean. */
export const serverRules: readonly Rule[] = [
  {
    id: 'optimizer-contribution',
    what: 'an optimizer whose clients give more than an update',
    why: 'FedNova takes a normalizer and SCAFFOLD a control variate beside the update, and the clients of a round are sent a model and nothing else; what is FedBuff in buffers, the schedule says',
    instead:
      "fedavg, fedavgm, fedadam, fedyogi or fedadagrad; for FedBuff, fedavg with schedule: { kind: 'buffered', bufferSize }",
    compileTime: true,
    check: ({ optimizer, vector }) => {
      const { contributionLength } = optimizerFrom(optimizer, vector.dimension);
      return contributionLength !== vector.dimension || optimizer.kind === 'fedbuff'
        ? `the optimizer is ${optimizer.kind}`
        : undefined;
    },
  },
];
