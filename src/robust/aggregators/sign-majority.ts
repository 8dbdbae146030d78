import { forEachBlock } from '../rows.js';
import { Aggregator, type RuleSettings } from '../rule.js';
import { checkF, majority } from '../shares.js';
import { at, zerosLike } from '../vectors.js';
import { rejectLargest } from '../verdicts.js';

export interface SignMajorityOptions {
  /** How many clients may be Byzantine: checked against n, and as many are named in the verdicts. Default 0. */
  readonly f?: number;
}

export interface SignMajoritySpec extends SignMajorityOptions {
  readonly kind: 'sign-majority';
}

/**
 * The majority of signs in each coordinate: 1, -1, or 0 on a tie, where a zero votes for neither (Bernstein et al.,
 * "signSGD with majority vote", ICLR 2019). n >= 2f + 1. The score is the share of coordinates in which a client's sign
 * is not the majority's; the f largest count as rejected.
 */
export function signMajority(options: SignMajorityOptions = {}, settings?: RuleSettings): Aggregator<SignMajoritySpec> {
  const f = checkF(options.f ?? 0);
  return new Aggregator(
    {
      spec: { kind: 'sign-majority', ...(f === 0 ? {} : { f }) },
      f: f === 0 ? undefined : f,
      ...majority,
      weighted: false,
      run: (rows, context) => {
        const vector = zerosLike(rows.model, rows.dimension);
        const against = new Float64Array(rows.count);
        forEachBlock(rows.dimension, (start, end) => {
          const block = rows.block(start, end);
          for (let k = 0; k < end - start; k++) {
            let votes = 0;
            for (const row of block) votes += Math.sign(at(row, k));
            vector[start + k] = Math.sign(votes);
            for (const [i, row] of block.entries())
              if (Math.sign(at(row, k)) !== Math.sign(votes)) against[i] = at(against, i) + 1;
          }
        });
        const scores = against.map((count) => count / rows.dimension);
        return { vector, judgement: rejectLargest(scores, context.f) };
      },
    },
    settings,
  );
}
