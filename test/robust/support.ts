import type { FloatVector } from '../../src/robust/index.js';
import { type Aggregator, type AnySpec, Aggregator as Rule } from '../../src/robust/rule.js';
import { rejectLargest } from '../../src/robust/verdicts.js';

/** The rows that a pre-aggregator hands to the rule inside it. */
export function collectRows(
  around: (probe: Aggregator<AnySpec>) => Aggregator<AnySpec>,
  vectors: readonly FloatVector[],
): readonly FloatVector[] {
  let rows: readonly FloatVector[] = [];
  const probe = new Rule<AnySpec>({
    spec: { kind: 'probe' },
    f: undefined,
    minimum: () => 1,
    condition: 'n >= 1',
    weighted: false,
    run: (given) => {
      rows = given.block(0, given.dimension).map((row) => row.slice());
      return {
        vector: given.combine(new Float64Array(given.count)),
        judgement: rejectLargest(new Float64Array(given.count), 0),
      };
    },
  });
  around(probe).aggregate(vectors);
  return rows;
}
