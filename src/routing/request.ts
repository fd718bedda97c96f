import type { RawRequest } from '../auth/index.js';
import { readBody } from './body.js';
import type { AppContextOf } from './env.js';

/**
 * The request as the auth room wants it.
 * @param body when it was read before; otherwise it is read now, at most 2 MiB
 * @throws AppError as {@link readBody}
 */
export async function readRequest(c: AppContextOf, body?: Buffer): Promise<RawRequest> {
  const { incoming } = c.env;
  const url = incoming.url ?? '/';
  const mark = url.indexOf('?');
  return {
    method: incoming.method ?? 'GET',
    path: mark < 0 ? url : url.slice(0, mark),
    query: new URLSearchParams(mark < 0 ? '' : url.slice(mark + 1)),
    headers: incoming.headers,
    body: body ?? (await readBody(incoming)),
    ip: c.get('clientIp'),
    requestId: c.get('requestId'),
  };
}
