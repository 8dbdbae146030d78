// Compiles src to dist (what is published), then bench and examples, which use it as any package would, to build.
import { chmodSync, rmSync } from 'node:fs';
import { root, run } from './run.mjs';

for (const folder of ['dist', 'build']) rmSync(`${root}${folder}`, { recursive: true, force: true });
for (const project of ['tsconfig.build.json', 'tsconfig.tools.json']) {
  const { code } = await run('tsc', ['-p', project], { inherit: true });
  if (code !== 0) process.exit(code);
}
// npm does so for packages that it installs; `npx veilsum` in this folder needs it too.
chmodSync(`${root}dist/cli/main.js`, 0o755);
