/**
 * Whose fault an error is decides what to do about it, so it is in the class; what happened is in `code`, which is
 * stable across releases and safe to switch on. Messages are for people and may change.
 *
 * - `UsageError`: the caller passed something wrong. Fix the call.
 * - `PeerError`: the other side sent something wrong. Drop that peer; others go on.
 * - `AbortError`: the session can't reach its sum. Start another.
 * - `InternalError`: a bug in veilsum. Report it.
 */
export abstract class VeilsumError extends Error {
  /** Dotted lower-case, stable: `area.fault`, such as `share.count` or `usage.range`. */
  readonly code: string;

  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    this.name = new.target.name;
  }
}

/** The caller's fault: a wrong type, size, range or order of calls. Nothing was changed. */
export class UsageError extends VeilsumError {}

/** The peer's fault: a message that is malformed, out of order, or breaks a rule of the protocol. */
export class PeerError extends VeilsumError {
  /** Roster index or name of the peer to blame, where it is known. */
  readonly peer: number | string | undefined;

  constructor(code: string, message: string, options: ErrorOptions & { readonly peer?: number | string } = {}) {
    super(code, message, options);
    this.peer = options.peer;
  }
}

/** The session ends without a sum, and nothing was revealed that the protocol doesn't allow. */
export class AbortError extends VeilsumError {}

/** A bug: a state that the code holds to be impossible. */
export class InternalError extends VeilsumError {}
