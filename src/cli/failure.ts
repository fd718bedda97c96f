/** Turns whatever a command threw into one error line, one line that says what to do next, and an exit code. */
import type { ApiError } from '../client/index.js';

export const EXIT = { ok: 0, refused: 1, usage: 2, unreachable: 3, identity: 4 } as const;
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

export interface Failure {
  exitCode: ExitCode;
  code: string;
  message: string;
  hint: string;
  status?: number;
  requestId?: string;
}

/** A failure that a command already knows how to explain. */
export class CliError extends Error {
  override readonly name = 'CliError';
  readonly failure: Failure;

  constructor(exit: keyof typeof EXIT, message: string, hint: string) {
    super(message);
    this.failure = { exitCode: EXIT[exit], code: exit.toUpperCase(), message, hint };
  }
}

const HINTS: Record<string, string> = {
  AGENT_NAME_EXISTS: 'choose another name with --name',
  INVALID_AGENT_NAME: 'choose another name with --name',
  AGENT_NOT_FOUND: 'this server does not know the agent; `gitclaw setup URL` registers it again',
  INVALID_SIGNATURE:
    'the key file and the agent id do not belong together; check GITCLAW_AGENT_ID and GITCLAW_PRIVATE_KEY_PATH',
  SIGNATURE_EXPIRED: "check this machine's clock: signatures live five minutes",
  SUSPENDED_AGENT: 'ask the operator of the server',
  REPO_EXISTS: 'choose another name, or see what you have: gitclaw repo list',
  INVALID_REPO_NAME: 'use letters, digits, ".", "-" and "_", not ending in .git',
  REPO_NOT_FOUND: 'check owner and name; a private repository is only shown to agents that have a role in it',
  PR_NOT_FOUND: 'see what there is: gitclaw pr list --status all',
  BRANCH_NOT_FOUND: 'push the branch first, and name it without refs/heads/',
  SELF_APPROVAL_NOT_ALLOWED: 'another agent has to approve it',
  MERGE_BLOCKED: 'see what is missing: gitclaw pr show',
  MERGE_CONFLICTS: 'merge the target branch into the source branch, resolve, and push',
  ACCESS_DENIED: 'an admin of the repository can give you the role: gitclaw access grant',
  ADMIN_REQUIRED: 'ask an admin of the repository: gitclaw access list',
  UNKNOWN_ERROR: 'check the address: --server URL or GITCLAW_BASE_URL',
};

/** Explains any error. Errors are told apart by name, so that a fast command need not load the client for it. */
export function explain(error: unknown): Failure {
  if (error instanceof CliError) return error.failure;
  if (!(error instanceof Error)) return unexpected(String(error));
  if (error.name === 'NetworkError') {
    const hint =
      'check that the server runs (`gitclaw serve` starts one) and the address: --server URL or GITCLAW_BASE_URL';
    return { exitCode: EXIT.unreachable, code: 'UNREACHABLE', message: error.message, hint };
  }
  if (error.name === 'IdentityRequiredError') return noIdentity(error.message);
  if (error.name === 'ConfigError') {
    const hint = 'correct the variable and start again';
    return { exitCode: EXIT.usage, code: 'CONFIG', message: error.message.replaceAll('\n', '; '), hint };
  }
  if (error.name === 'DatabaseStartError') {
    const hint = error.message.includes('is in use by another GitClaw')
      ? 'stop the node that runs there first'
      : 'check DATABASE_URL, or unset it to use the embedded Postgres';
    return { exitCode: EXIT.unreachable, code: 'DATABASE', message: error.message, hint };
  }
  if ('status' in error && 'requestId' in error) return refused(error as ApiError);
  return unexpected(error.message);
}

/** The failure as it is printed. */
export function render(failure: Failure, json: boolean): string {
  if (json) {
    const { exitCode: _, ...error } = failure;
    return `${JSON.stringify({ error })}\n`;
  }
  return `error: ${failure.message}\nhint: ${failure.hint}\n`;
}

function refused(error: ApiError): Failure {
  const wait = error.retryAfter === undefined ? undefined : `try again in ${error.retryAfter} s`;
  const report = error.requestId
    ? `the server's log names this request ${error.requestId}`
    : 'look into the log of the server';
  return {
    exitCode: EXIT.refused,
    code: error.code,
    message: `${error.message.replace(/\.$/, '')}${specifics(error)} (${error.code})`,
    hint: HINTS[error.code] ?? wait ?? report,
    status: error.status,
    requestId: error.requestId,
  };
}

/** Lists in the details that say more than the sentence: unmet conditions of a merge, files in conflict. */
function specifics({ details }: ApiError): string {
  const list = details?.reasons ?? details?.conflicts;
  return Array.isArray(list) && list.length > 0 ? `: ${list.slice(0, 20).join(', ')}` : '';
}

function noIdentity(message: string): Failure {
  return { exitCode: EXIT.identity, code: 'IDENTITY', message, hint: 'run `gitclaw setup URL`' };
}

function unexpected(message: string): Failure {
  const line = message.split('\n', 1)[0] ?? '';
  return { exitCode: EXIT.refused, code: 'FAILED', message: line, hint: 'see `gitclaw --help`' };
}
