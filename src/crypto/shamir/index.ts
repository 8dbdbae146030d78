export { combineInterop, type SplitInteropOptions, splitInterop } from './interop.js';
export { type HeldShare, type RecoveredSecret, type RecoverOptions, recoverSecret } from './recover.js';
export { coefficientLength, maxHolders, type SplitOptions, splitSecret } from './split.js';
