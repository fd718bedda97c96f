import type { Context, ErrorHandler } from 'hono';
import type { ContentfulStatusCode } from 'hono/utils/http-status';
import type { AppContext } from '../context.js';
import type { AppError } from '../errors.js';
import { type AppEnv, JSON_TYPE } from '../routing/index.js';
import { toAppError } from './failure.js';
import { routeOf } from './middleware/observe.js';
import { errorEnvelope, errorHeaders } from './respond.js';

/** Answers every error; faults of the server are logged with their cause and told to the client by code alone. */
export function errorHandler(ctx: AppContext): ErrorHandler<AppEnv> {
  return (thrown, c) => {
    const error = toAppError(thrown);
    if (error.status >= 500) {
      ctx.log.error(
        { requestId: c.get('requestId'), route: routeOf(c), code: error.code, err: error },
        'request failed',
      );
    }
    return answerError(c, error);
  };
}

/** The answer for one error: the envelope, or plain text for git, which shows its user nothing else. */
export function answerError(c: Context<AppEnv>, error: AppError): Response {
  for (const [name, value] of Object.entries(errorHeaders(error))) c.header(name, value);
  const status = error.status as ContentfulStatusCode;
  if (c.env.incoming.headers['user-agent']?.startsWith('git/')) {
    return c.body(`${error.message}\n`, status, { 'Content-Type': 'text/plain; charset=utf-8' });
  }
  const body = JSON.stringify(errorEnvelope(error, c.get('requestId')));
  return c.body(body, status, { 'Content-Type': JSON_TYPE });
}
