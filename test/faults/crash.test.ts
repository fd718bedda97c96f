import { writeFileSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { FaultPoint } from '../../src/context.js';
import { TestAgent } from '../support/agent.js';
import { type Deployment, embedded, s3 } from '../support/deployment.js';
import { ServerProcess } from '../support/node.js';

const POINTS: FaultPoint[] = [
  'push.pack-received',
  'push.pack-indexed',
  'push.pack-stored',
  'push.before-commit',
  'push.after-commit',
];

describe.each([embedded, s3])('a node is killed in the middle of a push: $name', (kind) => {
  let deployment: Deployment;
  let agent: TestAgent;
  let node: ServerProcess;
  let work: string;
  let url: string;
  let acknowledged: string;

  beforeAll(async () => {
    deployment = await kind.start();
    node = deployment.nodes[0]!;
    agent = await TestAgent.setup(deployment.url, 'survivor');
    url = (await agent.createRepo('precious')).cloneUrl;
    work = agent.sandbox.path('work');
    await agent.sandbox.seedHistory({ dir: work, seed: 5, commits: 150 });
    await agent.git(['push', '-q', url, 'main'], { cwd: work });
    acknowledged = (await agent.git(['rev-parse', 'main'], { cwd: work })).stdout.trim();
  });

  afterAll(async () => {
    await node?.stop();
    agent?.dispose();
    await deployment?.stop();
  });

  const restart = async (program?: string[]) => {
    const { port } = node;
    await node.stop();
    node = await ServerProcess.start({ env: deployment.env, port, ...(program && { program }) });
  };

  test.each(POINTS)('at %s nothing acknowledged is lost and a retry succeeds', async (point) => {
    writeFileSync(join(work, 'file.txt'), `${point}\n`);
    await agent.git(['add', '-A'], { cwd: work });
    await agent.git(['commit', '-q', '-m', point], { cwd: work });
    const next = (await agent.git(['rev-parse', 'main'], { cwd: work })).stdout.trim();

    await restart(['test/support/crash-node.mjs', point]);
    const cut = await agent.git(['push', url, 'main'], { cwd: work, ok: false });
    expect(cut.code).not.toBe(0);
    await node.ended();
    expect(node.child.signalCode).toBe('SIGKILL');

    await restart();
    const ref = (await agent.remoteRefs(url)).get('refs/heads/main');
    expect(ref).toBe(point === 'push.after-commit' ? next : acknowledged);
    const copy = agent.sandbox.path(`after-${point}`);
    await agent.git(['clone', '-q', '--mirror', url, copy]);
    const fsck = await agent.git(['fsck', '--strict', '--full'], { cwd: copy });
    expect(fsck.stdout).toBe('');
    const spool = await readdir(join(deployment.env.GITCLAW_DATA_DIR!, 'spool'));
    expect(spool, 'working files of the killed process are gone').toHaveLength(1);

    await agent.git(['push', '-q', url, 'main'], { cwd: work });
    expect((await agent.remoteRefs(url)).get('refs/heads/main')).toBe(next);
    acknowledged = next;
  });
});
