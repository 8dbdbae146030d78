import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { PeerError, UsageError } from '../../../src/core/errors.js';
import {
  centralPrivacy,
  definePlan,
  distributedPrivacy,
  type PlanInput,
  parsePlan,
  rules,
} from '../../../src/fl/index.js';
import {
  ascii,
  budget,
  buffered,
  central,
  distributed,
  overClients,
  overCohorts,
  smallest,
  text,
  unlawful,
  unmasked,
} from './fixtures.js';

const scaffold = { kind: 'scaffold', clients: 10 } as const;
const fednova = { kind: 'fednova', normalizerScale: 0.1 } as const;

/** For what is about types alone. */
const definePlanLater = (_: PlanInput): void => undefined;

describe('the rules', () => {
  const cases: Record<string, PlanInput[]> = {
    'privacy-without-clip': [
      unlawful({ ...central, clip: { kind: 'none' } }),
      unlawful({ ...distributed, clip: { kind: 'none' } }),
    ],
    'privacy-weighted': [
      unlawful({ ...central, weight: { kind: 'examples', max: 5 } }),
      unlawful({ ...distributed, weight: { kind: 'examples', max: 5 } }),
    ],
    'privacy-metrics': [
      unlawful({ ...central, metrics: [{ name: 'loss', max: 5 }] }),
      unlawful({ ...distributed, metrics: [{ name: 'loss', max: 5 }] }),
    ],
    'poisson-fixed-cohort': [
      unlawful({ ...central, privacy: { ...central.privacy, sampling: { kind: 'poisson', probability: 0.1 } } }),
      unlawful({
        ...distributed,
        privacy: { ...distributed.privacy, sampling: { kind: 'poisson', probability: 0.1 } },
      }),
    ],
    'distributed-unmasked': [unlawful({ ...distributed, masking: unmasked })],
    'distributed-unrotated': [unlawful({ ...distributed, rotate: { kind: 'none' } })],
    'distributed-rounding': [unlawful({ ...distributed, quantize: smallest.quantize })],
    'conditional-rounding': [
      unlawful({ ...smallest, quantize: distributed.quantize }),
      unlawful({ ...central, quantize: distributed.quantize }),
    ],
    'noise-numbers': [
      { ...distributed, cohort: { maxClients: 5 } },
      { ...distributed, privacy: { ...distributed.privacy, colluders: 6 } },
      { ...distributed, privacy: { ...distributed.privacy, releaseAt: [7, 8] } },
      { ...distributed, privacy: { ...distributed.privacy, releaseAt: [6] } },
      { ...central, clip: { kind: 'l2', norm: 2 ** 60 }, quantize: { bits: 16, range: 2 ** -60 } },
    ],
    'noise-wraps': [
      { ...distributed, quantize: { ...distributed.quantize, ringBits: 19 } },
      { ...distributed, cohort: { maxClients: 200 } },
      { ...distributed, clip: { kind: 'l2', norm: 3 } },
    ],
    'privacy-budget': [
      { ...distributed, privacy: { ...distributed.privacy, budget: { ...budget, epsilon: 7.9 } } },
      { ...distributed, privacy: { ...distributed.privacy, budget: { ...budget, rounds: 11 } } },
      { ...distributed, privacy: { ...distributed.privacy, variance: distributed.privacy.variance * 0.98 } },
      { ...central, privacy: { ...central.privacy, budget: { ...budget, delta: 1e-6 } } },
      // The sensitivity follows from the clip norm: who raises one without the noise is told.
      { ...central, clip: { kind: 'l2', norm: 1.1 } },
    ],
    'central-clients': [unlawful({ ...central, masking: unmasked, combine: overClients })],
    'robust-over-masked': [unlawful({ ...smallest, combine: overClients })],
    'robust-over-unmasked-cohorts': [unlawful({ ...smallest, masking: unmasked, combine: overCohorts })],
    'robust-needs-more': [
      { ...smallest, combine: { ...overCohorts, aggregator: { kind: 'fltrust' } } },
      { ...smallest, combine: { ...overCohorts, aggregator: { kind: 'nnm', f: 1, inner: { kind: 'foolsgold' } } } },
    ],
    'robust-few': [
      { ...smallest, combine: { ...overCohorts, cohorts: 4 } },
      { ...smallest, masking: unmasked, combine: { ...overClients, clients: 6 } },
      { ...distributed, combine: { ...overCohorts, aggregator: { kind: 'bulyan', f: 2 } } },
    ],
    'robust-beyond-cohort': [{ ...smallest, masking: unmasked, combine: { ...overClients, clients: 11 } }],
    'optimizer-buffered': [unlawful({ ...smallest, optimizer: { kind: 'fedbuff' } })],
    'optimizer-weighted': [unlawful({ ...smallest, optimizer: scaffold, weight: { kind: 'examples', max: 5 } })],
    'optimizer-noise': [
      unlawful({ ...central, optimizer: fednova }),
      unlawful({ ...central, optimizer: scaffold }),
      unlawful({ ...distributed, optimizer: fednova }),
      unlawful({ ...distributed, optimizer: scaffold }),
    ],
    'optimizer-robust': [
      unlawful({ ...smallest, optimizer: fednova, combine: overCohorts }),
      unlawful({ ...smallest, optimizer: scaffold, masking: unmasked, combine: overClients }),
    ],
    'optimizer-feedback': [
      unlawful({
        ...smallest,
        optimizer: fednova,
        compress: { kind: 'random-k', fraction: 0.5, scaling: 'keep' },
        errorFeedback: { kind: 'residual' },
      }),
    ],
    'optimizer-scale': [
      { ...smallest, optimizer: { kind: 'fednova' } },
      { ...smallest, optimizer: { kind: 'fednova', normalizerScale: 0.501 } },
    ],
    'optimizer-clients': [{ ...smallest, optimizer: { kind: 'scaffold', clients: 9 } }],
    'vector-long': [
      { ...smallest, vector: { dimension: 2 ** 27 }, optimizer: scaffold },
      { ...smallest, vector: { dimension: 2 ** 26 + 1 }, optimizer: scaffold, rotate: { kind: 'hadamard' } },
    ],
    'buffer-beyond-cohort': [{ ...smallest, schedule: { ...buffered, bufferSize: 11 } }],
    'buffer-vanishing': [
      { ...smallest, schedule: { ...buffered, staleness: { kind: 'polynomial', exponent: 16 } } },
      { ...smallest, schedule: { ...buffered, maxStaleness: 32, staleness: { kind: 'polynomial', exponent: 1 } } },
      { ...smallest, schedule: { ...buffered, staleness: { kind: 'hinge', after: 10, slope: 4 } } },
    ],
    'buffer-contribution': [
      unlawful({ ...smallest, schedule: buffered, optimizer: { kind: 'fednova' } }),
      unlawful({ ...smallest, schedule: buffered, optimizer: { kind: 'scaffold', clients: 10 } }),
    ],
    'buffer-noise': [{ ...distributed, schedule: { ...buffered, bufferSize: 5 } }],
    'buffer-clients': [
      { ...smallest, masking: unmasked, combine: overClients, schedule: { ...buffered, bufferSize: 6 } },
    ],
    'top-k-masked': [unlawful({ ...smallest, compress: { kind: 'top-k', fraction: 0.1 } })],
    'top-k-rotated': [
      { ...smallest, masking: unmasked, compress: { kind: 'top-k', fraction: 0.1 }, rotate: { kind: 'hadamard' } },
    ],
    'compressed-noise': [
      unlawful({ ...distributed, compress: { kind: 'count-sketch', rows: 1, columns: 8, top: 1 } }),
      unlawful({ ...central, masking: unmasked, compress: { kind: 'top-k', fraction: 0.1 } }),
    ],
    'compress-longer': [{ ...smallest, compress: { kind: 'count-sketch', rows: 3, columns: 4, top: 1 } }],
    'error-feedback-alone': [{ ...smallest, errorFeedback: { kind: 'residual' } }],
    'error-feedback-rescaled': [
      { ...smallest, errorFeedback: { kind: 'residual' }, compress: { kind: 'random-k', fraction: 0.5 } },
    ],
    'sum-wraps': [
      { ...smallest, cohort: { maxClients: 2 ** 16 + 1 } },
      { ...smallest, weight: { kind: 'examples', max: 6554 } },
      { ...smallest, cohort: { maxClients: 2 ** 20 }, weight: { kind: 'examples', max: 2 ** 32 - 1 } },
      { ...smallest, cohort: { maxClients: 2 }, quantize: { bits: 32, range: 1 } },
      { ...distributed, cohort: { maxClients: 16 }, quantize: { ...distributed.quantize, ringBits: 4 } },
    ],
    'metric-wraps': [
      {
        ...smallest,
        metrics: [
          { name: 'fits', max: 1 },
          { name: 'wraps', max: 104_858 },
        ],
      },
      { ...smallest, metrics: [{ name: 'wraps', max: 2 ** 32 - 1 }] },
    ],
    'metric-repeated': [
      {
        ...smallest,
        metrics: [
          { name: 'a', max: 1 },
          { name: 'b', max: 1 },
          { name: 'a', max: 2 },
        ],
      },
    ],
    'range-beyond-clip': [{ ...smallest, clip: { kind: 'l2', norm: 0.4999 } }],
  };

  it('have a case each, and say what, why and what instead', () => {
    expect(Object.keys(cases).sort()).toEqual(rules.map((rule) => rule.id).sort());
    for (const { what, why, instead } of rules) for (const said of [what, why, instead]) expect(said).toMatch(/\w{3}/);
  });

  it.each(rules)('$id', ({ id, what, why, instead }) => {
    for (const input of cases[id] ?? []) {
      const call = () => definePlan(input);
      expect(call).toThrow(UsageError);
      expect(call).toThrow(expect.objectContaining({ code: `plan.${id}` }));
      for (const said of [what, why, instead]) expect(call).toThrow(said);
    }
  });

  it('are in the types where the table says so', () => {
    // @ts-expect-error top-k-masked
    definePlanLater({ ...smallest, compress: { kind: 'top-k', fraction: 0.1 } });
    // @ts-expect-error compressed-noise
    definePlanLater({ ...central, compress: { kind: 'count-sketch', rows: 1, columns: 8, top: 1 } });
    // @ts-expect-error privacy-without-clip
    definePlanLater({ ...central, clip: { kind: 'none' } });
    // @ts-expect-error privacy-weighted
    definePlanLater({ ...distributed, weight: { kind: 'examples', max: 5 } });
    // @ts-expect-error privacy-metrics
    definePlanLater({ ...central, metrics: [{ name: 'loss', max: 5 }] });
    const sampling = { kind: 'poisson', probability: 0.1 } as const;
    // @ts-expect-error poisson-fixed-cohort
    definePlanLater({ ...central, privacy: { ...central.privacy, sampling } });
    // @ts-expect-error distributed-unmasked
    definePlanLater({ ...distributed, masking: unmasked });
    // @ts-expect-error distributed-unrotated
    definePlanLater({ ...distributed, rotate: { kind: 'none' } });
    // @ts-expect-error distributed-rounding
    definePlanLater({ ...distributed, quantize: smallest.quantize });
    // @ts-expect-error conditional-rounding
    definePlanLater({ ...smallest, quantize: distributed.quantize });
    // @ts-expect-error central-clients
    definePlanLater({ ...central, masking: unmasked, combine: overClients });
    // @ts-expect-error robust-over-masked
    definePlanLater({ ...smallest, combine: overClients });
    // @ts-expect-error robust-over-unmasked-cohorts
    definePlanLater({ ...smallest, masking: unmasked, combine: overCohorts });
    // @ts-expect-error optimizer-buffered
    definePlanLater({ ...smallest, optimizer: { kind: 'fedbuff' } });
    // @ts-expect-error optimizer-weighted
    definePlanLater({ ...smallest, optimizer: scaffold, weight: { kind: 'examples', max: 5 } });
    // @ts-expect-error optimizer-noise
    definePlanLater({ ...central, optimizer: fednova });
    // @ts-expect-error optimizer-robust
    definePlanLater({ ...smallest, optimizer: scaffold, combine: overCohorts });
    // @ts-expect-error optimizer-feedback
    definePlanLater({ ...smallest, optimizer: fednova, errorFeedback: { kind: 'residual' } });
    // The control: what is lawful compiles.
    definePlanLater({ ...smallest, optimizer: fednova, weight: { kind: 'examples', max: 5 } });
    definePlanLater({ ...smallest, optimizer: scaffold, errorFeedback: { kind: 'residual' }, masking: unmasked });
    definePlanLater({ ...central, combine: overCohorts });
    definePlanLater({ ...distributed, combine: overCohorts });
    definePlanLater({ ...smallest, masking: unmasked, combine: overClients });
    const source = readFileSync(new URL(import.meta.url), 'utf8');
    for (const { id, compileTime } of rules) expect(source.includes(`@ts-expect-error ${id}\n`)).toBe(compileTime);
  });

  it('bind a server as well', () => {
    const bytes = ascii(text(definePlan(smallest)).replace('"maxClients":10', '"maxClients":65537'));
    expect(() => parsePlan(bytes)).toThrow(PeerError);
    expect(() => parsePlan(bytes)).toThrow(expect.objectContaining({ code: 'plan.sum-wraps' }));
  });

  it('let through what just fits', () => {
    definePlan({ ...smallest, cohort: { maxClients: 2 ** 16 } });
    definePlan({ ...smallest, weight: { kind: 'examples', max: 6553 } });
    definePlan({ ...smallest, metrics: [{ name: 'a', max: 104_857 }] });
    definePlan({ ...smallest, clip: { kind: 'l2', norm: 0.5 } });
    definePlan({ ...smallest, cohort: { maxClients: 2 }, quantize: { bits: 31, range: 1 } });
    definePlan({ ...smallest, combine: { ...overCohorts, cohorts: 5 } });
    definePlan({ ...smallest, combine: overCohorts, schedule: { ...buffered, bufferSize: 10, maxStaleness: 1000 } });
    definePlan({
      ...smallest,
      schedule: { ...buffered, maxStaleness: 31, staleness: { kind: 'polynomial', exponent: 1 } },
    });
    definePlan({ ...distributed, schedule: { ...buffered, bufferSize: 6 } });
    definePlan({ ...central, schedule: buffered });
    definePlan({ ...smallest, masking: unmasked, combine: { ...overClients, clients: 10 } });
    for (const plan of [distributed, central]) {
      definePlan(plan);
      definePlan({ ...plan, combine: overCohorts });
      definePlan({ ...plan, optimizer: { kind: 'fedadam', learningRate: 0.1 } });
    }
    definePlan({ ...central, masking: unmasked });
    for (const optimizer of [scaffold, fednova])
      definePlan({ ...smallest, optimizer, clip: { kind: 'l2', norm: 1 }, rotate: { kind: 'hadamard' } });
    definePlan({ ...smallest, optimizer: { kind: 'fednova', normalizerScale: 0.5 } });
    definePlan({ ...smallest, vector: { dimension: 2 ** 26 }, optimizer: scaffold, rotate: { kind: 'hadamard' } });
    const randomK = { kind: 'random-k', fraction: 0.5 } as const;
    definePlan({ ...smallest, compress: { ...randomK, scaling: 'keep' }, errorFeedback: { kind: 'residual' } });
    definePlan({ ...smallest, masking: unmasked, compress: { kind: 'top-k', fraction: 0.5 } });
    const target = { vector: { dimension: 10 }, cohort: { maxClients: 10 }, clip: 1, budget, compress: randomK };
    definePlan({ ...smallest, ...distributedPrivacy({ ...target, minSurvivors: 6 }) });
    definePlan({ ...smallest, ...centralPrivacy({ ...target, quantize: { bits: 16 } }) });
  });
});
