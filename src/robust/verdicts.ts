import { addSquaredDistancesFrom } from './distances.js';
import { forEachBlock, type RowSet } from './rows.js';
import { at, type FloatVector } from './vectors.js';

/** What a rule thinks of each row: a score that grows with suspicion, whether it is kept, and by how much. */
export interface Judgement {
  readonly scores: Float64Array;
  readonly kept: readonly boolean[];
  /** From the score to where the decision turns: not negative for kept rows, not positive for rejected ones. */
  readonly margins: Float64Array;
}

/** Indices by ascending score, lowest index first among equals. */
export function ascending(scores: ArrayLike<number>): number[] {
  return Array.from(scores, (_, i) => i).sort((a, b) => at(scores, a) - at(scores, b) || a - b);
}

/** Rejects the `reject` largest scores; among equals the highest index goes first. Margins are gaps in score. */
export function rejectLargest(scores: Float64Array, reject: number): Judgement {
  const order = ascending(scores);
  return judgeByOrder(scores, order.slice(0, scores.length - reject), order[scores.length - reject]);
}

function judgeByOrder(scores: Float64Array, keptRows: readonly number[], firstOut: number | undefined): Judgement {
  const keep = new Set(keptRows);
  const lastIn = keptRows.at(-1);
  const kept = Array.from(scores, (_, i) => keep.has(i));
  const outAt = firstOut === undefined ? Number.POSITIVE_INFINITY : at(scores, firstOut);
  const inAt = lastIn === undefined ? Number.NEGATIVE_INFINITY : at(scores, lastIn);
  // A rule that judges whole sets may keep a row that scores worse than one left out: it has no margin then.
  const margins = scores.map((score, i) => (kept[i] ? Math.max(0, outAt - score) : Math.min(0, inAt - score)));
  return { scores, kept, margins };
}

/** Keeps the scores up to `limit`. */
export function keepUpTo(scores: Float64Array, limit: number): Judgement {
  const kept = Array.from(scores, (score) => score <= limit);
  return { scores, kept, margins: scores.map((score) => (score === limit ? 0 : limit - score)) };
}

/** For a rule that weighs rows: the score is one less the weight, and those without a positive one are rejected. */
export function keepPositive(weights: Float64Array): Judgement {
  const scores = weights.map((weight) => 1 - weight);
  return { ...keepUpTo(scores, 1), kept: Array.from(scores, (score) => score < 1) };
}

/** For a rule that chose the rows `chosen`: margins are gaps to the best score left out and the worst one let in. */
export function judgeChosen(scores: Float64Array, chosen: readonly number[]): Judgement {
  const byScore = ascending(scores);
  const keep = new Set(chosen);
  return judgeByOrder(
    scores,
    byScore.filter((i) => keep.has(i)),
    byScore.find((i) => !keep.has(i)),
  );
}

/** Coordinates that deviations are taken from at most, in stripes spread evenly over the vector. */
const sampledStripes = 64;
const stripeLength = 1024;

/**
 * Each row's root mean square distance from `vector`, a coordinate. It is for verdicts only: past 65,536 coordinates
 * it is taken from 64 stripes of 1,024, at even distances, so that a verdict costs no pass over the memory.
 */
export function deviations(rows: RowSet, vector: FloatVector): Float64Array {
  const sums = new Float64Array(rows.count);
  const { dimension } = rows;
  let used = 0;
  const visit = (start: number, end: number): void => {
    used += end - start;
    addSquaredDistancesFrom(vector.subarray(start, end), rows.block(start, end), 0, end - start, sums);
  };
  if (dimension <= sampledStripes * stripeLength) forEachBlock(dimension, visit);
  else {
    const step = Math.floor(dimension / sampledStripes);
    for (let stripe = 0; stripe < sampledStripes; stripe++) visit(stripe * step, stripe * step + stripeLength);
  }
  return sums.map((sum) => Math.sqrt(sum / used));
}
