import { AbortError } from '../../core/errors.js';
import { type Charge, chargeKey, formatEntry, genesis, lineHash, maxLine, parseEntry } from './entry.js';

/** What the parts of a ledger say. */
export interface LedgerState {
  /** Every charge, in the order written; one for each (task, round, context). */
  readonly charges: readonly Charge[];
  /** Hash of the last line that the next part follows; `genesis` for an empty ledger. */
  readonly head: string;
  /** Lines written by a writer after it was fenced. They count as spent, though nothing was released for them. */
  readonly late: number;
  /** Parts whose last line was cut off by a crash. What it was for was not released. */
  readonly torn: number;
}

/**
 * Reads parts and checks the chain: each line follows the hash of the one before it in its part, and each part's first
 * line follows a line of an older part. Where a part follows not the last line of the one before, the lines skipped are
 * late.
 *
 * @throws AbortError `ledger.corrupt`, naming part and line, if anything was altered, dropped or inserted; what can't
 *   be told is whether lines are missing at the end: compare `head` with one noted elsewhere
 */
export function readChain(parts: readonly string[]): LedgerState {
  const charges: Charge[] = [];
  const known = new Set<string>();
  const hashes = new Map<string, number>([[genesis, 0]]);
  let [head, torn, written, skipped] = [genesis, 0, 0, 0];
  parts.forEach((part, index) => {
    const { lines, isTorn } = splitLines(part);
    if (isTorn) torn += 1;
    let before: string | undefined;
    lines.forEach((line, at) => {
      const where = `part ${index + 1}, line ${at + 1}`;
      const entry = line.length <= maxLine ? parseEntry(line) : undefined;
      if (entry === undefined) throw corrupt(where, 'is no entry in canonical form');
      if (before === undefined) {
        if (entry.kind !== 'open' || entry.epoch !== index + 1) throw corrupt(where, `must open part ${index + 1}`);
        const followed = hashes.get(entry.previous);
        if (followed === undefined) throw corrupt(where, 'follows a line that is not in the ledger');
        skipped += written - followed;
        written = followed;
      } else {
        if (entry.kind !== 'charge') throw corrupt(where, 'opens a part inside a part');
        if (entry.previous !== before) throw corrupt(where, 'does not follow the line before it');
      }
      before = lineHash(line);
      written += 1;
      hashes.set(before, written);
      head = before;
      if (entry.kind !== 'charge') return;
      const charge: Charge = { task: entry.task, round: entry.round, context: entry.context, event: entry.event };
      // A late charge may have been made again by its successor: once if they agree, else both.
      const whole = formatEntry({ kind: 'charge', previous: genesis, ...charge });
      if (known.has(whole)) return;
      known.add(whole);
      charges.push(charge);
    });
  });
  return { charges, head, late: skipped, torn };
}

/** Charges by key, for idempotence. */
export function chargesByKey(charges: readonly Charge[]): Map<string, Charge> {
  return new Map(charges.map((charge) => [chargeKey(charge), charge]));
}

/** Complete lines; what follows the last newline was being written when the writer died. */
function splitLines(part: string): { readonly lines: readonly string[]; readonly isTorn: boolean } {
  const pieces = part.split('\n');
  const rest = pieces.pop() ?? '';
  return { lines: pieces, isTorn: rest !== '' };
}

function corrupt(where: string, fault: string): AbortError {
  return new AbortError(
    'ledger.corrupt',
    `${where} ${fault}: restore the ledger from a copy, and don't release anything until then`,
  );
}
