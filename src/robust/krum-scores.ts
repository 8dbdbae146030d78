import { checkChoice } from '../core/check.js';
import { at } from './vectors.js';

/**
 * How many other vectors a score counts: n - f - 2 as in the paper (Blanchard et al., NeurIPS 2017), or n - f - 1,
 * which some libraries take (the n - f nearest with the vector itself).
 */
export type Closest = 'n-f-2' | 'n-f-1';

/** Returns the choice, `n-f-2` where none was made; throws `UsageError` (`usage.choice`) for another. */
export function checkClosest(closest: unknown): Closest {
  return checkChoice('closest', closest ?? 'n-f-2', ['n-f-2', 'n-f-1']);
}

/** How many neighbors are left out of the n - f. */
export function leftOut(closest: Closest): number {
  return closest === 'n-f-2' ? 2 : 1;
}

/**
 * Krum scores of the rows `among`: the sum of squared distances to their `neighbors` closest others. `distances` is
 * count x count. Sums run over ascending distances, so they are the same whatever the order of rows.
 */
export function krumScores(
  distances: Float64Array,
  count: number,
  neighbors: number,
  among?: readonly number[],
): Float64Array {
  const rows = among ?? Array.from({ length: count }, (_, i) => i);
  return Float64Array.from(rows, (i) => {
    const others = Float64Array.from(
      rows.filter((j) => j !== i),
      (j) => at(distances, i * count + j),
    ).sort();
    let sum = 0;
    for (let k = 0; k < Math.min(neighbors, others.length); k++) sum += at(others, k);
    return sum;
  });
}
