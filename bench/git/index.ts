/** Everything git does all day, ours against git http-backend in the same run. */

import { embedded } from '../../test/support/deployment.js';
import { GitSandbox } from '../../test/support/git.js';
import { settle, watchMemory } from '../support/process-tree.js';
import type { PushedPack } from '../support/raw-client.js';
import { startS3Node } from '../support/s3-node.js';
import { startOurs, startPeer, type Target } from '../support/target.js';
import { ROUNDS_AT_WORK, receivePushes, receiveRepositories, serveClones } from './at-work.js';
import { type LoopLag, lagLines, loopLag } from './lag.js';
import { compare, type Row, type Work } from './measure.js';
import { chain, rawParallelPushes, rawPushes } from './raw-writes.js';
import { crowd, readWork, refRequests } from './reads.js';
import { type Replay, startReplay } from './replay.js';
import { table } from './report.js';
import { type Repository, repository, type Size } from './repositories.js';
import { firstPush, parallelPushes, smallPush } from './writes.js';

export interface GitBenchOptions {
  driver: 'embedded' | 's3';
  sizes: readonly Size[];
  /** Only work whose name contains one of these. */
  only?: readonly string[];
  log(line: string): void;
}

export interface GitBench {
  rows: Row[];
  lags: LoopLag[];
  peakBytes: number | undefined;
}

export async function benchGit(options: GitBenchOptions): Promise<GitBench> {
  const sandbox = new GitSandbox();
  const peer = await startPeer(sandbox);
  const env = { LOG_LEVEL: 'error', RATE_LIMIT_ENABLED: 'false' };
  const isS3 = options.driver === 's3';
  // Each repository has a node of its own: what is left over from another one is not measured with it. They go at the
  // end, because a file system that has just deleted thousands of files makes new ones slowly.
  const start = async () => startOurs(isS3 ? await startS3Node(env) : await embedded.start({ env }), options.driver);
  const rows: Row[] = [];
  const lags: LoopLag[] = [];
  const nodes: Target[] = [];
  try {
    let peakBytes: number | undefined;
    let warmUp: Promise<PushedPack[]> | undefined;
    const small = await repository(sandbox, 'small');
    for (const size of options.sizes) {
      const repo = await repository(sandbox, size);
      const node = await start();
      nodes.push(node);
      let replay: Replay | undefined;
      const isWanted = ({ name }: Pick<Work, 'name'>) => options.only?.some((part) => name.includes(part)) ?? true;
      const run = async (work: Work) => {
        if (!isWanted(work)) return;
        const row = await compare(node, peer, work, replay);
        rows.push(row);
        options.log(table([row]).split('\n')[2] ?? '');
      };
      const first = watched(firstPush(repo), node, (bytes) => {
        if (size === 'large') peakBytes = Math.max(peakBytes ?? 0, bytes);
      });
      if (size === 'medium' && isWanted(first)) await receiveRepositories(node, small);
      if (size !== 'small') await run(first);
      const urls = await host([node, peer], repo);
      const url = urls.get(node)!;
      replay = await startReplay(node, new URL(url).origin);
      nodes.push(replay.target);
      urls.set(replay.target, replay.at(url));
      const reads = readWork(sandbox, repo, urls);
      if (size === 'small') reads.push(crowd(sandbox, urls));
      if (reads.some(isWanted)) await serveClones(node, small);
      for (const work of reads) await run(work);
      if (size !== 'small' && isWanted({ name: 'event loop' })) {
        lags.push(await loopLag(node, repo, url));
        options.log(lagLines(lags.slice(-1)));
        await settle(node.pid);
      }
      const pushes = [rawPushes(sandbox, repo, urls), smallPush(sandbox, repo, urls)];
      if (size !== 'large') pushes.push(parallelPushes(sandbox, repo, urls), rawParallelPushes(sandbox, repo, urls));
      if (pushes.some(isWanted)) {
        warmUp ??= chain(sandbox, small, 'at work', ROUNDS_AT_WORK);
        await receivePushes(node, small, await warmUp);
      }
      for (const work of pushes) {
        if (work.byGit && isWanted(work)) {
          await peer.tidy(repo.name);
          await settle(node.pid);
        }
        await run(work);
      }
      if (size !== 'small') continue;
      // Last, because more refs make everything else slower.
      await run(refRequests('as pushed', urls));
      await manyRefs(sandbox, repo, urls, 100);
      await run(refRequests('100 more refs', urls));
      await manyRefs(sandbox, repo, urls, 4000);
      await run(refRequests('4,000 more refs', urls));
    }
    return { rows, lags, peakBytes };
  } finally {
    for (const node of nodes) await node.stop();
    await peer.stop();
    sandbox.dispose();
  }
}

/** The same work, with the memory that our processes take while they do it; not what they take for what follows. */
function watched(work: Work, node: Target, note: (peakBytes: number) => void): Work {
  return {
    ...work,
    async round(target, turn) {
      if (target !== node) return work.round(target, turn);
      const stop = watchMemory(node.pid);
      try {
        return await work.round(target, turn);
      } finally {
        note(stop());
      }
    },
  };
}

async function host(targets: readonly Target[], repo: Repository): Promise<Map<Target, string>> {
  const urls = new Map<Target, string>();
  for (const target of targets) {
    urls.set(target, await target.host(repo.name, repo.dir));
    await settle(target.pid);
  }
  return urls;
}

async function manyRefs(
  sandbox: GitSandbox,
  repo: Repository,
  urls: Map<Target, string>,
  count: number,
): Promise<void> {
  const dir = sandbox.path(`refs-${count}`);
  await sandbox.git(['clone', '-q', '--bare', '--shared', repo.dir, dir]);
  const input = Array.from({ length: count }, (_, i) => `create refs/heads/many/${count}/${i} ${repo.head}\n`).join('');
  await sandbox.git(['update-ref', '--stdin'], { cwd: dir, input });
  for (const [target, url] of urls) {
    if (target.replays) continue;
    const headers = Object.entries(target.pushHeaders(url)).flatMap(([name, value]) => [
      '-c',
      `http.extraHeader=${name}: ${value}`,
    ]);
    await sandbox.git([...headers, 'push', '-q', url, 'refs/heads/many/*:refs/heads/many/*'], { cwd: dir });
  }
}
