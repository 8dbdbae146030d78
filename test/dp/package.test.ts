/** What the built package offers under `veilsum/dp`, as its users meet it. */
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../src/simulation/random.js';

const types = fileURLToPath(new URL('../../dist/dp/index.d.ts', import.meta.url));

/** Every name that is exported, in namespaces too, with its documentation. */
function documented(): Map<string, string> {
  const program = ts.createProgram([types], {
    module: ts.ModuleKind.NodeNext,
    moduleResolution: ts.ModuleResolutionKind.NodeNext,
    target: ts.ScriptTarget.ES2022,
    types: [],
  });
  const checker = program.getTypeChecker();
  const source = program.getSourceFile(types);
  const module = source === undefined ? undefined : checker.getSymbolAtLocation(source);
  const found = new Map<string, string>();
  const visit = (symbol: ts.Symbol, prefix: string): void => {
    for (const exported of checker.getExportsOfModule(symbol)) {
      const target = (exported.flags & ts.SymbolFlags.Alias) !== 0 ? checker.getAliasedSymbol(exported) : exported;
      if ((target.flags & ts.SymbolFlags.Module) !== 0) {
        visit(target, `${prefix}${exported.name}.`);
        continue;
      }
      found.set(`${prefix}${exported.name}`, ts.displayPartsToString(target.getDocumentationComment(checker)));
    }
  };
  if (module !== undefined) visit(module, '');
  return found;
}

describe('veilsum/dp, built', () => {
  it('documents every export', () => {
    const exported = documented();
    expect(exported.size).toBeGreaterThan(100);
    expect([...exported].filter(([, text]) => text.trim() === '').map(([name]) => name)).toEqual([]);
  });

  it('draws, plans, adds noise and accounts for it', async () => {
    // By its own name, as whoever installed it would.
    const dp: typeof import('../../src/dp/index.js') = await import(['veilsum', 'dp'].join('/'));
    const random = seededRandom(1, 'package');
    for (const sampler of [
      dp.samplers.discreteGaussian({ variance: dp.samplers.rational(7, 2) }),
      dp.samplers.discreteLaplace({ scale: 2 }),
      dp.samplers.skellam({ variance: 9 }),
      dp.samplers.poisson({ mean: 5 }),
      dp.samplers.binomial({ trials: 10, probability: 0.5 }),
    ]) {
      const draws = new Int32Array(100);
      sampler.fill(draws, random);
      expect(new Set(draws).size).toBeGreaterThan(3);
    }
    const target = { dimension: 10, clients: 9, minSurvivors: 5, clip: 1, ringBits: 20, rounds: 3 } as const;
    const { settings, epsilon } = dp.planDistributed({ ...target, noise: 'skellam', epsilon: 5, delta: 1e-5 });
    const rotation = random(32);
    const mechanism = new dp.DistributedMechanism(settings);
    const masked = mechanism.encode(new Float32Array(10), { rotation, random });
    expect(mechanism.decode(masked, rotation)).toHaveLength(10);
    expect(epsilon.upper).toBeLessThanOrEqual(5);
    const central = new dp.CentralMechanism({ dimension: 2, contribution: 4, variance: 100 });
    expect(central.addNoise(Int32Array.of(1, 2), random)).toHaveLength(2);
    const event = central.event({ relation: 'replaceSpecial' });
    expect(dp.parseEvent(JSON.parse(JSON.stringify(event)))).toEqual(event);
  });
});
