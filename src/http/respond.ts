/** Answers of the contract: success and error envelopes. */
import { AppError } from '../errors.js';

export { ok } from '../routing/index.js';

export interface ErrorEnvelope {
  error: { code: string; message: string; details?: Record<string, unknown> };
  meta: { requestId: string };
}

/** The error envelope; `details` is left out when there is nothing to say. */
export function errorEnvelope(error: AppError, requestId: string): ErrorEnvelope {
  const details = error.details;
  const said = details !== undefined && Object.keys(details).length > 0;
  return {
    error: { code: error.wireCode, message: error.message, ...(said ? { details } : {}) },
    meta: { requestId },
  };
}

/** Headers an error answer carries besides its type. Errors are never worth caching. */
export function errorHeaders(error: AppError): Record<string, string> {
  const headers: Record<string, string> = { 'Cache-Control': 'no-store', ...error.headers };
  if (error.retryAfter !== undefined) headers['Retry-After'] = String(Math.max(1, Math.ceil(error.retryAfter)));
  return headers;
}

/** What a client is told when a node is going down: the same request succeeds elsewhere in a moment. */
export function drainingError(): AppError {
  return new AppError('SERVER_BUSY', { message: 'The server is shutting down; try again.', retryAfter: 1 });
}
