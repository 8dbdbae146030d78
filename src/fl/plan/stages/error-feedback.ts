import { UsageError } from '../../../core/errors.js';
import { checkFloats } from '../../../ring/quantize.js';
import type { Plan } from '../fields.js';
import { clip } from './clip.js';
import { compress, decompress } from './compress.js';
import { received } from './received.js';
import { type ClientVersions, staleWeight, weighStale } from './staleness.js';

/**
 * A client's residual: what clipping, compression and the quantizer's range left of its updates, added to the next one
 * (Seide et al. 2014; Karimireddy et al. 2019). It is cleared only by what was in a sum, so nothing is lost, or counted
 * twice, where the client dropped out.
 */
export class ErrorFeedback {
  readonly #plan: Plan;
  #residual: Float32Array | undefined;

  constructor(plan: Plan) {
    this.#plan = plan;
  }

  /**
   * The update with what earlier ones left, as a new array; without error feedback a copy. Throws `UsageError`
   * (`usage.floats`, `usage.vector`).
   */
  add(update: Float32Array): Float32Array {
    const { errorFeedback, vector } = this.#plan;
    if (checkFloats('update', update).length !== vector.dimension)
      throw new UsageError('usage.vector', `update must have ${vector.dimension} values, got ${update.length}`);
    const residual = this.#residual;
    if (errorFeedback.kind === 'none' || residual === undefined) return update.slice();
    return update.map((value, i) => value + (1 - errorFeedback.decay) * (residual[i] as number));
  }

  /**
   * Says whether `wanted`, which `add` gave, was in a sum of a round with this public seed; in buffers of these
   * versions. What a stale update counts less isn't left over: it would come back with the next.
   */
  settle(
    wanted: Float32Array,
    {
      survived,
      publicSeed,
      versions,
    }: {
      readonly survived: boolean;
      readonly publicSeed: Uint8Array;
      readonly versions?: ClientVersions | undefined;
    },
  ): void {
    if (this.#plan.errorFeedback.kind === 'none') return;
    if (!survived) {
      this.#residual = wanted.slice();
      return;
    }
    const clipped = clip(this.#plan)({ update: wanted, weight: 1, metrics: [] });
    const { update } = weighStale(this.#plan, versions)(clipped);
    const sent = compress(this.#plan, update, publicSeed);
    const summed = decompress(this.#plan, received(this.#plan, sent, publicSeed), publicSeed);
    const weight = staleWeight(this.#plan, versions);
    this.#residual = wanted.map((value, i) => value - (summed[i] as number) / weight);
  }
}
