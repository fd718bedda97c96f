/**
 * Pushes to `refs/for/<branch>` open pull requests, as in Gerrit and in git's AGit flow: the ref is a way to say what the
 * push is for and never exists. The commits go to a branch of the pusher instead, which becomes the source.
 */
import type { Principal } from '../auth/index.js';
import type { AppContext } from '../context.js';
import { isPushableRef, type RefCommand } from '../git/index.js';
import { ZERO_OID } from '../git/oid.js';
import { MAX_BRANCH_CHARACTERS, MAX_TITLE_CHARACTERS } from '../pulls/index.js';
import { listRefs } from '../refs/index.js';
import type { Repository } from '../repos/index.js';
import type { Refusal } from './report.js';

const FOR = 'refs/for/';
const HEADS = 'refs/heads/';
/** Of the id that names a source branch when no topic is given, characters. */
const SHORT_OID = 10;

/** A pull request that a push asks for. Branches come without `refs/heads/`. */
export interface Proposal {
  sourceBranch: string;
  targetBranch: string;
  /** As `-o title=...` says; undefined = of the head commit. */
  title: string | undefined;
}

export interface Redirected {
  /** What is done for each command of the client, in its order. */
  commands: RefCommand[];
  /** By the name of the source branch's ref. */
  proposals: Map<string, Proposal>;
  /** By the ref name in {@link commands}. */
  refused: Map<string, Refusal>;
}

/**
 * Puts the source branches of pull requests in the place of `refs/for/` names.
 * @param pusher names the source branches
 * @param options of the push; `topic=` and `title=` count, the last of each
 */
export async function redirectProposals(
  ctx: AppContext,
  repo: Repository,
  pusher: Pick<Principal, 'agentName'>,
  commands: readonly RefCommand[],
  options: readonly string[],
): Promise<Redirected> {
  const redirected: Redirected = { commands: [...commands], proposals: new Map(), refused: new Map() };
  if (!commands.some(({ refName }) => refName.startsWith(FOR))) return redirected;
  const refs = await listRefs(ctx, repo.repoId, repo.refsVersion);
  const heads = new Map(refs.filter(({ name }) => name.startsWith(HEADS)).map(({ name, oid }) => [name, oid]));
  const names = new Set(commands.map(({ refName }) => refName));
  const title = optionValue(options, 'title');
  redirected.commands = commands.map((command) => {
    if (!command.refName.startsWith(FOR)) return command;
    const targetBranch = command.refName.slice(FOR.length);
    const topic = optionValue(options, 'topic') ?? command.newOid.slice(0, SHORT_OID);
    const sourceBranch = `for/${pusher.agentName}/${topic}`;
    const refName = HEADS + sourceBranch;
    const reason = names.has(refName)
      ? `another ref update of this push is for ${refName} too; push them one by one, or give each its topic`
      : problemOf(command, { sourceBranch, targetBranch, title }, heads);
    if (reason !== undefined) {
      redirected.refused.set(command.refName, { reason, code: 'VALIDATION_ERROR' });
      return command;
    }
    names.add(refName);
    redirected.proposals.set(refName, { sourceBranch, targetBranch, title });
    return { refName, oldOid: heads.get(refName) ?? ZERO_OID, newOid: command.newOid };
  });
  return redirected;
}

function problemOf(
  { oldOid, newOid }: RefCommand,
  { sourceBranch, targetBranch, title }: Proposal,
  heads: ReadonlyMap<string, string>,
): string | undefined {
  if (newOid === ZERO_OID) return 'nothing under refs/for/ can be deleted; close the pull request instead';
  if (oldOid !== ZERO_OID) return 'nothing under refs/for/ exists, so there is no old value';
  if (!heads.has(HEADS + targetBranch)) {
    return `there is no branch '${targetBranch}' to open a pull request for; push that branch first`;
  }
  if (sourceBranch === targetBranch) return 'a branch cannot be proposed for itself; choose another topic';
  if (!isPushableRef(HEADS + sourceBranch)) {
    return `'${sourceBranch}' is no branch name; choose another topic: git push -o topic=NAME`;
  }
  const long = tooLong('the source branch', sourceBranch, MAX_BRANCH_CHARACTERS, 'choose a shorter topic');
  if (long !== undefined || title === undefined) return long;
  if (title.trim() === '') return 'the title is empty; leave it out to take that of the head commit';
  return tooLong('the title', title, MAX_TITLE_CHARACTERS, 'shorten it');
}

function tooLong(what: string, text: string, max: number, cure: string): string | undefined {
  const size = [...text].length;
  return size <= max ? undefined : `${what} has ${size} characters, at most ${max} are allowed; ${cure}`;
}

function optionValue(options: readonly string[], name: string): string | undefined {
  return options.findLast((option) => option.startsWith(`${name}=`))?.slice(name.length + 1);
}
