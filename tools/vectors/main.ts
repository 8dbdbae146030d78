/**
 * Writes protocol-spec/vectors anew; with --check it compares instead and fails where a file differs, is missing or is
 * too many.
 */
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { decodeUnmask } from '#veilsum/secagg/messages/unmask.js';
import { codecFiles } from './codec.js';
import { toText, type VectorFile } from './files.js';
import { tagOf } from './forge.js';
import { negativeFile } from './negative.js';
import { clientFaults } from './negative-client.js';
import { rosterFaults } from './negative-roster.js';
import { serverFaults } from './negative-server.js';
import { cryptoFiles } from './primitives.js';
import { cohortFiles } from './primitives-cohort.js';
import { encodingFiles } from './primitives-encoding.js';
import { clientReplay, serverReplay } from './replays.js';
import { scenarios } from './scenarios.js';
import { lowOrderMaskKey, serverScripts } from './scripts.js';
import { sessionFile } from './sessions.js';
import { type Play, play, type Scenario } from './stage.js';

/** Compiled to build/tools/vectors, so three folders up is build. */
const folder = fileURLToPath(new URL('../../../protocol-spec/vectors/', import.meta.url));

/** Written by hand, not generated. */
const byHand: readonly string[] = ['LICENSE', 'schema.json'];

const bases: readonly Scenario[] = [
  { name: 'base complete', about: '', covers: [], clients: 4, degree: 3, threshold: 3 },
  { name: 'base sparse', about: '', covers: [], clients: 9, degree: 4, threshold: 2 },
  { name: 'base full', about: '', covers: [], clients: 4, degree: 3, threshold: 3, maxClients: 4 },
  {
    name: 'base dropouts',
    about: '',
    covers: [],
    clients: 6,
    degree: 5,
    threshold: 3,
    drops: { 4: 'share', 5: 'input' },
  },
  {
    name: 'base odd ring',
    about: '',
    covers: [],
    clients: 4,
    degree: 3,
    threshold: 3,
    ringBits: 13,
    vectorLength: 5,
  },
];

/** Clients whose part of a session is a replay of its own. */
const replayed: Readonly<Record<string, readonly string[]>> = {
  'no dropout, suite 1': ['client 0'],
  'no dropout, suite 2': ['client 3'],
  'semi-honest': ['client 1'],
  'dropout at share, suite 1': ['client 0'],
  'dropout at input, suite 2': ['client 2'],
  'dropout at unmask, suite 1': ['client 4'],
  'one below the threshold at share': ['client 2'],
  'one below the threshold at input': ['client 1'],
  'sparse graph': ['client 5'],
  'sparse graph, suite 2': ['client 0'],
  'wrap boundary, 8 bits': ['client 1'],
  'wrap boundary, 32 bits': ['client 1'],
  'odd ring, 13 bits': ['client 0'],
  'application seeds': ['client 4'],
};

/** Who was dealt the damaged share, and so reveals nothing of its dealer. */
function dealtBadShare(base: Play): string {
  const unmasked = base.operations.find(
    (operation) =>
      'from' in operation &&
      operation.phase === 'unmask' &&
      operation.messages.some((message) =>
        decodeUnmask(tagOf(base.context), message).some(({ kind }) => kind === 'nothing'),
      ),
  );
  if (unmasked === undefined || !('from' in unmasked)) throw new Error('nobody reveals nothing');
  return unmasked.from;
}

const servers: readonly string[] = [
  'no dropout, suite 1',
  'dropout at input, suite 1',
  'sparse graph',
  'application seeds',
  'a wrong seed share is corrected',
  'one below the threshold at unmask',
];

async function files(): Promise<readonly VectorFile[]> {
  const plays = await Promise.all((await scenarios()).map(play));
  const [complete, sparse, full, dropouts, odd] = (await Promise.all(bases.map(play))) as [
    Play,
    Play,
    Play,
    Play,
    Play,
  ];
  const named = (name: string): Play => {
    const found = plays.find(({ scenario }) => scenario.name === name);
    if (found === undefined) throw new Error(`no session ${name}`);
    return found;
  };
  const replays = Object.entries(replayed).flatMap(([name, clients]) =>
    clients.map((client) => clientReplay(named(name), client)),
  );
  const unopened = named('a sealed share that does not open');
  const dealtBad = clientReplay(unopened, dealtBadShare(unopened));
  const baseReplays = [complete, sparse, full, dropouts].map((base) => clientReplay(base, 'client 0'));
  const [completePath = '', sparsePath = '', fullPath = '', dropoutsPath = ''] = baseReplays.map(({ path }) => path);
  const serverReplays = servers.map((name) => serverReplay(named(name)));
  const serverBases = [complete, dropouts, odd].map((base) => serverReplay(base));
  const at = (base: Play, path: string) => ({ play: base, name: 'client 0', path });
  const faults = [
    await lowOrderMaskKey(at(complete, completePath)),
    ...(await clientFaults({
      complete: at(complete, completePath),
      shareDropout: at(dropouts, dropoutsPath),
      inputDropout: at(dropouts, dropoutsPath),
    })),
    ...(await rosterFaults({
      complete: at(complete, completePath),
      sparse: at(sparse, sparsePath),
      full: at(full, fullPath),
    })),
    ...(await serverFaults({
      complete: { play: complete, path: serverBases[0]?.path ?? '' },
      dropouts: { play: dropouts, path: serverBases[1]?.path ?? '' },
      odd: { play: odd, path: serverBases[2]?.path ?? '' },
      gone: { share: 'client 4', input: 'client 5' },
    })),
  ];
  const made = [
    ...(await cryptoFiles()),
    ...cohortFiles(),
    ...encodingFiles(),
    ...codecFiles(),
    ...replays,
    dealtBad,
    ...baseReplays,
    ...serverReplays,
    ...(await serverScripts(complete)),
    ...serverBases,
    ...plays.map(sessionFile),
    ...faults.map(negativeFile),
  ];
  const paths = new Set(made.map(({ path }) => path));
  if (paths.size !== made.length) {
    const twice = made.filter(({ path }, i) => made.findIndex((one) => one.path === path) !== i);
    throw new Error(`two vectors in one file: ${twice.map(({ path }) => path).join(', ')}`);
  }
  return made;
}

function manifest(texts: ReadonlyMap<string, string>, made: readonly VectorFile[]): string {
  const list = made.map(({ path, content }) => ({
    path,
    kind: content.kind,
    covers: content.covers,
    sha256: createHash('sha256')
      .update(texts.get(path) ?? '')
      .digest('hex'),
  }));
  const count = (negative: boolean): number =>
    made.filter(({ content }) => (content.kind === 'negative') === negative).length;
  const head = { protocol: 'veilsum', version: 1, positive: count(false), negative: count(true) };
  return `${toText({ ...head, files: list })}\n`;
}

function present(at: string = folder): readonly string[] {
  return readdirSync(at, { withFileTypes: true }).flatMap((entry) =>
    entry.isDirectory() ? present(join(at, entry.name)) : [relative(folder, join(at, entry.name))],
  );
}

const made = await files();
const texts = new Map(made.map(({ path, content }) => [path, `${toText(content)}\n`]));
texts.set('manifest.json', manifest(texts, made));
const old = present().filter((path) => !byHand.includes(path));
if (process.argv.includes('--check')) {
  const differs = [...texts].filter(
    ([path, text]) => !old.includes(path) || readFileSync(join(folder, path), 'utf8') !== text,
  );
  const extra = old.filter((path) => !texts.has(path));
  for (const [path] of differs) console.log(`${path} isn't what the code gives`);
  for (const path of extra) console.log(`${path} isn't made by the code`);
  if (differs.length + extra.length > 0) {
    console.log('run npm run vectors, look at what changed, and mark wire breaks in protocol-spec/CHANGELOG.md');
    process.exit(1);
  }
} else {
  for (const path of old) rmSync(join(folder, path));
  for (const [path, text] of texts) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
  const bytes = [...texts.values()].reduce((sum, text) => sum + text.length, 0);
  console.log(`${texts.size} files, ${(bytes / 2 ** 20).toFixed(2)} MiB`);
}
