/** Clones, fetches and advertisements. */
import type { GitSandbox } from '../../test/support/git.js';
import { exchange, lsRefs, rawFetch } from '../support/raw-client.js';
import { timed } from '../support/stats.js';
import type { Target } from '../support/target.js';
import type { Work } from './measure.js';
import type { Repository } from './repositories.js';

type Urls = Map<Target, string>;

/**
 * Rounds of work that takes milliseconds: processor time is counted in steps of 10 ms, and a server that has answered
 * hardly anything yet is measured compiling itself.
 */
const SHORT = { warmUp: 10, rounds: 60 };

/** Work on one hosted repository. @param urls where each server has it */
export function readWork(sandbox: GitSandbox, repo: Repository, urls: Urls): Work[] {
  const url = (target: Target) => urls.get(target)!;
  const label = `${Math.round(repo.objects / 1000)}k objects`;
  let copies = 0;
  const clone = async (target: Target, ...args: string[]) => {
    copies += 1;
    const dir = sandbox.path(`clone-${repo.name}-${copies}`);
    const seconds = await timed(() => sandbox.git(['clone', '-q', '--bare', ...args, url(target), dir]));
    return { seconds, dir };
  };
  const cloning = (name: string, target: Work['target'], ...args: string[]): Work => ({
    name: `${name}, ${label}`,
    byGit: true,
    ...(repo.name === 'small' ? { warmUp: 5, rounds: 20 } : { rounds: repo.name === 'large' ? 3 : 5 }),
    ...(target && { target }),
    async round(server) {
      const { seconds, dir } = await clone(server, ...args);
      await sandbox.git(['-C', dir, 'gc', '--auto', '-q'], { ok: false });
      return seconds;
    },
  });
  return [
    {
      name: `raw clone, ${label}`,
      ...(repo.name === 'large' ? { rounds: 15 } : SHORT),
      target: { ratio: 0.4, cpu: 0.3 },
      round: async (server) => (await rawFetch(url(server), repo.tips)).total,
    },
    {
      name: `first byte of a clone, ${label}`,
      ...(repo.name === 'large' ? { rounds: 15 } : SHORT),
      target: { ratio: 1 },
      round: async (server) => (await rawFetch(url(server), repo.tips)).first,
    },
    cloning('git clone', { ratio: 0.9, cpu: 0.3 }),
    cloning('git clone --depth 1', { ratio: 1, cpu: 1 }, '--depth', '1'),
    cloning('git clone --filter=blob:none', { ratio: 1, cpu: 1 }, '--filter=blob:none'),
    fetching(sandbox, repo, urls, 1),
    fetching(sandbox, repo, urls, 1000),
  ];
}

/** Fetch of the newest commits of main by a clone that lacks them. */
function fetching(sandbox: GitSandbox, repo: Repository, urls: Urls, behind: number): Work {
  let base: Promise<string> | undefined;
  const prepare = async () => {
    const dir = sandbox.path(`behind-${repo.name}-${behind}`);
    await sandbox.git(['clone', '-q', '--bare', repo.dir, dir]);
    const list = (await sandbox.git(['rev-list', '--first-parent', `--max-count=${behind + 1}`, 'main'], { cwd: dir }))
      .stdout;
    const old = list.trim().split('\n').at(-1)!;
    const others = [...(await sandbox.refs(dir)).keys()].filter((name) => name !== 'refs/heads/main');
    const input = others.map((name) => `delete ${name}\n`).join('');
    await sandbox.git(['update-ref', '--stdin'], { cwd: dir, input: `${input}update refs/heads/main ${old}\n` });
    await sandbox.git(['repack', '-adq'], { cwd: dir });
    await sandbox.git(['prune', '--expire=now'], { cwd: dir });
    return dir;
  };
  let copies = 0;
  return {
    name: `fetch of ${behind} commit${behind > 1 ? 's' : ''}, ${Math.round(repo.objects / 1000)}k objects`,
    byGit: true,
    ...(repo.name === 'small' ? { warmUp: 5, rounds: 20 } : { rounds: 9 }),
    target: { ratio: 0.8, cpu: 1 },
    async round(server) {
      base ??= prepare();
      copies += 1;
      const dir = sandbox.path(`fetch-${repo.name}-${behind}-${copies}`);
      await sandbox.git(['clone', '-q', '--bare', '--shared', await base, dir]);
      return timed(() => sandbox.git(['fetch', '-q', urls.get(server)!, 'main:refs/heads/new'], { cwd: dir }));
    },
  };
}

/** 32 clones of a small repository at once. */
export function crowd(sandbox: GitSandbox, urls: Urls): Work {
  let copies = 0;
  return {
    name: '32 git clones at once, 2k objects',
    byGit: true,
    rounds: 5,
    target: { ratio: 0.6, cpu: 0.3 },
    round(server) {
      const dirs = Array.from({ length: 32 }, () => sandbox.path(`crowd-${++copies}`));
      return timed(() =>
        Promise.all(dirs.map((dir) => sandbox.git(['clone', '-q', '--bare', urls.get(server)!, dir]))),
      );
    },
  };
}

const CONNECTIONS = 32;

/** info/refs and ls-refs in turns over 32 connections, as a client's first two requests. */
export function refRequests(name: string, urls: Urls): Work {
  return {
    name: `info/refs + ls-refs, ${name}`,
    unit: '/s',
    rounds: 5,
    target: { ratio: 6 },
    async round(server) {
      const url = urls.get(server)!;
      const until = performance.now() + 3000;
      let done = 0;
      const one = async () => {
        while (performance.now() < until) {
          const headers = { 'git-protocol': 'version=2' };
          const first = await exchange(`${url}/info/refs?service=git-upload-pack`, { headers });
          const second = await lsRefs(url);
          if (first.status !== 200 || second.status !== 200) throw new Error(`${first.status} ${second.status}`);
          done += 2;
        }
      };
      const seconds = await timed(() => Promise.all(Array.from({ length: CONNECTIONS }, one)));
      return done / seconds;
    },
  };
}
