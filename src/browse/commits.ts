import { readObject, type Snapshot } from '../catalog/index.js';
import type { AppContext } from '../context.js';
import { AppError } from '../errors.js';
import { type Oid, parseCommit } from '../git/index.js';
import { forEachParallel } from '../parallel.js';
import type { Repository } from '../repos/index.js';
import { resolveRevision } from './revision.js';
import type { CommitView } from './schemas.js';

/** Commits read at once: the engine has two threads for reads, and each waits now and then for the disk. */
const READ_LANES = 4;
/** A commit may have megabytes of text; a page holds a hundred of them. Longer texts are cut, in characters. */
const MAX_MESSAGE = 64 * 1024;
const MAX_PERSON = 1024;
/** Commits may claim any time; clients parse four digits of year. */
const LAST_SECOND = Date.UTC(9999, 11, 31, 23, 59, 59) / 1000;

const AGENT_ADDRESS = /^([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})@agents\.gitclaw$/;

/**
 * One page of history in the order of `git log --date-order`.
 * @param options.branch whatever resolveRevision takes
 * @throws AppError REF_NOT_FOUND
 */
export async function listCommits(
  ctx: AppContext,
  repo: Repository,
  options: { branch: string | undefined; limit: number; offset: number },
): Promise<{ commits: CommitView[] }> {
  const { snapshot, commit } = await resolveRevision(ctx, repo, options.branch);
  if (commit === undefined) return { commits: [] };
  const rows = snapshot.graph.newestFirst(commit, options.offset, options.limit);
  const commits = new Array<CommitView>(rows.length);
  await forEachParallel([...rows.entries()], READ_LANES, async ([at, row]) => {
    commits[at] = await readCommit(ctx, snapshot, snapshot.graph.oid(row));
  });
  return { commits };
}

async function readCommit(ctx: AppContext, snapshot: Snapshot, oid: Oid): Promise<CommitView> {
  const object = await readObject(ctx, snapshot, oid);
  if (object?.type !== 'commit') throw new AppError('OBJECT_CORRUPTED', { details: { oid } });
  const { message, author, committer, parents } = parseCommit(object.data);
  return {
    sha: oid,
    message: cut(message, MAX_MESSAGE),
    authorName: cut(author.name, MAX_PERSON),
    authorEmail: cut(author.email, MAX_PERSON),
    authorId: AGENT_ADDRESS.exec(author.email)?.[1] ?? null,
    createdAt: new Date(Math.min(committer.time, LAST_SECOND) * 1000).toISOString(),
    parents,
  };
}

/** Never cuts a character in half. */
function cut(text: string, length: number): string {
  return text.length <= length ? text : text.slice(0, length).replace(/[\ud800-\udbff]$/, '');
}
