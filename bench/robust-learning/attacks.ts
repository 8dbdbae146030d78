/** The attacks of the table, and where plain averaging is known to fail. */
import {
  type AggregateOptions,
  type Aggregator,
  type Attack,
  alie,
  gaussian,
  infinity,
  ipm,
  mimic,
  minMax,
  minSum,
  modelReplacement,
  optimizedAlie,
  optimizedIpm,
  signFlip,
} from 'veilsum/robust';

/** What the attackers know, and it is all. */
export interface Occasion {
  readonly rule: Aggregator;
  readonly context: AggregateOptions;
  /** The update that would make the model theirs. */
  readonly target: Float32Array;
  /** The factor of an optimized attack, from the last round that looked for one; undefined: look for one. */
  readonly factor: number | undefined;
}

export interface Threat {
  readonly name: string;
  /** What it does, and whence its settings are. */
  readonly note: string;
  /** Where the literature has plain averaging fail: who says so. */
  readonly meanFails?: string;
  /** On what honest vectors the attackers build; without: they train, on flipped labels. */
  readonly attack?: (occasion: Occasion) => Attack;
}

/** Optimized attacks look for their factor in every fifth round only: it changes slowly, and takes most of the time. */
export const searchEvery = 5;

const evaluations = 20;

export const threats: readonly Threat[] = [
  {
    name: 'sign-flip',
    note: 'minus the honest mean (Allen-Zhu et al., 2021); of a fifth, the mean still points the right way',
    attack: () => signFlip(),
  },
  {
    name: 'ipm',
    note: 'minus 10 times the honest mean, so that the mean turns round: 12 - 3 x 10 < 0',
    meanFails: 'Xie, Koyejo and Gupta, UAI 2019',
    attack: () => ipm({ tau: 10 }),
  },
  {
    name: 'alie',
    note: '1.5 deviations from the mean in each coordinate, as in the experiments of Baruch et al., 2019',
    attack: () => alie({ tau: 1.5 }),
  },
  { name: 'mimic', note: 'copies of one honest client (Karimireddy et al., 2022)', attack: () => mimic() },
  {
    name: 'gaussian',
    note: 'normal noise of deviation 200',
    meanFails: 'Blanchard et al., NeurIPS 2017',
    attack: () => gaussian({ sigma: 200 }),
  },
  {
    name: 'infinity',
    note: 'infinity everywhere; in cohorts the largest value that the ring holds',
    attack: () => infinity(),
  },
  { name: 'min-max', note: 'Shejwalkar and Houmansadr, 2021', attack: () => minMax() },
  { name: 'min-sum', note: 'Shejwalkar and Houmansadr, 2021', attack: () => minSum() },
  { name: 'label-flip', note: 'trains on 9 - label (Allouah et al., 2023)' },
  {
    name: 'model-replacement',
    note: 'the way to a model trained on flipped labels, scaled up by n / f',
    meanFails: 'Bagdasaryan et al., AISTATS 2020',
    attack: ({ target }) => modelReplacement({ target }),
  },
  {
    name: 'optimized-ipm',
    note: `ipm with the factor, of ${evaluations} tried, that moves the rule most`,
    meanFails: 'Allouah et al., AISTATS 2023',
    attack: ({ rule, context, factor }) =>
      factor === undefined ? optimizedIpm({ against: rule, context, evaluations }) : ipm({ tau: factor }),
  },
  {
    name: 'optimized-alie',
    note: `alie with the factor, of ${evaluations} tried, that moves the rule most`,
    meanFails: 'Allouah et al., AISTATS 2023',
    attack: ({ rule, context, factor }) =>
      factor === undefined ? optimizedAlie({ against: rule, context, evaluations }) : alie({ tau: factor }),
  },
];
