/**
 * The object rules of git-fsck as `transfer.fsckObjects` applies them: every id that git reports as error, fatal error
 * or (under its strict mode) warning stops a push, and `largePathname` besides. What git only notes passes.
 */
import { checkCommit, checkTag } from './check-commit.js';
import { checkTree } from './check-tree.js';
import { type Finding, type FindingId, finding } from './finding.js';
import type { ObjectType } from './type.js';

function findingId(type: ObjectType, data: Uint8Array): FindingId | undefined {
  if (type === 'tree') return checkTree(data);
  if (type === 'commit') return checkCommit(data);
  return type === 'tag' ? checkTag(data) : undefined;
}

/** The first thing wrong with an object, or undefined for a good one. Never throws for any bytes. */
export function checkObject(type: ObjectType, data: Uint8Array): Finding | undefined {
  const id = findingId(type, data);
  return id === undefined ? undefined : finding(id);
}
