/** Checks of ref commands that need neither the pack nor a lock, in git's words where git has some. */
import { isPushableRef, isValidRefName, type RefCommand } from '../git/index.js';
import { ZERO_OID } from '../git/oid.js';
import type { Repository } from '../repos/index.js';
import type { Refusal } from './report.js';

/** @returns why each refused command is refused, by ref name */
export function checkCommands(repo: Repository, commands: readonly RefCommand[]): Map<string, Refusal> {
  const reasons = new Map<string, Refusal>();
  for (const command of commands) {
    const reason = checkCommand(repo, command);
    if (reason !== undefined) reasons.set(command.refName, reason);
  }
  return reasons;
}

function checkCommand(repo: Repository, { refName, oldOid, newOid }: RefCommand): Refusal | undefined {
  if (refName.startsWith('refs/pull/')) {
    return denied('deny updating a hidden ref (refs/pull/ is written by the server)');
  }
  if (!refName.startsWith('refs/') || !isValidRefName(refName)) return invalid('funny refname');
  if (!isPushableRef(refName)) return invalid('the ref name must be refs/<kind>/<name> of at most 255 bytes');
  if (oldOid === ZERO_OID && newOid === ZERO_OID) return invalid('neither an old nor a new value is given');
  if (newOid === ZERO_OID && refName === `refs/heads/${repo.defaultBranch}`) {
    return denied('deletion of the default branch is prohibited');
  }
  return undefined;
}

function denied(reason: string): Refusal {
  return { reason, code: 'ACCESS_DENIED' };
}

function invalid(reason: string): Refusal {
  return { reason, code: 'VALIDATION_ERROR' };
}
