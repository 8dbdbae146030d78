import { AbortError } from '../../core/errors.js';

/**
 * Where a ledger lives. It consists of parts, one for each time that it was opened, each written by one writer only and
 * only at its end.
 *
 * Two rules make it safe. *Durable*: what `append` has resolved for survives the process, and where it can, the
 * machine. *Fenced*: a part is claimed before older parts are read, and an append looks for newer parts after it is
 * durable. So of two writers, either the newer one reads the older one's line, or the older one learns that it is
 * fenced before it releases anything.
 */
export interface LedgerStorage {
  /** Claims the next part, then reads all older ones, oldest first. From here on appends to older parts fail. */
  readonly open: () => Promise<OpenedLedger>;
  /** Reads all parts without claiming one. */
  readonly read: () => Promise<readonly string[]>;
}

/** A part that was claimed, and what came before it. */
export interface OpenedLedger {
  /** Number of the claimed part, from 1: one more than the number of older parts. */
  readonly epoch: number;
  readonly parts: readonly string[];
  readonly writer: LedgerWriter;
}

/** The one writer of a part. */
export interface LedgerWriter {
  /**
   * Writes `line` and a newline, makes them durable, and then checks the fence: throws AbortError `ledger.fenced` if a
   * newer part exists. After any error the writer takes no more lines: whether the line is there is known only by
   * opening again.
   */
  readonly append: (line: string) => Promise<void>;
  readonly close: () => Promise<void>;
}

/** The error of a writer that isn't the newest any more. */
export function fenced(): AbortError {
  return new AbortError(
    'ledger.fenced',
    'another writer has opened this ledger: nothing may be released by this one; open it again if you are the one to go on',
  );
}

/**
 * Parts in memory: for tests, and for simulations whose privacy nobody's life depends on. Nothing survives the process.
 */
export function memoryStorage(initial: readonly string[] = []): LedgerStorage {
  const parts = [...initial];
  return {
    read: async () => [...parts],
    open: async () => {
      const epoch = parts.push('');
      return {
        epoch,
        parts: parts.slice(0, -1),
        writer: {
          append: async (line) => {
            parts[epoch - 1] = `${parts[epoch - 1] ?? ''}${line}\n`;
            if (parts.length > epoch) throw fenced();
          },
          close: async () => {},
        },
      };
    },
  };
}
