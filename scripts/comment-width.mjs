// Biome wraps code at 120 columns and leaves comments alone: no comment is wider than the code around it.
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { root } from './run.mjs';

const width = 120;
const wide = [];
for (const folder of ['src', 'test', 'bench', 'tools', 'examples', 'scripts'])
  for (const file of await readdir(join(root, folder), { recursive: true })) {
    if (!/\.(ts|mjs)$/.test(file)) continue;
    const lines = (await readFile(join(root, folder, file), 'utf8')).split('\n');
    lines.forEach((line, i) => {
      if (line.length > width && /^\s*(\/\/|\/?\*)/.test(line)) wide.push(`${folder}/${file}:${i + 1}`);
    });
  }
if (wide.length > 0) {
  console.error(`comments wider than ${width} columns:\n${wide.join('\n')}`);
  process.exit(1);
}
