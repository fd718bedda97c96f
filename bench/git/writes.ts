/** Pushes. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { GitSandbox } from '../../test/support/git.js';
import { rawPush } from '../support/raw-client.js';
import { timed } from '../support/stats.js';
import { headerConfig, type Target } from '../support/target.js';
import type { Work } from './measure.js';
import type { Repository } from './repositories.js';

type Urls = Map<Target, string>;

/** One new commit with one changed file, pushed by git. */
export function smallPush(sandbox: GitSandbox, repo: Repository, urls: Urls): Work {
  const clones = new Map<Target, Promise<string>>();
  return {
    name: `push of one commit, ${Math.round(repo.objects / 1000)}k objects`,
    byGit: true,
    rounds: 40,
    warmUp: 20,
    target: { ratio: 0.8, cpu: 1 },
    async round(server, turn) {
      const dir = await (clones.get(server) ?? clones.set(server, workTree(sandbox, repo, server.name)).get(server)!);
      // Of repeated answers the branch is always new, so one commit is pushed only if it is the first.
      if (server.replays) await sandbox.git(['reset', '-q', '--hard', repo.head], { cwd: dir });
      await change(sandbox, dir, turn);
      const url = urls.get(server)!;
      const headers = headerConfig(server.pushHeaders(url));
      const branch = server.replays ? 'alone' : 'bench';
      return timed(() => sandbox.git([...headers, 'push', '-q', url, `HEAD:refs/heads/${branch}`], { cwd: dir }));
    },
  };
}

const AGENTS = 16;
const PUSHES_EACH = 5;

/** Sixteen agents, each on a branch of its own. */
export function parallelPushes(sandbox: GitSandbox, repo: Repository, urls: Urls): Work {
  const clones = new Map<Target, Promise<string[]>>();
  return {
    name: `16 agents push to 16 branches, ${Math.round(repo.objects / 1000)}k objects`,
    unit: '/s',
    byGit: true,
    rounds: 5,
    target: { ratio: 2 },
    async round(server, turn) {
      const made =
        clones.get(server) ??
        Promise.all(Array.from({ length: AGENTS }, (_, i) => workTree(sandbox, repo, `${server.name}-${i}`)));
      clones.set(server, made);
      const url = urls.get(server)!;
      const dirs = await made;
      // Commits are made before the clock starts: only the pushes count.
      const commits: string[][] = [];
      for (const dir of dirs) {
        const made: string[] = [];
        for (let i = 0; i < PUSHES_EACH; i++) {
          // Of repeated answers the branch is always new, so one commit is pushed only if it is the first.
          if (server.replays) await sandbox.git(['reset', '-q', '--hard', repo.head], { cwd: dir });
          await change(sandbox, dir, turn * 100 + i);
          made.push((await sandbox.git(['rev-parse', 'HEAD'], { cwd: dir })).stdout.trim());
        }
        commits.push(made);
      }
      const name = server.replays ? 'agent-alone' : 'agent';
      const push = async (dir: string, agent: number) => {
        for (const commit of commits[agent]!) {
          const headers = headerConfig(server.pushHeaders(url));
          const update = `${commit}:refs/heads/${name}-${agent}`;
          await sandbox.git([...headers, 'push', '-q', url, update], { cwd: dir });
        }
      };
      return (AGENTS * PUSHES_EACH) / (await timed(() => Promise.all(dirs.map(push))));
    },
  };
}

/** The whole pack into an empty repository. */
export function firstPush(repo: Repository): Work {
  let count = 0;
  return {
    name: `first push, raw, ${Math.round(repo.objects / 1000)}k objects`,
    // What one of the largest leaves to do takes minutes, and compiling is nothing beside it.
    ...(repo.name === 'large' ? { rounds: 1, warmUp: 0 } : { rounds: 5 }),
    unsettles: true,
    target: { ratio: 1, cpu: 1 },
    async round(server) {
      const url = await server.empty(`first-${repo.name}-${++count}`);
      return (await rawPush(url, 'refs/heads/main', repo.head, repo.pack, server.pushHeaders(url))).total;
    },
  };
}

async function workTree(sandbox: GitSandbox, repo: Repository, name: string): Promise<string> {
  const dir = sandbox.path(`work-${repo.name}-${name.replaceAll(/\W/g, '-')}`);
  await sandbox.git(['clone', '-q', '--shared', '--no-tags', '-b', 'main', repo.dir, dir]);
  return dir;
}

async function change(sandbox: GitSandbox, dir: string, turn: number): Promise<void> {
  writeFileSync(join(dir, 'bench.txt'), `${turn} ${dir} ${Math.random()}\n`);
  await sandbox.git(['add', 'bench.txt'], { cwd: dir });
  await sandbox.git(['commit', '-q', '-m', `turn ${turn}`], { cwd: dir });
}
