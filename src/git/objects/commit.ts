/** Commit objects. */
import { asBuffer } from '../bytes.js';
import { isOid, type Oid } from '../oid.js';
import { ObjectError } from './error.js';
import { decodeText, headerLine, parseHeaders } from './headers.js';
import { formatPerson, type Person, parsePerson } from './person.js';

export interface Commit {
  tree: Oid;
  parents: Oid[];
  author: Person;
  committer: Person;
  encoding?: string;
  /** Any further headers in order, such as `gpgsig`; values of folded ones contain newlines. */
  extra: { name: string; value: string }[];
  /** Decoded by `encoding`, else as UTF-8. */
  message: string;
}

export type NewCommit = Omit<Commit, 'extra'> & { extra?: Commit['extra'] };

function oidValue(value: Buffer | undefined, name: string): Oid {
  const oid = value?.toString('latin1').toLowerCase() ?? '';
  if (!isOid(oid)) throw new ObjectError(`the commit has no valid ${name} line`);
  return oid;
}

/** @throws ObjectError when tree or parents cannot be read; person lines are read leniently */
export function parseCommit(data: Uint8Array): Commit {
  const { lines, message } = parseHeaders(data);
  const encoding = lines.find((line) => line.name === 'encoding')?.value.toString('latin1');
  const text = (name: string) => {
    const value = lines.find((line) => line.name === name)?.value;
    return value === undefined ? '' : decodeText(value, encoding);
  };
  if (lines[0]?.name !== 'tree') throw new ObjectError('the commit has no valid tree line');
  // Only lines right behind the tree are parents: that is how git reads them, and two readings would be a hole.
  let at = 1;
  const parents: Oid[] = [];
  for (; lines[at]?.name === 'parent'; at++) parents.push(oidValue(lines[at]!.value, 'parent'));
  const extra = lines
    .slice(at)
    .filter(({ name }) => name !== 'author' && name !== 'committer' && name !== 'encoding')
    .map(({ name, value }) => ({ name, value: value.toString('utf8') }));
  return {
    tree: oidValue(lines[0].value, 'tree'),
    parents,
    author: parsePerson(text('author')),
    committer: parsePerson(text('committer')),
    ...(encoding === undefined ? {} : { encoding }),
    extra,
    message: decodeText(message, encoding),
  };
}

/** The bytes of a commit, in UTF-8. @throws ObjectError when a value would break the format */
export function encodeCommit(commit: NewCommit): Buffer {
  for (const oid of [commit.tree, ...commit.parents]) {
    if (!isOid(oid)) throw new ObjectError('an object id is not 40 hex digits');
  }
  const extra = [...(commit.encoding === undefined ? [] : [{ name: 'encoding', value: commit.encoding }])];
  let text = headerLine('tree', commit.tree);
  for (const parent of commit.parents) text += headerLine('parent', parent);
  text += headerLine('author', formatPerson(commit.author)) + headerLine('committer', formatPerson(commit.committer));
  for (const { name, value } of [...extra, ...(commit.extra ?? [])]) text += headerLine(name, value);
  if (/\0/.test(text + commit.message)) throw new ObjectError('a commit cannot hold a NUL');
  return Buffer.from(`${text}\n${commit.message}`, 'utf8');
}

export interface CommitLinks {
  tree: Oid;
  parents: Oid[];
  /** Committer time, seconds since 1970, at most 2^53 - 1; 0 where there is none. */
  time: number;
}

/** What the commit graph needs, without decoding the rest. @throws ObjectError as {@link parseCommit} */
export function commitLinks(data: Uint8Array): CommitLinks {
  const buffer = asBuffer(data);
  if (buffer.length < 46 || buffer.toString('latin1', 0, 5) !== 'tree ') oidValue(undefined, 'tree');
  const tree = oidValue(buffer.subarray(5, 45), 'tree');
  const parents: Oid[] = [];
  let at = 46;
  for (; buffer.toString('latin1', at, at + 7) === 'parent '; at += 48) {
    parents.push(oidValue(buffer.subarray(at + 7, at + 47), 'parent'));
  }
  const end = buffer.indexOf('\n\n', at - 1);
  const committer = buffer.indexOf('\ncommitter ', at - 1);
  if (committer === -1 || (end !== -1 && committer > end)) return { tree, parents, time: 0 };
  const stop = buffer.indexOf(0x0a, committer + 1);
  const line = buffer.toString('latin1', committer + 11, stop === -1 ? buffer.length : stop);
  return { tree, parents, time: parsePerson(line).time };
}
