// Runs the tests on other versions of Node. The npm package `node` of each version brings the binary.
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { root, run } from './run.mjs';

const versions = process.argv.length > 2 ? process.argv.slice(2) : ['22', '24', '26'];
let failed = 0;
for (const version of versions) {
  const folder = join(root, 'build', `node-${version}`);
  mkdirSync(folder, { recursive: true });
  const install = await run('npm', [
    'install',
    '--prefix',
    folder,
    '--no-save',
    '--no-package-lock',
    `node@${version}`,
  ]);
  if (install.code !== 0) {
    console.error(install.output);
    process.exit(1);
  }
  const binaries = join(folder, 'node_modules', 'node', 'bin');
  const env = { PATH: `${binaries}:${root}node_modules/.bin:${process.env.PATH}` };
  const { output } = await run('node', ['--version'], { env });
  console.log(`\nNode ${output.trim()}`);
  const { code } = await run('vitest', ['run'], { inherit: true, env });
  if (code !== 0) failed += 1;
  rmSync(folder, { recursive: true });
}
console.log(
  failed === 0 ? `\nok on Node ${versions.join(', ')}` : `\nfailed on ${failed} of ${versions.length} versions`,
);
process.exit(failed === 0 ? 0 : 1);
