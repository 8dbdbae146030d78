import * as v from 'valibot';
import { kindSchema, magnitude } from '../spec.js';
import { type CompressionKind, sameLength } from './kind.js';

/**
 * Majority vote over signs (Bernstein et al. 2018, signSGD): each client gives -1, 0 or 1 a coordinate, the server
 * takes the sign of the sum, times `magnitude`; 0 on a tie. Biased, and bounded: a client moves the sum of a coordinate
 * by 1 at most.
 */
export interface SignVoteSpec {
  readonly kind: 'sign-vote';
  /** What a won vote stands for, in the update's unit; 1 if not given. */
  readonly magnitude: number;
}

export const signVote: CompressionKind<SignVoteSpec> = {
  schema: kindSchema('sign-vote', { magnitude: v.optional(magnitude(), 1) }),
  linear: false,
  additive: true,
  unbiased: () => false,
  length: sameLength,
  client: (_spec, values) => values.map(Math.sign),
  server: (spec, sum) => sum.map((votes) => spec.magnitude * Math.sign(votes)),
  integers: () => ({ bits: 2, range: 1 }),
};
