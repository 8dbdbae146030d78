/** What a masked input costs on the wire, asked of a real session rather than reckoned. */
import {
  ClientSession,
  createContext,
  createIdentity,
  createKeyPair,
  plainVector,
  ServerSession,
} from 'veilsum/secagg';
import { perRound } from './setting.js';

/**
 * Bytes of all messages by which one client uploads `values` values and its weight, masked, in a ring of `ringBits`
 * bits.
 */
export async function maskedInputBytes(ringBits: number, values: number): Promise<number> {
  const authority = await createKeyPair();
  const vectorLength = values + 1;
  const { context, privateKey } = await createContext({
    task: 'bytes',
    vectorLength,
    ringBits,
    maxClients: perRound,
    authority: authority.publicKey,
  });
  const server = new ServerSession({
    context,
    privateKey,
    assumptions: { corrupt: 0.1, dropout: 0.1 },
    time: 0,
  });
  const clients = new Map<string, ClientSession>();
  for (let i = 0; i < perRound; i += 1) {
    const identity = await createIdentity({ authority, validUntil: 3600 });
    const client = new ClientSession({ context, identity, authority: authority.publicKey, time: 0 });
    clients.set(`${i}`, client);
    await server.receive(`${i}`, await client.start());
  }
  for (;;) {
    for (const { to, message } of await server.close()) {
      const client = clients.get(to);
      const step = await client?.receive(message);
      if (step?.kind === 'send') await server.receive(to, step.message);
      if (step?.kind !== 'submit' || client === undefined) continue;
      const input = plainVector(ringBits, new Uint32Array(vectorLength));
      return [...(await client.submit(input))].reduce((sum, part) => sum + part.length, 0);
    }
  }
}
