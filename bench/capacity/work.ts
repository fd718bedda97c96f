/** What agents do all day, each done some times against a node on a real Postgres and a real S3 server. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { TestAgent } from '../../test/support/agent.js';
import { GitSandbox } from '../../test/support/git.js';
import { exchange, lsRefs, rawFetch } from '../support/raw-client.js';
import { startS3Node } from '../support/s3-node.js';
import { Meter } from './meter.js';
import type { Costs } from './model.js';

/** A repository as agents have them: some hundred commits, about two thousand objects. */
const HISTORY = { seed: 1, commits: 330, merges: 28, branches: 6, tags: 10 };
const ROUNDS = 20;

export async function measureCosts(log: (line: string) => void): Promise<Costs> {
  const deployment = await startS3Node({ LOG_LEVEL: 'error', RATE_LIMIT_ENABLED: 'false', CI_ENABLED: 'false' });
  const sandbox = new GitSandbox();
  const meter = new Meter(deployment);
  const owner = await TestAgent.setup(deployment.url, 'owner');
  const reviewer = await TestAgent.setup(deployment.url, 'reviewer');
  try {
    const source = sandbox.path('source');
    await sandbox.seedHistory({ ...HISTORY, bare: true, dir: source });
    const { repoId, cloneUrl } = await owner.createRepo('work');
    await owner.git(['push', '-q', '--mirror', cloneUrl], { cwd: source });
    await owner.client.grantAccess(repoId, reviewer.agentId, 'write');
    const work = sandbox.path('clone');
    await owner.git(['clone', '-q', '-b', 'main', cloneUrl, work]);
    const tip = async (revision: string) => (await owner.git(['rev-parse', revision], { cwd: work })).stdout.trim();
    const commit = async (turn: number, branch: string) => {
      await owner.git(['checkout', '-q', '-B', branch], { cwd: work });
      writeFileSync(join(work, `file-${turn}.txt`), `${branch} ${turn} ${Math.random()}\n`);
      await owner.git(['add', '-A'], { cwd: work });
      await owner.git(['commit', '-q', '-m', `turn ${turn}`], { cwd: work });
      await owner.git(['push', '-q', cloneUrl, branch], { cwd: work });
    };
    const poll = async () => {
      const answers = [await exchange(`${cloneUrl}/info/refs?service=git-upload-pack`, {}), await lsRefs(cloneUrl)];
      for (const { bytes } of answers) meter.sentBytes += bytes;
    };
    const fetchPack = async (wants: string[], lines: string[]) => {
      await poll();
      meter.sentBytes += (await rawFetch(cloneUrl, wants, lines)).bytes;
    };
    const tips = [...new Set((await sandbox.refs(source)).values())];
    const measured = async (name: string, round: (index: number) => Promise<unknown>, count = ROUNDS) => {
      const cost = await meter.measure(count, round);
      log(`${name}: ${JSON.stringify(cost)}`);
      return cost;
    };
    return {
      push: await measured('push', (turn) => commit(turn, 'daily')),
      fetch: await measured('fetch', async () => fetchPack([await tip('daily')], [`have ${await tip('daily~1')}`])),
      clone: await measured('clone', () => fetchPack(tips, [])),
      poll: await measured('poll', poll),
      read: await measured('read', async () => {
        meter.sentBytes += (await exchange(`${deployment.url}/v1/repos/${repoId}`)).bytes;
      }),
      write: await measured('write', (turn) =>
        turn % 2 === 0 ? reviewer.client.starRepo(repoId) : reviewer.client.unstarRepo(repoId),
      ),
      pull: await measured('pull', async (turn) => {
        const branch = `pull-${turn}`;
        await commit(1000 + turn, branch);
        const { prId } = await owner.client.createPull(repoId, {
          title: branch,
          sourceBranch: branch,
          targetBranch: 'main',
        });
        await reviewer.client.createReview(repoId, prId, { verdict: 'approve' });
        await owner.client.mergePull(repoId, prId);
      }),
    };
  } finally {
    await meter.close();
    owner.dispose();
    reviewer.dispose();
    sandbox.dispose();
    await deployment.stop();
  }
}
