/** How often, and how heavily, one record can be counted in the nodes of an aggregation tree. */
import { checkInteger } from '../../core/check.js';
import { UsageError } from '../../core/errors.js';

/** Nodes that one step is counted in, in a tree of `steps` steps: floor(log2 steps) + 1. */
export function treeDepth(steps: number): number {
  checkInteger('steps', steps, 1, Number.MAX_SAFE_INTEGER);
  return Math.floor(Math.log2(steps)) + 1;
}

/** The best ways to take part in one complete subtree: more weight needs more of what follows to be blocked. */
interface Option {
  readonly weight: number;
  /** Leaves to the right of the subtree that are too near the last participation. */
  readonly spill: number;
}

/**
 * The largest sum over the complete dyadic nodes of a tree of `steps` leaves of (participations in the node)^2, over
 * all ways of taking part at most `maxParticipation` times in leaves whose numbers differ by more than `minSeparation`:
 * the squared l2 sensitivity of the tree in clip norms (Kairouz et al., "Practical and private (deep) learning without
 * sampling or shuffling", 2021, appendix D.2). Exact, by dynamic programming over (subtree, blocked leaves,
 * participations) with dominated ways dropped.
 *
 * @throws UsageError for values out of range, or so large together that the table would not fit.
 */
export function singleTreeSensitivitySquared(options: {
  readonly steps: number;
  readonly maxParticipation: number;
  readonly minSeparation: number;
}): number {
  const steps = checkInteger('steps', options.steps, 1, 2 ** 24);
  const separation = Math.min(checkInteger('minSeparation', options.minSeparation, 0, 2 ** 24), steps);
  const possible = Math.ceil(steps / (separation + 1));
  const most = Math.min(checkInteger('maxParticipation', options.maxParticipation, 1, 2 ** 24), possible);
  if (separation * most * most > 2e8)
    throw new UsageError(
      'usage.range',
      'minSeparation times maxParticipation squared is too large for the exact search',
    );
  const subtree = subtreeTable(separation, most);
  let front: Option[][] = [[{ weight: 0, spill: 0 }]];
  for (let size = 2 ** Math.floor(Math.log2(steps)), left = steps; left > 0; size /= 2) {
    if (size > left) continue;
    left -= size;
    front = joined(front, (blocked, count) => subtree(size, blocked, count), most, 0);
  }
  return Math.max(...front.flat().map(({ weight }) => weight));
}

/**
 * Memoized: the best options for `count` participations in a complete subtree whose first `blocked` leaves are blocked.
 */
function subtreeTable(separation: number, most: number): (size: number, blocked: number, count: number) => Option[] {
  const kept = new Map<number, Option[][]>();
  const all = (size: number, blocked: number): Option[][] => {
    if (blocked >= size) return [[{ weight: 0, spill: blocked - size }]];
    if (size === 1) return [[{ weight: 0, spill: 0 }], [{ weight: 1, spill: separation }]];
    const key = Math.log2(size) * 2 ** 32 + blocked;
    const found = kept.get(key);
    if (found !== undefined) return found;
    const half = size / 2;
    const made = joined(all(half, blocked), (rest, count) => all(half, rest)[count] ?? [], most, 1);
    kept.set(key, made);
    return made;
  };
  return (size, blocked, count) => all(size, blocked)[count] ?? [];
}

/** All ways on the left with all on the right; `own` is 1 where a node above both counts too. */
function joined(
  left: readonly (readonly Option[])[],
  right: (blocked: number, count: number) => readonly Option[],
  most: number,
  own: 0 | 1,
): Option[][] {
  const byCount: Option[][] = [];
  left.forEach((options, before) => {
    for (const first of options)
      for (let after = 0; before + after <= most; after += 1) {
        const ways = right(first.spill, after);
        if (ways.length === 0) break;
        const count = before + after;
        const list = byCount[count] ?? [];
        byCount[count] = list;
        for (const second of ways)
          list.push({ weight: first.weight + second.weight + own * count * count, spill: second.spill });
      }
  });
  return byCount.map(undominated);
}

function undominated(options: readonly Option[]): Option[] {
  const sorted = [...options].sort((a, b) => a.spill - b.spill || b.weight - a.weight);
  const kept: Option[] = [];
  let best = -1;
  for (const option of sorted) {
    if (option.weight <= best) continue;
    best = option.weight;
    kept.push(option);
  }
  return kept;
}
