/** Translates what Postgres and its driver throw; see Appendix A of the Postgres manual for the five-letter codes. */
import { AppError } from '../errors.js';

/** A database that cannot be used at all; `message` is one line for the operator and holds no secret. */
export class DatabaseStartError extends Error {
  override readonly name = 'DatabaseStartError';
}

interface DriverError extends Error {
  code: string;
  constraint_name?: string;
  syscall?: string;
}

const NETWORK_CODES = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ENOTFOUND',
  'EAI_AGAIN',
  'ETIMEDOUT',
  'EPIPE',
  'ENOENT',
  'EHOSTUNREACH',
  'CONNECT_TIMEOUT',
  'CONNECTION_CLOSED',
  'CONNECTION_ENDED',
  'CONNECTION_DESTROYED',
]);

/** True when the connection that reported this is of no more use: a network error, or Postgres ended the session. */
export function isConnectionLost(error: unknown): boolean {
  const cause = driverError(error);
  if (cause === undefined) return false;
  return NETWORK_CODES.has(cause.code) || ['FATAL', 'PANIC'].includes((cause as { severity?: string }).severity ?? '');
}

/** The driver's error inside the wrappers that drizzle and we put around it. */
function driverError(error: unknown): DriverError | undefined {
  for (let current = error, depth = 0; current instanceof Error && depth < 5; current = current.cause, depth++) {
    if (current.name === 'PostgresError') return current as DriverError;
    const { code, syscall } = current as Partial<DriverError>;
    // A missing file has this code as well as a missing socket.
    if (code === 'ENOENT' && syscall !== 'connect') continue;
    if (!(current instanceof AppError) && typeof code === 'string' && NETWORK_CODES.has(code))
      return current as DriverError;
  }
  return undefined;
}

/** True when the error is a unique violation, of the named constraint or index if one is given. */
export function isUniqueViolation(error: unknown, constraint?: string): boolean {
  const cause = driverError(error);
  return cause?.code === '23505' && (constraint === undefined || cause.constraint_name === constraint);
}

/** True when the error is a violated foreign key, of the named constraint if one is given. */
export function isForeignKeyViolation(error: unknown, constraint?: string): boolean {
  const cause = driverError(error);
  return cause?.code === '23503' && (constraint === undefined || cause.constraint_name === constraint);
}

/**
 * The error as DATABASE_ERROR if it came from the database, otherwise unchanged.
 * The original, with its SQL, stays in `cause` for the log.
 */
export function asDatabaseError(error: unknown): unknown {
  if (error instanceof AppError || error instanceof DatabaseStartError) return error;
  return driverError(error) === undefined ? error : new AppError('DATABASE_ERROR', { cause: error });
}

/** One line for the operator: what is wrong with the database at this URL. Never contains the password. */
export function describeDatabaseError(error: unknown, url: string): string {
  const where = addressOf(url);
  const cause = driverError(error);
  switch (cause?.code) {
    case 'ECONNREFUSED':
      return `Connection refused: no Postgres answers at ${where} (DATABASE_URL)`;
    case 'ENOENT':
      return `Connection refused: there is no Postgres socket at ${where} (DATABASE_URL)`;
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return `Host not found: ${where} (DATABASE_URL)`;
    case 'CONNECT_TIMEOUT':
    case 'ETIMEDOUT':
    case 'EHOSTUNREACH':
      return `Connection timed out: no Postgres answers at ${where} (DATABASE_URL)`;
    case '28P01':
    case '28000':
      return `Postgres at ${where} refuses the user or the password of DATABASE_URL`;
    case '3D000':
      return `The database named in DATABASE_URL does not exist at ${where}`;
    default:
      return `Postgres at ${where} cannot be used: ${oneLine(cause ?? error)}`;
  }
}

function oneLine(error: unknown): string {
  return (error instanceof Error ? error.message || error.name : String(error)).replace(/\s+/g, ' ').trim();
}

function addressOf(url: string): string {
  try {
    const parsed = new URL(url);
    return parsed.searchParams.get('host') ?? `${decodeURIComponent(parsed.hostname)}:${parsed.port || '5432'}`;
  } catch {
    return 'the address given';
  }
}
