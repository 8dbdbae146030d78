/**
 * Ten clients, one of which drops out, and a server that learns their sum: the protocol by itself, without a network.
 */
import {
  ClientSession,
  createContext,
  createIdentity,
  createKeyPair,
  plainVector,
  ServerSession,
} from 'veilsum/secagg';

const time = 0;
const authority = await createKeyPair();
const { context, privateKey } = await createContext({
  task: 'count',
  vectorLength: 3,
  ringBits: 16,
  maxClients: 10,
  authority: authority.publicKey,
});
const assumptions = { corrupt: 0.1, dropout: 0.1 };
const server = new ServerSession({ context, privateKey, assumptions, time });
const clients = new Map<string, ClientSession>();

for (const name of 'ABCDEFGHIJ') {
  const identity = await createIdentity({ authority, validUntil: 3600 });
  const client = new ClientSession({ context, identity, authority: authority.publicKey, time });
  clients.set(name, client);
  await server.receive(name, await client.start());
}

while (server.state !== 'done')
  for (const { to, message } of await server.close()) {
    const client = clients.get(to);
    const step = await client?.receive(message);
    if (step?.kind === 'send') await server.receive(to, step.message);
    if (step?.kind === 'submit' && to !== 'J')
      for (const part of (await client?.submit(plainVector(16, [1, 10, 100]))) ?? []) await server.receive(to, part);
  }

console.log(`sum of ${server.result?.survivors.length} inputs:`, [...(server.result?.sum.lanes ?? [])]);
