#!/usr/bin/env node
import { readFile } from 'node:fs/promises';
import { Command } from 'commander';
import { InternalError } from '../core/errors.js';
import { conformanceCommand } from './conformance.js';
import { dpCommand } from './dp.js';
import { joinCommand } from './join.js';
import { keysCommand } from './keys.js';
import { describeError, exitCodeOf } from './report.js';
import { serveCommand } from './serve.js';
import { simulateCommand } from './simulate.js';

/** The package's version: its package.json is two folders up, here and where this is compiled to. */
async function packageVersion(): Promise<string> {
  const found: unknown = JSON.parse(await readFile(new URL('../../package.json', import.meta.url), 'utf8'));
  if (typeof found === 'object' && found !== null && 'version' in found && typeof found.version === 'string')
    return found.version;
  throw new InternalError('internal.version', 'package.json has no version');
}

const program = new Command('veilsum')
  .description('Adds up what many devices know without anyone seeing what one of them knows.')
  .version(await packageVersion(), '-V, --version', 'print the version')
  .addCommand(keysCommand())
  .addCommand(serveCommand())
  .addCommand(joinCommand())
  .addCommand(simulateCommand())
  .addCommand(conformanceCommand())
  .addCommand(dpCommand());

/** Errors of commander are thrown, so that all errors leave by one door. */
function throwing(command: Command): void {
  command.exitOverride();
  for (const child of command.commands) throwing(child);
}

throwing(program);
try {
  await program.parseAsync();
} catch (error) {
  const line = describeError(error);
  if (line !== undefined) console.error(line);
  process.exitCode = exitCodeOf(error);
}
