import { type FileHandle, mkdir, open, readdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { AbortError, UsageError } from '../../core/errors.js';
import { fenced, type LedgerStorage, type LedgerWriter } from './storage.js';

/** The file system as the storage uses it; tests put one between that dies at any step. */
export interface LedgerFiles {
  /** Makes the directory durably, if it isn't there. */
  readonly prepare: (directory: string) => Promise<void>;
  readonly list: (directory: string) => Promise<readonly string[]>;
  readonly read: (path: string) => Promise<string>;
  /** Creates a file that must not exist; undefined if it does. */
  readonly create: (path: string) => Promise<LedgerFile | undefined>;
  /** Makes the directory's entries durable. */
  readonly syncDirectory: (directory: string) => Promise<void>;
}

export interface LedgerFile {
  readonly write: (text: string) => Promise<void>;
  /** Makes what was written durable. */
  readonly sync: () => Promise<void>;
  readonly close: () => Promise<void>;
}

export const nodeFiles: LedgerFiles = {
  prepare: async (directory) => {
    const made = await mkdir(directory, { recursive: true, mode: 0o700 });
    if (made !== undefined) await nodeFiles.syncDirectory(dirname(made));
  },
  list: (directory) => readdir(directory),
  read: (path) => readFile(path, 'utf8'),
  create: async (path) => {
    try {
      return fileOf(await open(path, 'ax', 0o600));
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return undefined;
      throw error;
    }
  },
  syncDirectory: async (directory) => {
    // Windows has no such thing; its file systems log their metadata.
    if (process.platform === 'win32') return;
    const handle = await open(directory, 'r');
    await handle.sync().finally(() => handle.close());
  },
};

function fileOf(handle: FileHandle): LedgerFile {
  return {
    write: async (text) => {
      await handle.writeFile(text);
    },
    sync: () => handle.sync(),
    close: () => handle.close(),
  };
}

/** What the path of a directory can be wrong in, by the code of Node's error. */
const pathFaults: { readonly [code: string]: string } = {
  EEXIST: 'it is a file',
  ENOTDIR: 'a part of the path is a file',
  EACCES: 'permission denied',
  EPERM: 'not permitted',
  EROFS: 'the file system is read-only',
  ENOENT: 'there is no such path',
};

/** Awaits what needs the directory; throws `UsageError` (`usage.file`) where that can't be used as one. */
async function inDirectory<T>(directory: string, task: Promise<T>): Promise<T> {
  try {
    return await task;
  } catch (cause) {
    const fault = cause instanceof Error && 'code' in cause ? pathFaults[String(cause.code)] : undefined;
    if (fault === undefined) throw cause;
    throw new UsageError(
      'usage.file',
      `the ledger's directory can't be ${directory}: ${fault}; give a directory that this user may write, or make one there`,
      { cause },
    );
  }
}

const name = (epoch: number): string => `${String(epoch).padStart(9, '0')}.jsonl`;

/**
 * A ledger in a directory of its own, one file a part: `000000001.jsonl` and so on. A part is claimed by creating its
 * file exclusively, which the file system lets one process do; no lock is held, so none is left behind by a process
 * that is killed. The directory must be on a local file system, or one whose exclusive creation and listing are
 * consistent between machines.
 *
 * Opening and reading throw `UsageError` (`usage.file`) if the directory can't be made or used.
 */
export function fileStorage(directory: string, files: LedgerFiles = nodeFiles): LedgerStorage {
  const latest = async (): Promise<number> => {
    let last = 0;
    for (const entry of await files.list(directory)) {
      const number = /^(\d{9})\.jsonl$/.exec(entry)?.[1];
      if (number !== undefined) last = Math.max(last, Number(number));
    }
    return last;
  };
  const readParts = async (count: number): Promise<string[]> => {
    const parts: string[] = [];
    for (let epoch = 1; epoch <= count; epoch += 1) {
      try {
        parts.push(await files.read(join(directory, name(epoch))));
      } catch (error) {
        throw new AbortError('ledger.corrupt', `part ${epoch} can't be read: restore it before anything is released`, {
          cause: error,
        });
      }
    }
    return parts;
  };
  return {
    read: async () => {
      await inDirectory(directory, files.prepare(directory));
      return readParts(await inDirectory(directory, latest()));
    },
    open: async () => {
      await inDirectory(directory, files.prepare(directory));
      for (;;) {
        const epoch = (await inDirectory(directory, latest())) + 1;
        const file = await inDirectory(directory, files.create(join(directory, name(epoch))));
        if (file === undefined) continue; // another process was faster
        try {
          await files.syncDirectory(directory);
          const parts = await readParts(epoch - 1);
          return { epoch, parts, writer: writerOf(file, async () => (await latest()) > epoch) };
        } catch (error) {
          await file.close();
          throw error;
        }
      }
    },
  };
}

function writerOf(file: LedgerFile, isFenced: () => Promise<boolean>): LedgerWriter {
  let broken = false;
  return {
    append: async (line) => {
      if (broken) throw new AbortError('ledger.broken', 'a write failed before: open the ledger again');
      broken = true; // until this line is known to be there
      await file.write(`${line}\n`);
      await file.sync();
      if (await isFenced()) throw fenced();
      broken = false;
    },
    close: () => file.close(),
  };
}
