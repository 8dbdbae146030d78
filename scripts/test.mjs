// Builds, since the end-to-end tests run the package as its users do, then runs the tests and closes with a line that
// counts them. --nightly adds the slow ones; other arguments go to vitest.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { run } from './run.mjs';

const nightly = process.argv.includes('--nightly');
const rest = process.argv.slice(2).filter((argument) => argument !== '--nightly');

const build = await run('node', ['scripts/build.mjs'], { inherit: true });
if (build.code !== 0) process.exit(build.code);

const folder = mkdtempSync(join(tmpdir(), 'veilsum-test-'));
const report = join(folder, 'report.json');
const { code } = await run(
  'vitest',
  ['run', '--reporter=default', '--reporter=json', `--outputFile.json=${report}`, ...rest],
  { inherit: true, env: nightly ? { VEILSUM_NIGHTLY: '1' } : {} },
);
const counts = JSON.parse(readFileSync(report, 'utf8'));
rmSync(folder, { recursive: true });
const skipped = counts.numPendingTests + counts.numTodoTests;
// A file that fails to load has no failed test; it must not look like success.
const failed = Math.max(counts.numFailedTests, code === 0 ? 0 : 1);
console.log(`tests: ${counts.numPassedTests} passed, ${failed} failed, ${skipped} skipped`);
process.exit(code);
