/** Finished cells, a line each, so that a run that was cut short goes on where it was. */
import { createHash } from 'node:crypto';
import { appendFile, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';

/** A file of lines `key accuracy`. What a key's cell depends on is the caller's business. */
export class CellRecord {
  readonly #path: string;
  readonly #known: ReadonlyMap<string, number>;

  private constructor(path: string, known: ReadonlyMap<string, number>) {
    this.#path = path;
    this.#known = known;
  }

  /** Takes what is there where `resume` is set, else begins anew. */
  static async open(url: URL, resume: boolean): Promise<CellRecord> {
    const path = fileURLToPath(url);
    await mkdir(dirname(path), { recursive: true });
    if (!resume) await rm(path, { force: true });
    const text = resume ? await readFile(path, 'utf8').catch(() => '') : '';
    // A last line that was cut short goes, so that the next cell begins a line.
    const finished = text.slice(0, text.lastIndexOf('\n') + 1);
    if (finished !== text) await writeFile(path, finished);
    const whole = finished.split('\n');
    const known = whole.flatMap((line): [string, number][] => {
      const [key, accuracy] = line.split(' ');
      return key === undefined || accuracy === undefined ? [] : [[key, Number(accuracy)]];
    });
    return new CellRecord(path, new Map(known));
  }

  /** The cell's accuracy as it was, or as `make` gives it now. */
  async get(key: string, make: () => number): Promise<number> {
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const accuracy = make();
    await appendFile(this.#path, `${key} ${accuracy}\n`);
    return accuracy;
  }
}

/** A short name for all that a cell depends on. */
export function keyOf(inputs: unknown): string {
  return createHash('sha256').update(JSON.stringify(inputs)).digest('hex').slice(0, 24);
}
