// Draws docs/robust/*.svg: what each family of rules does to a cloud of points, by running the real rules of the built
// package. `node scripts/robust-figures.mjs` after `npm run build`; with `--check` it only says whether they are
// current.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import * as robust from '../dist/robust/index.js';

const size = 260;
const range = 5; // a panel shows coordinates from -range to range
const seed = (number) => new Uint8Array(16).fill(number);
const place = (value) => (((value + range) / (2 * range)) * size).toFixed(1);
const at = ([x, y]) => [place(x), place(-y)];

/** Points around a center, from the library's own seeded noise. */
const noise = (count, number, sigma, [x, y] = [0, 0]) =>
  robust
    .gaussian({ sigma })
    .craft([new Float64Array(2)], { count, seed: seed(number) })
    .vectors.map((vector) => Float64Array.of(vector[0] + x, vector[1] + y));
const honest = noise(12, 5, 0.8, [-1, -0.5]);
const far = noise(4, 8, 0.3, [3.5, 3.2]);
const near = robust.alie({ tau: 1.5 }).craft(honest, { count: 4 }).vectors;
const split = [...noise(6, 5, 0.4, [-2, -1]), ...noise(6, 6, 0.4, [1, 0.5])];

/** One panel: points, which were kept, and where each rule's result is. */
function panel({ title, points = honest, attackers = far, rules, rings = false, reference, options = {} }) {
  const all = [...points, ...attackers];
  const colors = ['#0b7a3b', '#a05a00', '#6a3fb5'];
  const parts = [`<rect width="${size}" height="${size}" fill="#fff" stroke="#bbb"/>`];
  const results = rules.map(([name, rule]) => ({
    name,
    ...rule.aggregate(all, { seed: seed(1), reference, ...options }),
  }));
  const kept = results[0].verdicts;
  for (const [i, point] of all.entries()) {
    const [x, y] = at(point);
    const color = i < points.length ? '#2b5fb3' : '#c62828';
    parts.push(`<circle cx="${x}" cy="${y}" r="4" fill="${color}" fill-opacity="0.75"/>`);
    if (rings && kept[i].kept) parts.push(`<circle cx="${x}" cy="${y}" r="7" fill="none" stroke="#333"/>`);
  }
  if (reference !== undefined) {
    const [x, y] = at(reference);
    parts.push(`<rect x="${x - 4}" y="${y - 4}" width="8" height="8" fill="none" stroke="#111" stroke-width="2"/>`);
  }
  for (const [i, { name, vector }] of results.entries()) {
    const [x, y] = at(vector).map(Number);
    const color = colors[i];
    parts.push(
      `<path d="M${x - 7} ${y}h14M${x} ${y - 7}v14" stroke="${color}" stroke-width="3"/>`,
      `<text x="8" y="${size - 8 - 15 * (results.length - 1 - i)}" fill="${color}">+ ${name}</text>`,
    );
  }
  parts.push(`<text x="8" y="18" fill="#111">${title}</text>`);
  return parts.join('\n');
}

function figure(panels) {
  const width = panels.length * (size + 12) - 12;
  const body = panels.map((options, i) => `<g transform="translate(${i * (size + 12)} 0)">\n${panel(options)}\n</g>`);
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="-1 -1 ${width + 2} ${size + 2}" width="${width + 2}" height="${size + 2}" font-family="sans-serif" font-size="12">\n${body.join('\n')}\n</svg>\n`;
}

const f = 4;
const { mean, median, trimmedMean, meamed, krum, multiKrum, geometricMedian, centeredClipping, mda, caf, dnc } = robust;
const { cge, normFilteredMean, fltrust, foolsgold, nnm, bucketing, arc, signMajority } = robust;
/** The mean has no breakdown point, which is what the picture is about. */
const beyond = { condition: 'computable' };
const start = Float64Array.of(-1, -0.5);
const copies = robust.mimic({ client: 3 }).craft(honest, { count: 4 }).vectors;

const figures = {
  mean: figure([
    { title: 'no attack', attackers: [], rules: [['mean', mean()]] },
    { title: '4 of 16 far away', rules: [['mean', mean()]] },
  ]),
  coordinates: figure([
    {
      title: 'far away',
      rules: [
        ['median', median({ f })],
        ['trimmed mean', trimmedMean({ f })],
        ['MeaMed', meamed({ f })],
      ],
    },
    {
      title: 'a little is enough (ALIE)',
      attackers: near,
      rules: [
        ['median', median({ f })],
        ['trimmed mean', trimmedMean({ f })],
        ['MeaMed', meamed({ f })],
      ],
    },
  ]),
  selection: figure([
    {
      title: 'Multi-Krum keeps the ringed',
      rings: true,
      rules: [
        ['Multi-Krum', multiKrum({ f })],
        ['Krum', krum({ f })],
      ],
    },
    {
      title: 'ALIE: copies are each other’s neighbors',
      attackers: near,
      rings: true,
      rules: [
        ['Multi-Krum', multiKrum({ f })],
        ['Krum', krum({ f })],
      ],
    },
  ]),
  distance: figure([
    {
      title: 'all pull, none with more than its share',
      rules: [
        ['geometric median', geometricMedian({ f })],
        ['centered clipping', centeredClipping({ tau: 1, iterations: 3, f })],
      ],
      reference: start,
    },
    {
      title: 'ALIE',
      attackers: near,
      rules: [
        ['geometric median', geometricMedian({ f })],
        ['centered clipping', centeredClipping({ tau: 1, iterations: 3, f })],
      ],
      reference: start,
    },
  ]),
  spread: figure([
    {
      title: 'MDA keeps the ringed',
      rings: true,
      rules: [
        ['MDA', mda({ f })],
        ['CAF', caf({ f })],
        ['DnC', dnc({ f })],
      ],
    },
    {
      title: 'ALIE',
      attackers: near,
      rings: true,
      rules: [
        ['MDA', mda({ f })],
        ['CAF', caf({ f })],
        ['DnC', dnc({ f })],
      ],
    },
  ]),
  norms: figure([
    {
      title: 'CGE keeps the ringed',
      rings: true,
      rules: [
        ['CGE', cge({ f })],
        ['norm filter', normFilteredMean({ factor: 2 })],
      ],
    },
    {
      title: 'small and turned: IPM',
      attackers: robust.ipm({ tau: 0.5 }).craft(honest, { count: 4 }).vectors,
      rings: true,
      rules: [
        ['CGE', cge({ f })],
        ['norm filter', normFilteredMean({ factor: 2 })],
      ],
    },
  ]),
  trust: figure([
    {
      title: 'FLTrust: the square is the server’s own',
      rings: true,
      reference: start,
      rules: [['FLTrust', fltrust()]],
    },
    { title: 'FoolsGold against copies', rings: true, attackers: copies, rules: [['FoolsGold', foolsgold()]] },
    { title: 'sign majority', rules: [['sign majority', signMajority({ f })]] },
  ]),
  'pre-aggregators': figure([
    {
      title: 'two kinds of honest clients',
      points: split,
      rules: [
        ['Krum', krum({ f })],
        ['NNM + Krum', nnm(krum({ f }))],
        ['mean', mean()],
      ],
    },
    {
      title: 'bucketing by 2, clipping by ARC',
      rules: [
        ['bucketing + median', bucketing(median({ f: 3 }), { size: 2 })],
        ['ARC + mean', arc(mean({}, beyond), { f }, beyond)],
      ],
    },
  ]),
};

const folder = new URL('../docs/robust/', import.meta.url);
const check = process.argv.includes('--check');
mkdirSync(folder, { recursive: true });
for (const [name, svg] of Object.entries(figures)) {
  const path = new URL(`${name}.svg`, folder);
  if (!check) writeFileSync(path, svg);
  else if (readFileSync(path, 'utf8') !== svg) {
    console.error(`docs/robust/${name}.svg is not what the rules make; run node scripts/robust-figures.mjs`);
    process.exitCode = 1;
  }
}
