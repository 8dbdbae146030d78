import { defaultProvider } from '#provider';
import { checkBytes, checkOptions } from '../core/check.js';
import type { CryptoProvider } from '../crypto/provider/provider.js';
import { checkContext, type SessionContext } from './context.js';

/** A context's own fields, with the plan and the model themselves where the context holds their hashes. */
export interface ContextOptions extends Partial<Pick<SessionContext, 'suite' | 'threat' | 'round' | 'releaseAt'>> {
  readonly task: string;
  readonly vectorLength: number;
  readonly ringBits: number;
  readonly maxClients: number;
  readonly authority: Uint8Array;
  /** The plan's exact bytes; none unless given. */
  readonly plan?: Uint8Array;
  /** The global model's exact bytes; none unless given. */
  readonly model?: Uint8Array;
}

/**
 * A session's context, and the server's private key of that session: `ServerSession` takes both, clients the context.
 */
export interface NewContext {
  readonly context: SessionContext;
  /** X25519, 32 bytes, the secret behind `context.serverKey`. */
  readonly privateKey: Uint8Array;
}

/**
 * The context of a new session, under a fresh random id and server key: suite 1, threat `malicious`, round 0 and no
 * application seeds unless given. Servers make contexts; clients get them in an offer.
 *
 * @throws UsageError for a field of wrong type or range
 */
export async function createContext(
  options: ContextOptions,
  provider: CryptoProvider = defaultProvider,
): Promise<NewContext> {
  const { plan = new Uint8Array(), model = new Uint8Array(), ...fields } = checkOptions('options', options);
  const privateKey = provider.randomBytes(32);
  const context = checkContext({
    suite: 1,
    threat: 'malicious',
    round: 0,
    releaseAt: [],
    ...fields,
    session: provider.randomBytes(32),
    serverKey: await provider.agreementPublicKey(privateKey),
    planHash: provider.sha256(checkBytes('plan', plan)),
    modelHash: provider.sha256(checkBytes('model', model)),
  });
  return { context, privateKey };
}
