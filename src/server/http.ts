import type { IncomingMessage, ServerResponse } from 'node:http';
import type { ModelStore } from './models.js';

const modelPath = /\/models\/([0-9a-f]{64})$/;

/** Browsers of any page may fetch: everything here is public, and nothing depends on cookies. */
const anyOrigin = { 'access-control-allow-origin': '*' };

/**
 * The server's HTTP side: `GET /models/<SHA-256 in hex>` and `GET /health`, under whatever path a proxy puts in front.
 */
export function httpHandler(models: ModelStore): (request: IncomingMessage, response: ServerResponse) => void {
  return (request, response) => {
    const [path = ''] = (request.url ?? '').split('?');
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      response.writeHead(405, { allow: 'GET, HEAD', ...anyOrigin }).end();
      return;
    }
    if (path.endsWith('/health')) {
      send(response, { type: 'text/plain', cache: 'no-store', body: Buffer.from('ok\n') });
      return;
    }
    const name = modelPath.exec(path)?.[1];
    const model = name === undefined ? undefined : models.find(name);
    if (model === undefined) response.writeHead(404, { 'cache-control': 'no-store', ...anyOrigin }).end();
    else
      send(response, {
        type: 'application/octet-stream',
        cache: 'public, max-age=31536000, immutable',
        body: model,
      });
  };
}

interface Answer {
  readonly type: string;
  readonly cache: string;
  readonly body: Uint8Array;
}

/** Node leaves the body out where the request's method is HEAD. */
function send(response: ServerResponse, { type, cache, body }: Answer): void {
  response.writeHead(200, {
    'content-type': type,
    'content-length': body.length,
    'cache-control': cache,
    ...anyOrigin,
  });
  response.end(body);
}
