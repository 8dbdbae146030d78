/**
 * The primitives under the protocol, for those who implement or measure it: suites, providers, Shamir sharing, mask
 * PRG.
 */
export { AbortError, InternalError, PeerError, UsageError, VeilsumError } from '../core/errors.js';

import { defaultProvider } from '#provider';

export type { MaskExpander, MaskStream } from './prg/expander.js';
export { nobleProvider } from './provider/noble.js';
export type { CryptoProvider, SealInput, SignatureCheck } from './provider/provider.js';
export { webProvider } from './provider/web.js';
export {
  coefficientLength,
  combineInterop,
  type HeldShare,
  maxHolders,
  type RecoveredSecret,
  type RecoverOptions,
  recoverSecret,
  type SplitInteropOptions,
  type SplitOptions,
  splitInterop,
  splitSecret,
} from './shamir/index.js';
export { type SuiteId, suites } from './suite.js';
export { defaultProvider };
