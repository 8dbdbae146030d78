import { fromHex } from '../../src/core/bytes.js';
import { nobleProvider } from '../../src/crypto/provider/noble.js';
import { webProvider } from '../../src/crypto/provider/web.js';
import { type ClientPolicy, decodeIdentity, join, type RoundOutcome } from '../../src/index.js';
import { primitives } from '../crypto/provider/primitives.js';

export interface BrowserClient {
  readonly url: string;
  /** Hexadecimal, as it comes from another process. */
  readonly identity: string;
  readonly authority: string;
  readonly policy: Partial<ClientPolicy>;
  /** The update's values, or one for all of them. */
  readonly update: readonly number[] | number;
  readonly weight: number;
  /** Leaves the page's connection before this phase. */
  readonly vanishAt?: string;
}

export interface BrowserResult {
  readonly outcomes: readonly RoundOutcome[];
  readonly error: string;
  /** Longest time in which the page could not react, in milliseconds. */
  readonly longestPause: number;
}

async function takePart(client: BrowserClient): Promise<BrowserResult> {
  const { url, policy, update, weight, vanishAt } = client;
  const outcomes: RoundOutcome[] = [];
  const controller = new AbortController();
  let longestPause = 0;
  let last = performance.now();
  const pulse = setInterval(() => {
    const now = performance.now();
    longestPause = Math.max(longestPause, now - last);
    last = now;
  }, 10);
  try {
    const rounds = join(url, {
      identity: decodeIdentity(fromHex(client.identity)),
      authority: fromHex(client.authority),
      policy,
      signal: controller.signal,
      onPhase: (phase) => {
        if (phase === vanishAt) controller.abort(new Error('gone'));
      },
    });
    for await (const round of rounds) {
      const values = typeof update === 'number' ? round.model.fill(update) : Float32Array.from(update);
      outcomes.push(await round.submit(values, { weight }));
    }
    return { outcomes, error: '', longestPause };
  } catch (error) {
    return { outcomes, error: String(error), longestPause };
  } finally {
    clearInterval(pulse);
  }
}

async function primitivesOf(name: 'noble' | 'web'): Promise<Record<string, string>> {
  return primitives(name === 'noble' ? nobleProvider : webProvider);
}

/** What tests call in the page. */
export interface PageApi {
  readonly takePart: typeof takePart;
  readonly primitives: typeof primitivesOf;
  /** Whether WebCrypto has the curves, so that the web provider is really tested. */
  readonly curves: () => Promise<boolean>;
}

const api: PageApi = {
  takePart,
  primitives: primitivesOf,
  curves: async () => {
    try {
      await crypto.subtle.generateKey('X25519', false, ['deriveBits']);
      await crypto.subtle.generateKey('Ed25519', false, ['sign']);
      return true;
    } catch {
      return false;
    }
  },
};
Object.assign(window, { veilsum: api });
