// Compiles the WebAssembly kernels: each src/kernels/assembly/NAME.ts (AssemblyScript; names that start with `_` are
// shared parts) becomes src/kernels/NAME.wasm.ts, the module in base64. The same source gives the same bytes on every
// machine, so the generated files are committed and CI only compares.
//
//   node scripts/build-kernels.mjs [--check] [NAME...]
//
// Without names: all kernels. `--check` writes nothing and exits 1 if a committed file differs from its source.

import { readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import asc from 'assemblyscript/asc';

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const sources = 'src/kernels/assembly';
const flags = ['-O3', '--enable', 'simd', '--runtime', 'stub', '--noAssert', '--use', 'abort='];

/** The bytes of one kernel. Its memory is as large as the static data it reserves with `memory.data`. */
async function compile(name) {
  let binary;
  const { error, stderr } = await asc.main([`${sources}/${name}.ts`, ...flags, '--outFile', `${name}.wasm`], {
    readFile: (file, base) => readFile(path.resolve(root, base, file), 'utf8').catch(() => null),
    writeFile: (_file, contents) => {
      binary = contents;
    },
    listFiles: () => [],
  });
  if (error || binary === undefined) {
    throw new Error(`${name}: ${error?.message ?? 'no output'}\n${stderr.toString()}`);
  }
  return binary;
}

function moduleText(name, binary) {
  return [
    `// Generated from assembly/${name}.ts by scripts/build-kernels.mjs: run \`npm run kernels\`, don't edit.`,
    '',
    `/** The ${name} kernel: ${binary.length} bytes of WebAssembly in base64. */`,
    `export const wasm =\n  '${Buffer.from(binary).toString('base64')}';`,
    '',
  ].join('\n');
}

async function main(args) {
  const check = args.includes('--check');
  const wanted = args.filter((argument) => !argument.startsWith('--'));
  const all = (await readdir(path.join(root, sources)))
    .filter((file) => file.endsWith('.ts') && !file.endsWith('.d.ts') && !file.startsWith('_'))
    .map((file) => file.slice(0, -3))
    .sort();
  const unknown = wanted.filter((name) => !all.includes(name));
  if (unknown.length > 0) throw new Error(`no such kernel: ${unknown.join(', ')}; there are ${all.join(', ')}`);

  const stale = [];
  for (const name of wanted.length > 0 ? wanted : all) {
    const binary = await compile(name);
    const text = moduleText(name, binary);
    const target = path.join(root, 'src/kernels', `${name}.wasm.ts`);
    if ((await readFile(target, 'utf8').catch(() => undefined)) === text) continue;
    stale.push(name);
    if (check) continue;
    await writeFile(target, text);
    console.log(`${name}: ${binary.length} bytes`);
  }
  if (check && stale.length > 0) {
    console.error(`kernels differ from their sources: ${stale.join(', ')}; run \`npm run kernels\``);
    process.exitCode = 1;
  }
}

await main(process.argv.slice(2));
