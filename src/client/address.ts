import { describe } from '../core/check.js';
import { UsageError } from '../core/errors.js';

/** Both sides of a server, which share host, port and path. */
export interface Addresses {
  /** Of the WebSocket. */
  readonly socket: string;
  /** Of the HTTP side, which models are fetched from. */
  readonly base: URL;
}

const secureSchemes: readonly string[] = ['wss:', 'https:'];
const schemes: readonly string[] = ['ws:', 'http:', ...secureSchemes];

/** Throws `UsageError` (`usage.url`) for what is no address, or has another scheme than ws, wss, http or https. */
export function addressesOf(url: string | URL): Addresses {
  if (!URL.canParse(url)) throw new UsageError('usage.url', `url must be an absolute address, got ${describe(url)}`);
  const { protocol, host, pathname } = new URL(url);
  if (!schemes.includes(protocol))
    throw new UsageError('usage.url', `url must begin with ws:, wss:, http: or https:, got ${describe(protocol)}`);
  const secure = secureSchemes.includes(protocol);
  return {
    socket: `${secure ? 'wss:' : 'ws:'}//${host}${pathname}`,
    base: new URL(`${secure ? 'https:' : 'http:'}//${host}${pathname}`),
  };
}
