/** Runs federations in threads, and keeps their results: a benchmark that was cut short goes on where it was. */
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import type { RunResult, RunSpec } from './run.js';
import type { Answer } from './worker.js';

const root = new URL('../../../', import.meta.url);
const folder = new URL('node_modules/.cache/veilsum-learning/', root);
/** What results depend on. Change it, and they are made anew. */
const sources = [
  ...['compression', 'optimizers', 'partition', 'training'].map((name) => `dist/fl/${name}/`),
  'dist/ring/',
  ...['channel', 'data', 'federation', 'range', 'setting', 'upload-bytes'].map(
    (name) => `build/bench/learning/${name}.js`,
  ),
];

export interface PoolOptions {
  readonly threads: number;
  /** Where Fashion-MNIST is, if not where Debian puts it. */
  readonly fashion: string | undefined;
  /** Don't take results that are kept. */
  readonly fresh: boolean;
}

export class Pool {
  readonly #options: PoolOptions;
  readonly #code = codeHash();
  #started = 0;
  readonly #idle: Worker[] = [];
  readonly #waiting: ((worker: Worker) => void)[] = [];
  readonly #running = new Map<string, Promise<RunResult>>();

  constructor(options: PoolOptions) {
    this.#options = options;
    mkdirSync(folder, { recursive: true });
  }

  /** The same run asked for twice is run once. */
  run(spec: RunSpec): Promise<RunResult> {
    const key = createHash('sha256').update(this.#code).update(JSON.stringify(spec)).digest('hex').slice(0, 32);
    const running = this.#running.get(key) ?? this.#runOrRead(key, spec);
    this.#running.set(key, running);
    return running;
  }

  async close(): Promise<void> {
    await Promise.all(this.#idle.map((worker) => worker.terminate()));
  }

  async #runOrRead(key: string, spec: RunSpec): Promise<RunResult> {
    const file = new URL(`${key}.json`, folder);
    if (!this.#options.fresh) {
      const kept = readIfThere(file);
      if (kept !== undefined) return JSON.parse(kept) as RunResult;
    }
    const worker =
      this.#idle.pop() ?? this.#start() ?? (await new Promise<Worker>((resolve) => this.#waiting.push(resolve)));
    const answer = await ask(worker, spec);
    const next = this.#waiting.shift();
    if (next === undefined) this.#idle.push(worker);
    else next(worker);
    if ('error' in answer) throw new Error(answer.error);
    writeFileSync(file, JSON.stringify(answer.result));
    return answer.result;
  }

  /** One more thread, while there may be more: what is kept needs none. */
  #start(): Worker | undefined {
    if (this.#started === this.#options.threads) return undefined;
    this.#started += 1;
    return new Worker(new URL('./worker.js', import.meta.url), { workerData: { fashion: this.#options.fashion } });
  }
}

function ask(worker: Worker, spec: RunSpec): Promise<Answer> {
  return new Promise((resolve, reject) => {
    worker.once('error', reject);
    worker.once('message', (answer: Answer) => {
      worker.off('error', reject);
      resolve(answer);
    });
    worker.postMessage(spec);
  });
}

function readIfThere(file: URL): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}

function codeHash(): Buffer {
  const hash = createHash('sha256');
  for (const source of sources) {
    const path = fileURLToPath(new URL(source, root));
    const files = source.endsWith('.js')
      ? ['']
      : readdirSync(path)
          .filter((file) => file.endsWith('.js'))
          .sort();
    for (const file of files) hash.update(file).update(readFileSync(`${path}${file}`));
  }
  return hash.digest();
}
