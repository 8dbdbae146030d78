/** A partition as a picture: one bar a client, as long as it has examples, one color a label. */
import { checkInteger } from '../../core/check.js';
import { UsageError } from '../../core/errors.js';
import type { Partition } from './partition.js';

/**
 * Ten colors that stay apart in print and for most color-blind readers (after Tableau 10); more labels go around the
 * wheel.
 */
const palette = [
  '#4e79a7',
  '#f28e2b',
  '#e15759',
  '#76b7b2',
  '#59a14f',
  '#edc948',
  '#b07aa1',
  '#ff9da7',
  '#9c755f',
  '#bab0ac',
];

export interface PictureOptions {
  readonly partition: Partition;
  /** One label an example of the whole data set: integers from 0 to 999. */
  readonly labels: ArrayLike<number>;
  /** Above the bars; none where not given. */
  readonly title?: string;
}

const width = 720;
const left = 56;
const right = 64;

/**
 * Draws it as a self-contained SVG document of 720 units' width, with each client's size at the end of its bar.
 *
 * @throws UsageError `usage.range` for a label that isn't one; `partition.example` for an example that has none
 */
export function partitionPicture({ partition, labels, title }: PictureOptions): string {
  const counts = partition.map((hand) => countLabels(hand, labels));
  const classes = counts.reduce((most, of) => Math.max(most, of.length), 0);
  const longest = partition.reduce((most, hand) => Math.max(most, hand.length), 1);
  const bar = partition.length > 40 ? 10 : 18;
  const top = title === undefined ? 30 : 54;
  const height = top + partition.length * (bar + 3) + 12;
  const scale = (width - left - right) / longest;
  const rows = counts.map((of, client) => row(of, client, { y: top + client * (bar + 3), bar, scale }));
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="system-ui, sans-serif" font-size="${bar > 10 ? 12 : 9}" role="img" aria-label="${escapeXml(title ?? 'Examples by client and label')}">`,
    `<rect width="${width}" height="${height}" fill="#ffffff"/>`,
    ...(title === undefined
      ? []
      : [`<text x="${left}" y="24" font-size="15" font-weight="600">${escapeXml(title)}</text>`]),
    legend(classes, top - 22),
    ...rows,
    '</svg>',
    '',
  ].join('\n');
}

function row(counts: readonly number[], client: number, place: { y: number; bar: number; scale: number }): string {
  const { y, bar, scale } = place;
  const base = y + bar - (bar > 10 ? 5 : 2);
  let x = left;
  const parts = counts.map((count, label) => {
    const length = count * scale;
    x += length;
    return count === 0
      ? ''
      : `<rect x="${round(x - length)}" y="${y}" width="${round(length)}" height="${bar}" fill="${color(label)}"><title>client ${client}, label ${label}: ${count}</title></rect>`;
  });
  const total = counts.reduce((sum, count) => sum + count, 0);
  return `<text x="${left - 6}" y="${base}" text-anchor="end">${client}</text>${parts.join('')}<text x="${round(x + 5)}" y="${base}">${total}</text>`;
}

/** At most 24 labels are named: more don't fit, and hovering over a bar names them all. */
function legend(classes: number, y: number): string {
  const shown = Math.min(classes, 24);
  const step = (width - left - right) / 24;
  return Array.from({ length: shown }, (_, label) => {
    const x = round(left + label * step);
    return `<rect x="${x}" y="${y}" width="10" height="10" fill="${color(label)}"/><text x="${x + 12}" y="${y + 9}" font-size="10">${label}</text>`;
  }).join('');
}

function countLabels(hand: Int32Array, labels: ArrayLike<number>): readonly number[] {
  const counts: number[] = [];
  for (const example of hand) {
    if (example >= labels.length || example < 0)
      throw new UsageError('partition.example', `example ${example} has no label: there are ${labels.length}`);
    const label = checkInteger(`labels[${example}]`, labels[example], 0, 999);
    while (counts.length <= label) counts.push(0);
    counts[label] = (counts[label] ?? 0) + 1;
  }
  return counts;
}

function color(label: number): string {
  return palette[label] ?? `hsl(${Math.round((label * 137.508) % 360)} 55% 55%)`;
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}

function escapeXml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}
