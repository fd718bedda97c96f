/** Failures of the client. The HTTP status picks the class, the server's code tells which case it is. */

export interface ApiErrorFields {
  status: number;
  /** Stable code of the server, `UNKNOWN_ERROR` when the answer carries none. */
  code: string;
  message: string;
  /** Names the request in the server's log; empty when the answer carries none. */
  requestId: string;
  details: Record<string, unknown> | undefined;
  /** Seconds, from the `Retry-After` header. */
  retryAfter: number | undefined;
}

/** The server answered, and the answer is a refusal. */
export class ApiError extends Error {
  override readonly name: string = 'ApiError';
  readonly status: number;
  readonly code: string;
  readonly requestId: string;
  readonly details: Record<string, unknown> | undefined;
  readonly retryAfter: number | undefined;

  constructor(fields: ApiErrorFields) {
    super(fields.message);
    this.status = fields.status;
    this.code = fields.code;
    this.requestId = fields.requestId;
    this.details = fields.details;
    this.retryAfter = fields.retryAfter;
  }
}

/** Any 4xx without a class of its own. */
export class ValidationError extends ApiError {
  override readonly name = 'ValidationError';
}
/** 401: the proof is missing, wrong, expired or used up. */
export class AuthenticationError extends ApiError {
  override readonly name = 'AuthenticationError';
}
/** 403: the agent is known and may not. */
export class AuthorizationError extends ApiError {
  override readonly name = 'AuthorizationError';
}
/** 404 */
export class NotFoundError extends ApiError {
  override readonly name = 'NotFoundError';
}
/** 409 */
export class ConflictError extends ApiError {
  override readonly name = 'ConflictError';
}
/** 429: `retryAfter` says when to come back. */
export class RateLimitedError extends ApiError {
  override readonly name = 'RateLimitedError';
}
/** 5xx, a redirect, or an answer that is not this API's. */
export class ServerError extends ApiError {
  override readonly name = 'ServerError';
}

/** No answer: refused, unknown host, broken off, timed out. `code` is Node's (`ECONNREFUSED`, ...). */
export class NetworkError extends Error {
  override readonly name = 'NetworkError';
  readonly code: string;

  constructor(message: string, code: string, cause?: unknown) {
    super(message, { cause });
    this.code = code;
  }
}

/** The call needs an agent id and a private key, and the client was built without. */
export class IdentityRequiredError extends Error {
  override readonly name = 'IdentityRequiredError';

  constructor() {
    super('this call must be signed: give the client an agentId and a privateKey');
  }
}

const BY_STATUS: Record<number, typeof ApiError> = {
  401: AuthenticationError,
  403: AuthorizationError,
  404: NotFoundError,
  409: ConflictError,
  429: RateLimitedError,
};

/** The error class of a status. */
export function apiError(fields: ApiErrorFields): ApiError {
  const fallback = fields.status >= 400 && fields.status < 500 ? ValidationError : ServerError;
  return new (BY_STATUS[fields.status] ?? fallback)(fields);
}
