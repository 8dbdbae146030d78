import { rm } from 'node:fs/promises';
import { Command } from 'commander';
import { wipe } from '../core/bytes.js';
import { createIdentity, createKeyPair, encodeIdentity } from '../secagg/index.js';
import { integerFrom } from './arguments.js';
import { createFile, keyPairBytes, publicKeyText, readKeyPair, writeSecret } from './files.js';
import { exitCodes } from './report.js';

const secondsOfDay = 86_400;

async function authorityKeys({ out }: { readonly out: string }): Promise<void> {
  const pair = await createKeyPair();
  await writeSecret(`${out}.key`, keyPairBytes(pair));
  wipe(pair.privateKey);
  try {
    await createFile(`${out}.pub`, publicKeyText(pair.publicKey));
  } catch (error) {
    // A key by itself would stand in the way of the next try.
    await rm(`${out}.key`);
    throw error;
  }
  console.log(`${out}.key  keep it secret: it decides who is a client`);
  console.log(`${out}.pub  give it to the server and to every client`);
}

interface ClientKeysOptions {
  readonly authority: string;
  readonly out: string;
  readonly days: number;
}

async function clientKeys({ authority, out, days }: ClientKeysOptions): Promise<void> {
  const validUntil = Math.floor(Date.now() / 1000) + days * secondsOfDay;
  const identity = await createIdentity({ authority: await readKeyPair(authority), validUntil });
  await writeSecret(out, encodeIdentity(identity));
  wipe(identity.privateKey);
  console.log(`${out}  the client's secret identity, good for ${days} days`);
}

export function keysCommand(): Command {
  const keys = new Command('keys').description('make the keys of an enrolment authority and of clients');
  keys
    .command('authority')
    .description('make the key pair of an enrolment authority, which says who is a client')
    .option('--out <path>', 'write <path>.key (secret, mode 0600) and <path>.pub', 'authority')
    .action(authorityKeys);
  keys
    .command('client')
    .description("make a client's key and have the authority certify it")
    .requiredOption('--authority <file>', "the authority's secret key file, authority.key")
    .requiredOption('--out <file>', "file for the client's identity (secret, mode 0600)")
    .option('--days <n>', 'days that the certificate is good for, 1 to 36500', integerFrom(1, 36_500), 365)
    .action(clientKeys);
  for (const command of keys.commands) command.addHelpText('after', exitCodes);
  return keys;
}
