/** `veilsum`: what a device needs to take part in a task, in browsers and Node. The server is in `veilsum/server`. */
export { type ClientRound, type Contribution, type JoinOptions, join, type RoundOutcome } from './client/index.js';
export { AbortError, InternalError, PeerError, UsageError, VeilsumError } from './core/errors.js';
export { definePlan, type Plan, type PlanInput } from './fl/index.js';
export {
  type ClientPolicy,
  createIdentity,
  createKeyPair,
  decodeIdentity,
  defaultPolicy,
  encodeIdentity,
  enrol,
  type Identity,
  type KeyPair,
  type Phase,
} from './secagg/index.js';
