/** `veilsum/server`: runs a task's rounds over WebSocket and HTTP. Node only. */
export { AbortError, InternalError, PeerError, UsageError, VeilsumError } from '../core/errors.js';
export { fileStorage as fileLedgerStorage } from '../dp/ledger/file.node.js';
export type { LogEntry, ServeOptions, TaskOptions } from './options.js';
export { MaskPool } from './pool.js';
export type { RoundPrivacy } from './privacy.js';
export type { RoundStart } from './round.js';
export type { CohortFailure, CohortReport, RoundResult } from './round-result.js';
export { type Server, serve } from './serve.js';
