/** fsck rules for commits and tags. */
import { checkHeaderEnd, HeaderCursor } from './check-text.js';
import type { FindingId } from './finding.js';
import { isObjectType } from './tag.js';

export function checkCommit(data: Uint8Array): FindingId | undefined {
  const end = checkHeaderEnd(data);
  if (end !== undefined) return end;
  const cursor = new HeaderCursor(data);
  if (!cursor.take('tree ')) return 'missingTree';
  if (!cursor.takeOid()) return 'badTreeSha1';
  while (cursor.take('parent ')) if (!cursor.takeOid()) return 'badParentSha1';
  let authors = 0;
  for (; cursor.take('author '); authors++) {
    const bad = cursor.takePerson();
    if (bad !== undefined) return bad;
  }
  if (authors === 0) return 'missingAuthor';
  if (authors > 1) return 'multipleAuthors';
  if (!cursor.take('committer ')) return 'missingCommitter';
  return cursor.takePerson() ?? (cursor.data.includes(0) ? 'nulInCommit' : undefined);
}

/** A tag without tagger or with an odd name passes, as in git, because old histories have such tags. */
export function checkTag(data: Uint8Array): FindingId | undefined {
  const end = checkHeaderEnd(data);
  if (end !== undefined) return end;
  const cursor = new HeaderCursor(data);
  if (!cursor.take('object ')) return 'missingObject';
  if (!cursor.takeOid()) return 'badObjectSha1';
  if (!cursor.take('type ')) return 'missingTypeEntry';
  const type = cursor.takeLine();
  if (type === undefined) return 'missingType';
  if (!isObjectType(type)) return 'badType';
  if (!cursor.take('tag ')) return 'missingTagEntry';
  if (cursor.takeLine() === undefined) return 'missingTag';
  return cursor.take('tagger ') ? cursor.takePerson() : undefined;
}
