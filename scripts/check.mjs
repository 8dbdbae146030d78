// Everything that can be said about the code without running its tests. Two steps at a time, one line each; what a
// step prints is shown only if it fails.
import { run } from './run.mjs';

/** Steps of one stage run side by side; later stages need earlier ones. */
const stages = [
  [
    ['build', 'node', ['scripts/build.mjs']],
    ['lint and format', 'biome', ['check', '--error-on-warnings', '.']],
    ['width of comments', 'node', ['scripts/comment-width.mjs']],
  ],
  [
    ['types, tests and tools', 'tsc', ['-p', 'tsconfig.json']],
    ['types, browser folders', 'tsc', ['-p', 'tsconfig.browser.json']],
    ['import direction', 'depcruise', ['--config', '.dependency-cruiser.mjs', 'src']],
    ['unused code', 'knip', []],
    ['plan rules in the docs', 'node', ['scripts/plan-docs.mjs', '--check']],
    ['kernels are reproducible', 'node', ['scripts/build-kernels.mjs', '--check']],
    ['figures are current', 'node', ['scripts/robust-figures.mjs', '--check']],
    ['spec is generated', 'node', ['scripts/spec.mjs', '--check']],
    ['vectors are regenerated', 'node', ['build/tools/vectors/main.js', '--check']],
    ['package lint', 'publint', ['--strict']],
    ['package types', 'attw', ['--pack', '.', '--profile', 'esm-only', '--no-emoji']],
    ['bundle size', 'size-limit', []],
  ],
];

/** Else a step that packs the package would build it anew under those that read it. */
const packAsBuilt = { npm_config_ignore_scripts: 'true' };

let failed = 0;
for (const stage of stages) {
  const waiting = [...stage];
  const worker = async () => {
    for (let step = waiting.shift(); step !== undefined; step = waiting.shift()) {
      const [name, command, args] = step;
      const { code, output, seconds } = await run(command, args, { env: packAsBuilt });
      console.log(`${code === 0 ? 'ok    ' : 'FAILED'} ${name.padEnd(26)} ${seconds.toFixed(1).padStart(5)} s`);
      if (code !== 0) {
        failed += 1;
        console.log(output.replace(/^/gm, '       '));
      }
    }
  };
  await Promise.all([worker(), worker()]);
  if (failed > 0) break;
}
process.exit(failed === 0 ? 0 : 1);
