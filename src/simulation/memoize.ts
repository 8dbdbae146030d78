import { equalBytes, lookupKey } from '../core/bytes.js';
import { checkInteger } from '../core/check.js';
import type { CryptoProvider, SignatureCheck } from '../crypto/provider/provider.js';
import { type Seed, seededRandom } from './random.js';

/** `provider` with randomness that a seed gives: the same bytes in each run. For simulations and tests only. */
export function seededProvider(provider: CryptoProvider, seed: Seed, purpose: string): CryptoProvider {
  return { ...provider, randomBytes: seededRandom(seed, purpose) };
}

export interface MemoryOptions {
  /** Results of each kind that are kept at least; at most twice as many are. 2^18 unless given. */
  readonly entries?: number;
}

/**
 * `provider` with a memory. Where a whole cohort runs in one process, each advertisement is verified by all its
 * neighbors, and both ends of a pair, and the server for a dropout, compute the same X25519 secret: each is computed
 * once here.
 *
 * For simulations only: a client that looks up what another one computed keeps other clients' secrets in its memory,
 * and its time tells which. Memory is bounded: about 300 bytes an entry.
 *
 * @throws UsageError `usage.range`
 */
export function memoizingProvider(provider: CryptoProvider, options: MemoryOptions = {}): CryptoProvider {
  const entries = checkInteger('entries', options.entries ?? 2 ** 18, 1, 2 ** 24);
  const publicKeys = new Memory<Uint8Array>(entries);
  const secrets = new Memory<Uint8Array | null>(entries);
  const signatures = new Memory<Uint8Array>(entries);
  const verdicts = new Memory<Verdict>(entries);

  const remembered = async (
    memory: Memory<Uint8Array>,
    id: string,
    compute: () => Promise<Uint8Array>,
  ): Promise<Uint8Array> => {
    const known = memory.get(id) ?? (await compute());
    memory.set(id, known);
    // A copy, since callers may wipe what they get.
    return known.slice();
  };

  const agreementPublicKey = (privateKey: Uint8Array): Promise<Uint8Array> =>
    remembered(publicKeys, `agreement ${lookupKey(privateKey)}`, () => provider.agreementPublicKey(privateKey));

  return {
    ...provider,
    agreementPublicKey,
    signaturePublicKey: (privateKey) =>
      remembered(publicKeys, `signature ${lookupKey(privateKey)}`, () => provider.signaturePublicKey(privateKey)),
    // Ed25519 is deterministic, so one key and one message have one signature.
    sign: (privateKey, message) =>
      remembered(signatures, lookupKey(privateKey) + lookupKey(message), () => provider.sign(privateKey, message)),
    agree: async (privateKey, others) => {
      const own = lookupKey(await agreementPublicKey(privateKey));
      const found = await throughMemory(secrets, {
        items: others,
        idOf: (other) => pairOf(own, lookupKey(other)),
        compute: async (unknown) =>
          (await provider.agree(privateKey, unknown)).map((secret) => secret?.slice() ?? null),
      });
      return found.map((secret) => secret?.slice());
    },
    verify: async (checks) => {
      const known = checks.map((check) => verdicts.get(lookupKey(check.signature)));
      const same = known.map((verdict, i) => verdict !== undefined && isSame(verdict.check, checks[i]));
      const unknown = checks.filter((_, i) => same[i] !== true);
      const fresh = unknown.length === 0 ? [] : await provider.verify(unknown);
      unknown.forEach((check, i) => {
        verdicts.set(lookupKey(check.signature), { check, holds: fresh[i] === true });
      });
      let next = 0;
      return checks.map((_, i) => (same[i] === true ? known[i]?.holds === true : fresh[next++] === true));
    },
  };
}

/** What came of a check; one is remembered for each signature. */
interface Verdict {
  readonly check: SignatureCheck;
  readonly holds: boolean;
}

function isSame(a: SignatureCheck, b: SignatureCheck | undefined): boolean {
  return b !== undefined && equalBytes(a.publicKey, b.publicKey) && equalBytes(a.message, b.message);
}

interface Lookup<Item, Value> {
  readonly items: readonly Item[];
  readonly idOf: (item: Item) => string;
  readonly compute: (unknown: readonly Item[]) => Promise<readonly Value[]>;
}

/** The value of each item, in order; those that memory lacks are computed in one batch and kept. */
async function throughMemory<Item, Value>(
  memory: Memory<Value>,
  { items, idOf, compute }: Lookup<Item, Value>,
): Promise<Value[]> {
  const ids = items.map(idOf);
  const known = ids.map((id) => memory.get(id));
  const fresh = known.includes(undefined) ? await compute(items.filter((_, i) => known[i] === undefined)) : [];
  let next = 0;
  return ids.map((id, i) => {
    const found = known[i];
    // `compute` gives as many values as it is asked for.
    const value = found === undefined ? (fresh[next++] as Value) : found;
    memory.set(id, value);
    return value;
  });
}

/** One name for both ends of a pair. */
function pairOf(a: string, b: string): string {
  return a < b ? a + b : b + a;
}

/** A map that forgets: when the newer generation is full, the older one goes. What is used again stays. */
class Memory<Value> {
  readonly #entries: number;
  #newer = new Map<string, Value>();
  #older = new Map<string, Value>();

  constructor(entries: number) {
    this.#entries = entries;
  }

  get(key: string): Value | undefined {
    const value = this.#newer.get(key);
    return value === undefined ? this.#older.get(key) : value;
  }

  set(key: string, value: Value): void {
    if (this.#newer.has(key)) return;
    if (this.#newer.size >= this.#entries) {
      this.#older = this.#newer;
      this.#newer = new Map();
    }
    this.#newer.set(key, value);
  }
}
