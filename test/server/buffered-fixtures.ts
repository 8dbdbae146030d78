import { type Plan, type SchedulePlan, stalenessWeight } from '../../src/fl/index.js';
import type { Identity } from '../../src/secagg/index.js';
import type { RoundResult, Server } from '../../src/server/index.js';
import {
  dimension,
  newIdentity,
  planOf,
  range,
  startServer,
  type Taken,
  type TestClient,
  type TestServerOptions,
  takePart,
  updateOf,
} from './fixtures.js';

export type Buffered = Extract<SchedulePlan, { readonly kind: 'buffered' }>;
/** FedBuff's weights. */
export const sqrt: Buffered['staleness'] = { kind: 'polynomial', exponent: 0.5 };

export function bufferedPlan(schedule: Partial<Buffered> = {}, overrides: object = {}): Plan {
  return planOf({ schedule: { kind: 'buffered', bufferSize: 4, ...schedule }, ...overrides });
}

export function startBuffered(plan: Plan, { task, ...options }: TestServerOptions = {}): Promise<Server> {
  const { schedule } = plan;
  const size = schedule.kind === 'buffered' ? schedule.bufferSize : 4;
  return startServer({ ...options, task: { plan, clients: { min: Math.min(3, size), max: 8 }, ...task } });
}

/** Opens once. */
export class Gate {
  open: () => void = () => undefined;
  readonly opened: Promise<void> = new Promise<void>((resolve) => {
    this.open = resolve;
  });
}

/** Clients with identities that results can be looked up by. */
export class Crowd {
  readonly #byKey = new Map<string, { readonly i: number; readonly weight: number }>();
  readonly identities: readonly Identity[];
  readonly #url: string;

  constructor(url: string, identities: readonly Identity[]) {
    this.#url = url;
    this.identities = identities;
    for (const [i, { certificate }] of identities.entries())
      this.#byKey.set(Buffer.from(certificate.identityKey).toString('hex'), { i, weight: i + 1 });
  }

  static async of(url: string, count: number): Promise<Crowd> {
    return new Crowd(url, await Promise.all(range(count).map(() => newIdentity())));
  }

  join(i: number, more: Partial<TestClient> = {}): Promise<Taken> {
    const identity = this.identities[i];
    return takePart(this.#url, { i, ...(identity === undefined ? {} : { identity }), ...more });
  }

  numbers(keys: readonly string[]): number[] {
    return keys.map((key) => this.#byKey.get(key)?.i ?? -1);
  }

  /** What the model is after these results, from the clients' updates, weights and versions alone. */
  replay(
    results: readonly RoundResult[],
    staleness: Buffered['staleness'] = sqrt,
    from = new Float64Array(dimension),
  ): number[] {
    const model = [...from];
    for (const { cohorts } of results)
      for (const { clients, versions } of cohorts) {
        if (versions === undefined) throw new Error('a buffer without versions');
        const { trained, formed, applied } = versions;
        const late = stalenessWeight(staleness, applied - formed);
        const parts = this.numbers(clients).map((i, k) => ({
          update: updateOf(i),
          weight: i + 1,
          fresh: stalenessWeight(staleness, formed - (trained[k] ?? 0)),
        }));
        const total = parts.reduce((sum, { weight }) => sum + weight, 0);
        for (let j = 0; j < dimension; j += 1) {
          const sum = parts.reduce((all, { update, weight, fresh }) => all + (update[j] ?? 0) * weight * fresh, 0);
          model[j] = (model[j] ?? 0) + (late * sum) / total;
        }
      }
    return model;
  }
}

/** Until there are so many results, or the server is gone. */
export async function until(results: { readonly length: number }, count: number, signal?: AbortSignal): Promise<void> {
  while (results.length < count && signal?.aborted !== true) await new Promise((resolve) => setTimeout(resolve, 5));
}

/** The rounds of a server, as they come; it is closed after the last. */
export async function collect(server: Server, results: RoundResult[]): Promise<void> {
  try {
    for await (const result of server.rounds()) results.push(result);
  } finally {
    await server.close();
  }
}
