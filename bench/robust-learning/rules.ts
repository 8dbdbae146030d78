/** The rules of the table, each for `f` spoiled ones among `n` vectors. */
import type { AggregatorSpec } from 'veilsum/robust';

export interface Rule {
  readonly name: string;
  readonly spec: (f: number) => AggregatorSpec;
  /** What it gets beside the vectors: the server's own update, or its last aggregate. */
  readonly reference?: 'root' | 'last';
  /** Whether it compares clients over rounds: not for cohorts, which are others each time. */
  readonly history?: boolean;
  /** Whether what it gives is signs. */
  readonly signs?: boolean;
}

/** The radius of centered clipping, about the spread of the honest vectors here. */
const tau = 0.5;

const plain: readonly Rule[] = [
  { name: 'mean', spec: () => ({ kind: 'mean' }) },
  { name: 'median', spec: (f) => ({ kind: 'median', f }) },
  { name: 'trimmed-mean', spec: (f) => ({ kind: 'trimmed-mean', f }) },
  { name: 'meamed', spec: (f) => ({ kind: 'meamed', f }) },
  { name: 'krum', spec: (f) => ({ kind: 'krum', f }) },
  { name: 'multi-krum', spec: (f) => ({ kind: 'multi-krum', f }) },
  { name: 'bulyan', spec: (f) => ({ kind: 'bulyan', f }) },
  { name: 'geometric-median', spec: (f) => ({ kind: 'geometric-median', f, tolerance: 1e-6 }) },
  { name: 'rfa', spec: (f) => ({ kind: 'rfa', f }) },
  { name: 'centered-clipping', spec: (f) => ({ kind: 'centered-clipping', tau, f }), reference: 'last' },
  { name: 'mda', spec: (f) => ({ kind: 'mda', f }) },
  { name: 'monna', spec: (f) => ({ kind: 'monna', f }) },
  { name: 'caf', spec: (f) => ({ kind: 'caf', f }) },
  { name: 'smea', spec: (f) => ({ kind: 'smea', f }) },
  { name: 'cge', spec: (f) => ({ kind: 'cge', f }) },
  { name: 'dnc', spec: (f) => ({ kind: 'dnc', f }) },
  { name: 'fltrust', spec: () => ({ kind: 'fltrust' }), reference: 'root' },
  { name: 'foolsgold', spec: () => ({ kind: 'foolsgold' }), history: true },
  { name: 'sign-majority', spec: (f) => ({ kind: 'sign-majority', f }), signs: true },
  { name: 'norm-filtered-mean', spec: () => ({ kind: 'norm-filtered-mean', factor: 1.5 }) },
];

const composed: readonly Rule[] = [
  ...['trimmed-mean', 'median', 'krum', 'geometric-median'].map((inner) => around('nnm', inner)),
  {
    name: 'bucketing+geometric-median',
    spec: (f) => ({ kind: 'bucketing', size: 2, inner: specOf('geometric-median', f) }),
  },
  {
    name: 'bucketing+centered-clipping',
    spec: (f) => ({ kind: 'bucketing', size: 2, inner: specOf('centered-clipping', f) }),
    reference: 'last',
  },
  around('arc', 'trimmed-mean'),
  {
    name: 'arc+nnm+trimmed-mean',
    spec: (f) => ({ kind: 'arc', inner: { kind: 'nnm', inner: specOf('trimmed-mean', f) } }),
  },
];

export const rules: readonly Rule[] = [...plain, ...composed];

function around(kind: 'nnm' | 'arc', inner: string): Rule {
  return { name: `${kind}+${inner}`, spec: (f) => ({ kind, inner: specOf(inner, f) }) };
}

function specOf(name: string, f: number): AggregatorSpec {
  const rule = plain.find((each) => each.name === name);
  if (rule === undefined) throw new Error(`no rule ${name}`);
  return rule.spec(f);
}
