import { wipe } from '../../core/bytes.js';
import type { Advertisement } from '../messages/advertise.js';
import type { Survivors } from '../survivors.js';
import type { ClientRoster } from './roster.js';
import { type ClientSecrets, wipeSecrets } from './secrets.js';
import type { ChannelKeys, HeldShares } from './sharing.js';

/** What a client knows in each state; older secrets are gone. */
export type Memory =
  | { readonly state: 'new'; readonly secrets: ClientSecrets }
  | { readonly state: 'advertised'; readonly secrets: ClientSecrets; readonly advertisement: Advertisement }
  | {
      readonly state: 'shared';
      readonly secrets: ClientSecrets;
      readonly roster: ClientRoster;
      readonly keys: readonly ChannelKeys[];
    }
  | {
      readonly state: 'ready';
      readonly secrets: ClientSecrets;
      readonly roster: ClientRoster;
      readonly held: HeldShares;
    }
  | { readonly state: 'submitted'; readonly roster: ClientRoster; readonly held: HeldShares }
  | {
      readonly state: 'confirmed';
      readonly roster: ClientRoster;
      readonly held: HeldShares;
      readonly survivors: Survivors;
    }
  /** `survivors`: how many were confirmed. */
  | { readonly state: 'revealed'; readonly survivors: number }
  | { readonly state: 'finished' | 'aborted' };

/** What is left once nothing may be revealed any more: no secret, so nobody can be asked for one again. */
export function forget<Rest extends Memory>(memory: Memory, rest: Rest): Rest {
  if ('secrets' in memory) wipeSecrets(memory.secrets);
  if ('keys' in memory) wipe(...memory.keys.map(({ receive }) => receive));
  if ('held' in memory) for (const shares of memory.held.values()) if (shares !== undefined) wipe(shares);
  return rest;
}
