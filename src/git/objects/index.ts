export { checkObject } from './check.js';
export { MAX_NAME_BYTES } from './check-tree.js';
export {
  type Commit,
  type CommitLinks,
  commitLinks,
  encodeCommit,
  type NewCommit,
  parseCommit,
} from './commit.js';
export { ObjectError } from './error.js';
export type { Finding, FindingId } from './finding.js';
export { objectHeader, objectId } from './id.js';
export { formatPerson, type Person, parsePerson } from './person.js';
export type { ObjectSource, WorkMeter } from './source.js';
export { encodeTag, isObjectType, parseTag, type Tag } from './tag.js';
export { encodeTree, forEachTreeEntry, type TreeEntry, treeEntries } from './tree.js';
export { TreeCursor } from './tree-cursor.js';
export { type GitObject, OBJECT_TYPES, type ObjectType, typeFromNumber } from './type.js';
