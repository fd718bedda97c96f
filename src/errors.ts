/**
 * Every error GitClaw answers with, in one table: code, HTTP status, default sentence.
 *
 * The status decides how the public SDKs map an answer to an exception, so it matters more than the code.
 */
const TABLE = {
  VALIDATION_ERROR: [400, 'The request is not valid.'],
  INVALID_AGENT_NAME: [
    400,
    'An agent name is 1-128 ASCII letters, digits, "-" or "_", and starts with a letter or digit.',
  ],
  INVALID_REPO_NAME: [
    400,
    'A repository name is 1-256 ASCII letters, digits, ".", "-" or "_", and does not end in ".git".',
  ],
  INVALID_PUBLIC_KEY: [400, 'The public key is neither a usable Ed25519 key nor a usable P-256 key.'],
  INVALID_REASON: [400, 'A star reason has at most 500 characters.'],
  INVALID_WINDOW: [400, 'The window is one of 1h, 24h, 7d, 30d.'],
  INVALID_PAGINATION: [400, 'Paging values are whole numbers.'],
  INVALID_TYPE: [400, 'The type is db or storage.'],
  INVALID_CI_CONFIG: [400, 'The file .gitclaw-ci.yml cannot be read.'],
  INVALID_PACKFILE: [400, 'The packfile is not valid.'],
  INVALID_OBJECT: [400, 'A git object is not valid.'],
  BRANCH_NOT_FOUND: [400, 'The branch does not exist.'],
  SELF_APPROVAL_NOT_ALLOWED: [400, 'The author of a pull request cannot approve it.'],
  MERGE_BLOCKED: [400, 'The pull request cannot be merged yet.'],
  PR_CLOSED: [400, 'The pull request is closed.'],
  PAYLOAD_TOO_LARGE: [413, 'The request body is too large.'],
  INVALID_SIGNATURE: [401, 'The request is not signed, or the signature does not match.'],
  SIGNATURE_EXPIRED: [401, 'The signature is outside its time window.'],
  REPLAY_ATTACK: [401, 'This nonce was already used for another request.'],
  INVALID_CREDENTIALS: [401, 'User name or password is wrong.'],
  INVALID_TOKEN: [401, 'The admin token is missing or unknown.'],
  SESSION_EXPIRED: [401, 'The admin session has expired.'],
  ACCESS_DENIED: [403, 'The agent has no sufficient role on this repository.'],
  ADMIN_REQUIRED: [403, 'Only an admin of the repository may do this.'],
  SUSPENDED_AGENT: [403, 'The agent is suspended.'],
  AGENT_NOT_FOUND: [404, 'No such agent.'],
  REPO_NOT_FOUND: [404, 'No such repository.'],
  PR_NOT_FOUND: [404, 'No such pull request.'],
  CI_RUN_NOT_FOUND: [404, 'No such CI run.'],
  REF_NOT_FOUND: [404, 'No such ref.'],
  OWNER_NOT_FOUND: [404, 'No such owner.'],
  KEY_NOT_FOUND: [404, 'No such key.'],
  NOT_FOUND: [404, 'There is nothing at this address.'],
  METHOD_NOT_ALLOWED: [405, 'This address does not take this method.'],
  NO_EXISTING_STAR: [404, 'The repository is not starred by this agent.'],
  S3_OBJECT_NOT_FOUND: [404, 'The object is missing in storage.'],
  AGENT_NAME_EXISTS: [409, 'An agent of this name exists already.'],
  REPO_EXISTS: [409, 'The owner has a repository of this name already.'],
  KEY_EXISTS: [409, 'This key is registered already.'],
  LAST_KEY: [409, 'The last active key of an agent cannot be revoked.'],
  DUPLICATE_STAR: [409, 'The repository is starred by this agent already.'],
  NON_FAST_FORWARD: [409, 'The update is not a fast-forward.'],
  MERGE_CONFLICTS: [409, 'The branches conflict.'],
  ALREADY_MERGED: [409, 'The pull request is merged already.'],
  ALREADY_SUSPENDED: [409, 'The agent is suspended already.'],
  NOT_SUSPENDED: [409, 'The agent is not suspended.'],
  NOT_ORPHANED: [409, 'The repository is not orphaned.'],
  DISCONNECTION_TYPE_MISMATCH: [409, 'The repository is disconnected in another way.'],
  MIGRATION_IN_PROGRESS: [409, 'The repository is being moved or deleted.'],
  CONFLICT: [409, 'The request collides with the current state.'],
  RATE_LIMITED: [429, 'Too many requests.'],
  DATABASE_ERROR: [500, 'The database could not answer.'],
  INTERNAL_ERROR: [500, 'Something went wrong on the server.'],
  AUDIT_ERROR: [500, 'The audit log could not be written.'],
  OBJECT_STORAGE_ERROR: [500, 'The object storage could not answer.'],
  S3_BUCKET_NOT_FOUND: [500, 'The storage bucket does not exist.'],
  S3_ACCESS_DENIED: [500, 'S3 operation failed: Access Denied'],
  S3_UPLOAD_FAILED: [500, 'Writing to the object storage failed.'],
  S3_DOWNLOAD_FAILED: [500, 'Reading from the object storage failed.'],
  OBJECT_CORRUPTED: [500, 'A stored object does not match its id.'],
  S3_CONNECTION_ERROR: [503, 'The object storage cannot be reached.'],
  S3_RATE_LIMITED: [503, 'The object storage asks to slow down.'],
  SERVER_BUSY: [503, 'The server is busy or shutting down; try again shortly.'],
  ADMIN_NOT_CONFIGURED: [503, 'Admin access is not configured.'],
} as const satisfies Record<string, readonly [number, string]>;

export type ErrorCode = keyof typeof TABLE;

/** Every code, in the order of the table. */
export const ERROR_CODES = Object.keys(TABLE) as readonly ErrorCode[];

export interface AppErrorOptions {
  message?: string;
  /** Sent to the client as `error.details`; never put SQL, paths or stacks here. */
  details?: Record<string, unknown>;
  cause?: unknown;
  /** Seconds for the `Retry-After` header. */
  retryAfter?: number;
  /** Further headers of the answer. */
  headers?: Record<string, string>;
}

/** An error with a stable code. Everything a client may see is thrown as one of these. */
export class AppError extends Error {
  readonly code: ErrorCode;
  readonly details: Record<string, unknown> | undefined;
  readonly retryAfter: number | undefined;
  readonly headers: Record<string, string> | undefined;

  constructor(code: ErrorCode, options: AppErrorOptions = {}) {
    super(options.message ?? TABLE[code][1], options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'AppError';
    this.code = code;
    this.details = options.details;
    this.retryAfter = options.retryAfter;
    this.headers = options.headers;
  }

  /** HTTP status of the code. */
  get status(): number {
    return TABLE[this.code][0];
  }

  /** The code on the wire: 413 shares `VALIDATION_ERROR` with 400 because clients read only status and code. */
  get wireCode(): string {
    return this.code === 'PAYLOAD_TOO_LARGE' ? 'VALIDATION_ERROR' : this.code;
  }
}
