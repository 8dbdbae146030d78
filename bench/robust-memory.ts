/** A process of its own for one rule: prints the bytes by which its peak grew while the rule ran; NaN off Linux. */
import { peakMemory } from './peak.js';
import { type RuleName, ruleNames, rules, vectorsOf } from './robust-rules.js';

const [, , rule, n, d] = process.argv;
const name: RuleName | undefined = ruleNames.find((known) => known === rule);
if (name === undefined) throw new Error(`no such rule: ${rule}`);
const vectors = vectorsOf(Number(n), Number(d), (length) => new Float32Array(length));
const before = peakMemory();
rules(vectors.length)[name].aggregate(vectors);
console.log(peakMemory() - before);
