import { compressedLength } from '../stages/compress.js';
import type { Rule } from './rule.js';

/** What may be left out of an update. */
export const compressionRules: readonly Rule[] = [
  {
    id: 'top-k-masked',
    what: 'top-k under masking',
    why: 'each client picks other coordinates, so their places would have to be sent, in the clear, and tell about its data; and in a masked sum every coordinate is sent anyway',
    instead: "compress: { kind: 'random-k', fraction }, whose places all clients share, or masking: { kind: 'none' }",
    compileTime: true,
    check: ({ compress, masking }) =>
      compress.kind === 'top-k' && masking.kind === 'pairwise' ? `${compress.fraction} of the coordinates` : undefined,
  },
  {
    id: 'top-k-rotated',
    what: 'top-k before a rotation',
    why: 'the rotation spreads what was picked over all places again, so all would have to be sent',
    instead: "rotate: { kind: 'none' }, or compress: { kind: 'random-k', fraction }",
    compileTime: false,
    check: ({ compress, rotate }) =>
      compress.kind === 'top-k' && rotate.kind !== 'none' ? `rotate is ${rotate.kind}` : undefined,
  },
  {
    id: 'compressed-noise',
    what: 'noise on a compression that may lengthen an update',
    why: "the sensitivity is the clip norm; a sketch of an update can be longer than the update, and what top-k picks depends on the client's data",
    instead: "compress: { kind: 'random-k', fraction }, which can only shorten",
    compileTime: true,
    check: ({ compress, privacy }) =>
      privacy.kind !== 'none' && (compress.kind === 'count-sketch' || compress.kind === 'top-k')
        ? `privacy is ${privacy.kind}, compress ${compress.kind}`
        : undefined,
  },
  {
    id: 'compress-longer',
    what: 'a compression that makes updates longer',
    why: 'a sketch of more places than the update has costs bytes and loses precision',
    instead: 'fewer rows or columns, or no compression',
    compileTime: false,
    check: (plan) => {
      const length = compressedLength(plan);
      return length > plan.vector.dimension ? `${length} values for an update of ${plan.vector.dimension}` : undefined;
    },
  },
  {
    id: 'error-feedback-alone',
    what: 'error feedback without compression',
    why: 'all of the update is sent, so there is nothing to add to the next but what clipping cut off, which was to be cut off',
    instead: "errorFeedback: { kind: 'none' }, or a compression that leaves something out",
    compileTime: false,
    check: ({ errorFeedback, compress }) =>
      errorFeedback.kind === 'residual' && compress.kind === 'none' ? 'compress is none' : undefined,
  },
  {
    id: 'error-feedback-rescaled',
    what: 'error feedback on coordinates that are scaled up',
    why: 'a coordinate that was sent as 1/fraction of itself owes the difference, of the other sign and up to as many times as large, so residuals grow from round to round; error feedback wants a compression that only shortens (Karimireddy et al. 2019)',
    instead: "scaling: 'keep', for which error feedback makes up, or errorFeedback: { kind: 'none' }",
    compileTime: false,
    check: ({ errorFeedback, compress }) =>
      errorFeedback.kind === 'residual' &&
      compress.kind === 'random-k' &&
      compress.scaling === 'unbiased' &&
      compress.fraction < 1
        ? `compress.scaling is unbiased, compress.fraction ${compress.fraction}`
        : undefined,
  },
];
