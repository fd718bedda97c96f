/** The lines of git's configuration that make git ask this helper, for one host only. */
import { spawnSync } from 'node:child_process';
import type { Env } from './cli.js';
import { CliError } from './failure.js';

export type Scope = 'global' | 'local';

/**
 * Makes `command` the only credential helper for an origin and lets git pass the path of the repository.
 *
 * An empty value resets the helpers configured so far, so that no keychain sees the token; that works only for lines
 * that come earlier, hence ours are moved to the end when a helper for all hosts was added after them.
 * @returns whether anything had to be changed
 * @throws CliError when git is missing or refuses
 */
export function configureHelper(env: Env, scope: Scope, origin: string, command: string): boolean {
  const git = runner(env, scope);
  const helper = `credential.${origin}.helper`;
  const path = `credential.${origin}.useHttpPath`;
  const wanted = ['', `!${command}`];
  const inOrder = helpersInOrder(git).filter(([key]) => key === helper || key === 'credential.helper');
  const ours = inOrder.filter(([key]) => key === helper).map(([, value]) => value);
  const last = inOrder.slice(-wanted.length).every(([key]) => key === helper);
  const right = last && ours.length === wanted.length && ours.every((value, i) => value === wanted[i]);
  const hasPath = git(['--get-all', path], [0, 1]) === 'true\n';
  if (right && hasPath) return false;

  git(['--unset-all', helper], [0, 5]);
  git(['--unset-all', path], [0, 5]);
  for (const value of wanted) git(['--add', helper, value], [0]);
  git(['--add', path, 'true'], [0]);
  return true;
}

/**
 * Makes git sign pushes with an SSH key where the server asks for it (git 2.34 or newer).
 *
 * These variables hold for all hosts, so a signing key that is set already is never replaced.
 * @throws CliError when git signs with something else, or refuses
 */
export function configureSigning(env: Env, scope: Scope, keyPath: string): void {
  const git = runner(env, scope);
  const wanted = { 'user.signingkey': keyPath, 'gpg.format': 'ssh', 'push.gpgSign': 'if-asked' };
  for (const name of ['user.signingkey', 'gpg.format'] as const) {
    const set = git(['--get', name], [0, 1]).trimEnd();
    if (set === '' || set === wanted[name]) continue;
    const hint = scope === 'global' ? 'run it inside a clone with --local' : `git config --local --unset ${name}`;
    throw new CliError('usage', `git signs with another key already (${name} is ${set})`, hint);
  }
  for (const [name, value] of Object.entries(wanted)) git(['--replace-all', name, value], [0]);
}

type Git = (args: readonly string[], accepted: readonly number[]) => string;

function runner(env: Env, scope: Scope): Git {
  return (args, accepted) => {
    const result = spawnSync('git', ['config', `--${scope}`, ...args], { env: { ...env }, encoding: 'utf8' });
    if (result.error !== undefined) {
      throw new CliError('usage', `git cannot be run: ${result.error.message}`, 'install git, or put it on the PATH');
    }
    if (accepted.includes(result.status ?? -1)) return result.stdout;
    const reason = result.stderr.trim().split('\n').at(-1) || `git config ended with ${result.status}`;
    throw new CliError(
      'usage',
      reason,
      scope === 'local' ? 'run this inside a git repository' : 'check the configuration file of git',
    );
  };
}

/** Keys and values of all helper lines in the order of the file; git spells section and variable names in lower case. */
function helpersInOrder(git: Git): [string, string][] {
  const records = git(['-z', '--get-regexp', '^credential\\.(.*\\.)?helper$'], [0, 1]).split('\0').slice(0, -1);
  return records.map((record) => {
    const at = record.indexOf('\n');
    return at < 0 ? [record, ''] : [record.slice(0, at), record.slice(at + 1)];
  });
}
