/** What the git repository of the current folder says: its branch, its remotes, its last commit. */
import { spawnSync } from 'node:child_process';
import type { Cli } from './cli.js';

/** Addresses git fetches from, the likeliest first: the remote of the current branch, `origin`, then the others. */
export function remoteAddresses(cli: Cli): string[] {
  const names = lines(git(cli, ['remote']));
  const branch = currentBranch(cli);
  const own = branch === undefined ? undefined : git(cli, ['config', '--get', `branch.${branch}.remote`])?.trim();
  const rank = (name: string) => (name === own ? 0 : name === 'origin' ? 1 : 2);
  const ordered = names
    .map((name, index) => ({ name, index }))
    .sort((a, b) => rank(a.name) - rank(b.name) || a.index - b.index);
  return ordered.flatMap(({ name }) => lines(git(cli, ['remote', 'get-url', name])));
}

/** Undefined outside a repository and when no branch is checked out. */
export function currentBranch(cli: Cli): string | undefined {
  return git(cli, ['symbolic-ref', '--quiet', '--short', 'HEAD'])?.trim() || undefined;
}

/** First line of the last commit's message. */
export function lastSubject(cli: Cli): string | undefined {
  return git(cli, ['log', '-1', '--format=%s'])?.trim() || undefined;
}

/** Standard output, undefined when git is missing or fails: whoever asks has another way to go. */
function git(cli: Cli, args: readonly string[]): string | undefined {
  const result = spawnSync('git', [...args], { cwd: cli.cwd, env: { ...cli.env }, encoding: 'utf8' });
  return result.status === 0 ? result.stdout : undefined;
}

function lines(text: string | undefined): string[] {
  return (text ?? '').split('\n').filter((line) => line !== '');
}
