import { canonicalJson } from './canonical.js';
import type { PlanFields } from './fields.js';

/**
 * Two versions of a plan's text. Version 1 is that of the protocol's text and of every client so far: a masked,
 * weighted mean. Version 2 has all fields. A plan that version 1 can say is written as version 1, so that one plan has
 * one text and old clients go on.
 */

/** What version 1 leaves out, with what it assumes. */
const assumed: {
  readonly [Name in
    | 'masking'
    | 'errorFeedback'
    | 'compress'
    | 'rotate'
    | 'privacy'
    | 'optimizer'
    | 'schedule']: PlanFields[Name];
} = {
  masking: { kind: 'pairwise' },
  errorFeedback: { kind: 'none' },
  compress: { kind: 'none' },
  rotate: { kind: 'none' },
  privacy: { kind: 'none' },
  optimizer: { kind: 'fedavg', learningRate: 1 },
  schedule: { kind: 'rounds' },
};

/** Whether these fields say more than version 1 can. */
export function needsVersion2(fields: Omit<PlanFields, 'version'>): boolean {
  const { masking, errorFeedback, compress, rotate, privacy, optimizer, schedule, quantize, combine } = fields;
  return (
    canonicalJson({ masking, errorFeedback, compress, rotate, privacy, optimizer, schedule }) !==
      canonicalJson(assumed) ||
    quantize.kind !== 'stochastic' ||
    combine.kind !== 'mean'
  );
}

/** The fields as they are written. */
export function written(fields: PlanFields): object {
  if (fields.version === 2) {
    // Came later than version 2: a plan that doesn't need it keeps the text that it had.
    const { schedule, ...others } = fields;
    return schedule.kind === 'rounds' ? others : fields;
  }
  return Object.fromEntries(Object.entries(fields).filter(([name]) => !Object.hasOwn(assumed, name)));
}
