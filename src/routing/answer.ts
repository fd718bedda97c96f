/** The success envelope of the contract: `{data, meta: {requestId}}`, never 204 and never a redirect. */
import type { ContentfulStatusCode } from 'hono/utils/http-status';
import type { AppContextOf } from './env.js';

export const JSON_TYPE = 'application/json; charset=utf-8';

/** Answers with `data` in the envelope. @param status a 2xx status with a body; default 200 */
export function ok(c: AppContextOf, data: unknown, status = 200): Response {
  const body = JSON.stringify({ data, meta: { requestId: c.get('requestId') } });
  return c.body(body, status as ContentfulStatusCode, { 'Content-Type': JSON_TYPE });
}

/** A first answer, or the stored one of an earlier request with the same nonce. */
export interface Outcome {
  status: number;
  data: unknown;
  replayed: boolean;
}

/** Answers a signed write; a repeated one carries `Idempotency-Replayed: true`. */
export function settled(c: AppContextOf, outcome: Outcome): Response {
  if (outcome.replayed) c.header('Idempotency-Replayed', 'true');
  return ok(c, outcome.data, outcome.status);
}
