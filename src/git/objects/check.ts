/**
 * The object rules of git-fsck as `transfer.fsckObjects` applies them: every id that git reports as error, fatal error
 * or (under its strict mode) warning stops a push, and `largePathname` besides. What git only notes passes.
 */
import { checkCommit, checkTag } from './check-commit.js';
import { checkGitattributes } from './check-gitattributes.js';
import { checkGitmodules } from './check-gitmodules.js';
import { checkTree, type GuardedEntry, type GuardedFile } from './check-tree.js';
import { type Finding, type FindingId, finding } from './finding.js';
import type { ObjectType } from './type.js';

function findingId(type: ObjectType, data: Uint8Array, guarded: GuardedEntry | undefined): FindingId | undefined {
  if (type === 'tree') return checkTree(data, guarded);
  if (type === 'commit') return checkCommit(data);
  return type === 'tag' ? checkTag(data) : undefined;
}

/**
 * The first thing wrong with an object, or undefined for a good one. Never throws for any bytes.
 * @param guarded see {@link GuardedEntry}
 */
export function checkObject(type: ObjectType, data: Uint8Array, guarded?: GuardedEntry): Finding | undefined {
  const id = findingId(type, data, guarded);
  return id === undefined ? undefined : finding(id);
}

/** The first thing wrong with the content of a blob that some tree gives a guarded name. */
export function checkGuardedFile(file: GuardedFile, data: Uint8Array): Finding | undefined {
  const id = file === 'gitmodules' ? checkGitmodules(data) : checkGitattributes(data);
  return id === undefined ? undefined : finding(id);
}
