import { checkInteger, checkNumber, checkOptions, describe } from '../../core/check.js';
import { UsageError } from '../../core/errors.js';
import { centeredProducts } from '../combination.js';
import { addSquaredDistances } from '../distances.js';
import { largestEigenPair } from '../eigen.js';
import { forEachBlock, type RowSet } from '../rows.js';
import { Aggregator, type Context, type RuleSettings } from '../rule.js';
import { sample } from '../seeded.js';
import { checkF, chosenWeights, wholePart } from '../shares.js';
import { at } from '../vectors.js';
import { ascending, judgeChosen } from '../verdicts.js';

export interface DncOptions {
  readonly f: number;
  /** Rounds of filtering, each on its own coordinates; default 1. */
  readonly iterations?: number;
  /** Coordinates sampled a round; default 10,000, or all where there are fewer. */
  readonly sampleSize?: number;
  /** floor(filterFraction f) vectors are dropped a round; above 0 to 10, default 1. */
  readonly filterFraction?: number;
  /** The coordinates of each round, in place of sampled ones: then no seed is needed. */
  readonly coordinates?: readonly (readonly number[])[];
}

export interface DncSpec extends DncOptions {
  readonly kind: 'dnc';
}

/**
 * Divide and conquer (Shejwalkar and Houmansadr, NDSS 2021): on a random sample of coordinates, drops the vectors that
 * deviate most along the direction of largest variance; the mean of those that no round dropped. Needs n >= 2f + 1, and
 * more vectors than all rounds can drop together. Takes `seed`. It has no bound for one round: where attackers' sizes
 * differ much, honest vectors may deviate more than the smaller one. The score is the largest squared deviation over
 * rounds.
 */
export function dnc(options: DncOptions, settings?: RuleSettings): Aggregator<DncSpec> {
  const f = checkF(checkOptions('options', options).f);
  const coordinates = checkCoordinates(options.coordinates);
  const iterations = checkInteger('iterations', options.iterations ?? coordinates?.length ?? 1, 1, 1000);
  if (coordinates !== undefined && coordinates.length !== iterations)
    throw new UsageError('robust.options', `coordinates must be ${iterations} lists, one an iteration`);
  const sampleSize = checkInteger('sampleSize', options.sampleSize ?? 10_000, 1, 2 ** 30);
  const filterFraction = checkNumber('filterFraction', options.filterFraction ?? 1, Number.MIN_VALUE, 10);
  const drop = (faults: number): number => wholePart(filterFraction, faults);
  return new Aggregator(
    {
      spec: {
        kind: 'dnc',
        f,
        ...(options.iterations === undefined ? {} : { iterations }),
        ...(options.sampleSize === undefined ? {} : { sampleSize }),
        ...(options.filterFraction === undefined ? {} : { filterFraction }),
        ...(coordinates === undefined ? {} : { coordinates }),
      },
      f,
      minimum: (faults) => Math.max(2 * faults, iterations * drop(faults)) + 1,
      condition: 'n >= 2f + 1 and n > iterations floor(filterFraction f)',
      weighted: true,
      run: (rows, context) => {
        const { count } = rows;
        const scores = new Float64Array(count);
        let good = Array.from({ length: count }, (_, i) => i);
        for (let round = 0; round < iterations; round++) {
          const picked = coordinates?.[round] ?? sampled(rows, context, sampleSize);
          const deviation = squaredDeviations(rows, picked);
          for (let i = 0; i < count; i++) scores[i] = Math.max(at(scores, i), at(deviation, i));
          const keep = new Set(ascending(deviation).slice(0, count - drop(context.f)));
          good = good.filter((i) => keep.has(i));
        }
        return {
          vector: rows.combine(chosenWeights(count, good, context.weights)),
          judgement: judgeChosen(scores, good),
        };
      },
    },
    settings,
  );
}

function checkCoordinates(lists: unknown): readonly (readonly number[])[] | undefined {
  if (lists === undefined) return undefined;
  if (!Array.isArray(lists))
    throw new UsageError('robust.options', `coordinates must be lists, got ${describe(lists)}`);
  return lists.map((list: unknown, i) => {
    if (!Array.isArray(list) || list.length === 0)
      throw new UsageError('robust.options', `coordinates[${i}] must be a list of coordinates, got ${describe(list)}`);
    return list.map((value: unknown) => checkInteger(`coordinates[${i}]`, value, 0, 2 ** 32));
  });
}

function sampled(rows: RowSet, context: Context, size: number): readonly number[] {
  // Coordinates are taken from the seed even where all are used, so that the seed is never needed by chance.
  const random = context.random();
  return sample(random, rows.dimension, Math.min(size, rows.dimension));
}

/** Each row's squared deviation from the mean along the direction of largest variance, on some coordinates. */
function squaredDeviations(rows: RowSet, coordinates: readonly number[]): Float64Array {
  const { count } = rows;
  const parts = gathered(rows, coordinates);
  const distances = new Float64Array(count * count);
  addSquaredDistances(parts, 0, coordinates.length, distances);
  const products = centeredProducts(distances, count, new Float64Array(count).fill(1 / count));
  const { value, vector } = largestEigenPair(products, count);
  if (!(value > 0)) return new Float64Array(count);
  // Along the top right singular vector, a row's deviation is sqrt(value) times its entry in the left one.
  return vector.map((entry) => value * entry ** 2);
}

function gathered(rows: RowSet, coordinates: readonly number[]): Float64Array[] {
  const largest = coordinates.reduce((most, k) => Math.max(most, k), 0);
  if (largest >= rows.dimension)
    throw new UsageError('robust.options', `coordinates must be below d = ${rows.dimension}, got ${largest}`);
  const parts = Array.from({ length: rows.count }, () => new Float64Array(coordinates.length));
  const places = [...coordinates.entries()].sort(([, a], [, b]) => a - b);
  let next = 0;
  forEachBlock(rows.dimension, (start, end) => {
    if ((places[next]?.[1] ?? end) >= end) return;
    const block = rows.exactBlock(start, end);
    for (let place = places[next]; place !== undefined && place[1] < end; place = places[++next])
      for (const [i, row] of block.entries()) {
        const part = parts[i];
        if (part !== undefined) part[place[0]] = at(row, place[1] - start);
      }
  });
  return parts;
}
