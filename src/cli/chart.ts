/**
 * Charts as SVG text, for commands and benches: nothing of them depends on time, machine or an earlier chart, so a
 * chart of the same figures is the same text. Lines differ in dashes and symbols, and cells of a heat map say their
 * value, so that none needs colour to be read.
 */
import type { EChartsOption, SeriesOption } from 'echarts';
import { checkInteger, describe } from '../core/check.js';
import { UsageError } from '../core/errors.js';

/** One axis of numbers. */
export interface Axis {
  readonly name: string;
  /** `linear` unless told. A logarithmic axis drops points that aren't above 0. */
  readonly scale?: 'linear' | 'log';
}

/** Points of one kind, in the order they are joined. */
export interface Series {
  readonly name: string;
  readonly points: readonly (readonly [x: number, y: number])[];
}

interface Sized {
  readonly title: string;
  /** Pixels, 200 to 4000: 800 by 500 unless told. */
  readonly width?: number;
  readonly height?: number;
}

/** A chart of curves or of points. */
export interface PlotOptions extends Sized {
  readonly x: Axis;
  readonly y: Axis;
  /** At least one. */
  readonly series: readonly Series[];
}

/** A chart of a table of numbers. */
export interface HeatMapOptions extends Sized {
  readonly x: { readonly name: string; readonly labels: readonly string[] };
  readonly y: { readonly name: string; readonly labels: readonly string[] };
  /** One row for each label of y, from the bottom up; in it one number for each label of x. NaN leaves a cell empty. */
  readonly values: readonly (readonly number[])[];
  /** What the values are. */
  readonly valueName: string;
  /** How a cell shows its value: three significant digits unless told. */
  readonly format?: (value: number) => string;
}

/** Eight that stay apart in the common kinds of colour blindness (Okabe and Ito 2008), and in grey by their dashes. */
const colors = ['#000000', '#0072b2', '#d55e00', '#009e73', '#cc79a7', '#56b4e9', '#e69f00', '#7f7f7f'] as const;
const dashes: readonly ('solid' | number[])[] = [
  'solid',
  [8, 4],
  [2, 3],
  [8, 3, 2, 3],
  [14, 4],
  [4, 4],
  [1, 5],
  [12, 3, 3, 3],
];
const symbols = ['circle', 'rect', 'triangle', 'diamond', 'emptyCircle', 'emptyRect', 'emptyTriangle', 'emptyDiamond'];
/** From light to dark, so that grey print keeps the order. */
const ramp = ['#f7fbff', '#c6dbef', '#6baed6', '#2171b5', '#08306b'];
/** Pixels, about, in the text of an axis. */
const widthOfLetter = 6.5;
/** Symbols on a curve of many points would hide it: about this many are drawn. */
const marks = 12;

/**
 * Curves through points.
 *
 * @throws UsageError `usage.chart` without echarts (install it) or series, `usage.range` for a size
 */
export function lineChart(options: PlotOptions): Promise<string> {
  return plot(options, (series, i) => {
    const points = finite(series, options);
    const every = Math.max(1, Math.floor(points.length / marks));
    return {
      type: 'line',
      name: series.name,
      data: points.map((value, at) => ({ value, symbol: at % every === 0 ? pick(symbols, shifted(i)) : 'none' })),
      symbolSize: 7,
      showAllSymbol: true,
      lineStyle: { width: 2, type: pick(dashes, shifted(i)) },
      itemStyle: { color: pick(colors, i) },
      symbol: pick(symbols, shifted(i)),
    };
  });
}

/**
 * Points alone.
 *
 * @throws UsageError `usage.chart` without echarts (install it) or series, `usage.range` for a size
 */
export function scatterChart(options: PlotOptions): Promise<string> {
  return plot(options, (series, i) => ({
    type: 'scatter',
    name: series.name,
    data: finite(series, options).map(([x, y]) => [x, y]),
    symbol: pick(symbols, shifted(i)),
    symbolSize: 9,
    itemStyle: { color: pick(colors, i) },
  }));
}

/**
 * A table whose cells are the darker the larger their number is.
 *
 * @throws UsageError `usage.chart` without echarts (install it) or where the table doesn't fit its labels,
 *   `usage.range` for a size
 */
export function heatMap(options: HeatMapOptions): Promise<string> {
  const { x, y, values, valueName, title } = options;
  if (
    x.labels.length === 0 ||
    values.length !== y.labels.length ||
    values.some((row) => row.length !== x.labels.length)
  )
    throw new UsageError(
      'usage.chart',
      'values must have a row for each label of y, with a number for each label of x',
    );
  const { format = (value: number) => String(Number(value.toPrecision(3))) } = options;
  const cells = values.flatMap((row, at) => row.map((value, across) => [across, at, value] as const));
  const shown = cells.filter(([, , value]) => Number.isFinite(value));
  const known = shown.map(([, , value]) => value);
  const [least, most] = [Math.min(...known), Math.max(...known)];
  const left = Math.max(90, 30 + widthOfLetter * Math.max(...y.labels.map((label) => label.length)));
  // Every row and column says what it is, however narrow.
  const every = { axisLabel: { interval: 0 }, nameLocation: 'middle' } as const;
  return render(options, {
    title: heading(title),
    grid: { left, right: 110, top: 60, bottom: 60 },
    xAxis: { type: 'category', name: x.name, data: [...x.labels], ...every, nameGap: 34 },
    yAxis: { type: 'category', name: y.name, data: [...y.labels], ...every, nameGap: left - 30 },
    visualMap: {
      min: known.length === 0 ? 0 : least,
      max: known.length === 0 ? 1 : Math.max(most, least + Number.MIN_VALUE),
      text: [valueName, ''],
      right: 0,
      top: 'middle',
      calculable: false,
      inRange: { color: ramp },
    },
    series: [
      {
        type: 'heatmap',
        data: shown.map(([across, at, value]) => ({
          value: [across, at, value],
          // White on the dark half.
          label: {
            show: true,
            formatter: () => format(value),
            color: value > (least + most) / 2 ? '#ffffff' : '#000000',
          },
        })),
      },
    ],
  });
}

/**
 * Charts of this module one below the other, as one SVG text.
 *
 * @throws UsageError `usage.chart` for anything else
 */
export function stacked(charts: readonly string[]): string {
  let [width, height] = [0, 0];
  const parts = charts.map((chart, position) => {
    const [, wide, high] = /^<svg width="(\d+)" height="(\d+)"/.exec(chart) ?? [];
    if (wide === undefined || high === undefined)
      throw new UsageError('usage.chart', `charts[${position}] must be the SVG text of a chart`);
    const top = height;
    width = Math.max(width, Number(wide));
    height += Number(high);
    // Each chart numbers its clip paths from 0.
    return chart.replace('<svg ', `<svg y="${top}" `).replaceAll(/\bzr-/g, `zr${position}-`);
  });
  const size = `width="${width}" height="${height}" viewBox="0 0 ${width} ${height}"`;
  return `<svg ${size} xmlns="http://www.w3.org/2000/svg">\n${parts.join('')}</svg>\n`;
}

function plot(options: PlotOptions, draw: (series: Series, position: number) => SeriesOption): Promise<string> {
  const { series, x, y, title } = options;
  if (!Array.isArray(series) || series.length === 0)
    throw new UsageError('usage.chart', `series must be an array of at least one, got ${describe(series)}`);
  return render(options, {
    title: heading(title),
    legend: { bottom: 0, itemWidth: 48 },
    grid: { left: 80, right: 30, top: 60, bottom: 80 },
    xAxis: { ...axis(x), nameGap: 30 },
    yAxis: { ...axis(y), nameGap: 55 },
    series: series.map(draw),
  });
}

function heading(text: string): { readonly text: string; readonly left: 'center'; readonly textStyle: object } {
  return { text, left: 'center', textStyle: { fontSize: 16, color: '#000000' } };
}

function axis({ name, scale = 'linear' }: Axis) {
  return {
    name,
    type: scale === 'log' ? ('log' as const) : ('value' as const),
    nameLocation: 'middle' as const,
    nameTextStyle: { color: '#000000' },
    axisLabel: { color: '#000000', ...(scale === 'log' ? { formatter: power } : {}) },
    axisLine: { show: true, lineStyle: { color: '#000000' } },
  };
}

function power(value: number): string {
  return value >= 1e-3 && value < 1e5 ? String(value) : value.toExponential(0).replace('e+', 'e');
}

function finite({ points }: Series, { x, y }: PlotOptions): readonly [number, number][] {
  const fits = (value: number, { scale }: Axis): boolean => Number.isFinite(value) && (scale !== 'log' || value > 0);
  return points.flatMap(([a, b]) => (fits(a, x) && fits(b, y) ? [[a, b]] : []));
}

function pick<T>(list: readonly T[], position: number): T {
  return list[position % list.length] as T; // never empty
}

/** The ninth series has the first one's colour, but not its dashes and symbol. */
function shifted(position: number): number {
  return position + Math.floor(position / colors.length);
}

async function render({ title, width, height }: Sized, option: EChartsOption): Promise<string> {
  const size = {
    width: checkInteger('width', width ?? 800, 200, 4000),
    height: checkInteger('height', height ?? 500, 200, 4000),
  };
  const { init } = await load();
  const chart = init(null, null, { renderer: 'svg', ssr: true, ...size });
  try {
    chart.setOption({
      animation: false,
      backgroundColor: '#ffffff',
      textStyle: { fontFamily: 'sans-serif' },
      ...option,
    });
    // The title is for who listens.
    return `${still(chart.renderToSVGString()).replace('>', `>\n<title>${escaped(title)}</title>`)}\n`;
  } finally {
    chart.dispose();
  }
}

/**
 * Without what only serves a page with a pointer (styles, classes, data), whose names count the charts drawn before.
 */
function still(svg: string): string {
  return svg
    .replace(/<style[\s\S]*?<\/style>\n?/, '')
    .replaceAll(/ (?:class|ecmeta_\w+)="[^"]*"/g, '')
    .replaceAll(/\bzr\d+-/g, 'zr-');
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
}

async function load(): Promise<typeof import('echarts')> {
  try {
    return await import('echarts');
  } catch (cause) {
    throw new UsageError('usage.chart', 'plots need the optional package echarts: run npm install echarts', { cause });
  }
}
