/** `veilsum/edge`: an edge aggregator, a server to its clients and a client to the root. Node only. */
export { AbortError, InternalError, PeerError, UsageError, VeilsumError } from '../core/errors.js';
export { type Edge, type EdgeRound, runEdge } from './edge.js';
export {
  type DownstreamOptions,
  type EdgeOptions,
  type EdgeTaskOptions,
  edgeRoundTime,
  type UpstreamOptions,
} from './options.js';
