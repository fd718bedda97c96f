/** Nodes that are killed while they merge packs or collect garbage: nothing acknowledged is lost, and work goes on. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { FaultPoint } from '../../src/context.js';
import { TestAgent } from '../support/agent.js';
import { type Deployment, embedded, s3 } from '../support/deployment.js';
import { ServerProcess } from '../support/node.js';

/** While pushes come, eight packs are merged; the node ends then or soon after. */
const PUSHES = 9;

describe.each([
  [embedded, ['compact.merged', 'compact.stored', 'compact.exchanged', 'collect.stored', 'collect.exchanged']],
  [s3, ['compact.stored', 'compact.exchanged', 'collect.stored', 'retire.noted']],
] as [typeof embedded, FaultPoint[]][])('a node is killed in the middle of background work: $name', (kind, points) => {
  let deployment: Deployment;
  let agent: TestAgent;
  let node: ServerProcess;
  let work: string;
  let url: string;

  beforeAll(async () => {
    const env = { GITCLAW_PACK_GRACE_SECS: '1', GITCLAW_GC_GRACE_SECS: '1' };
    deployment = await kind.start({ env });
    node = deployment.nodes[0]!;
    agent = await TestAgent.setup(deployment.url, 'survivor');
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
  const commit = async (text: string) => {
    writeFileSync(join(work, 'file.txt'), `${text}\n`);
    await agent.git(['add', '-A'], { cwd: work });
    await agent.git(['commit', '-q', '-m', text], { cwd: work });
    return (await agent.git(['rev-parse', 'HEAD'], { cwd: work })).stdout.trim();
  };
  const check = async (name: string, wanted: string[]) => {
    const ref = (await agent.remoteRefs(url)).get('refs/heads/main');
    expect(wanted).toContain(ref);
    const copy = agent.sandbox.path(`after-${name}`);
    await agent.git(['clone', '-q', '--mirror', url, copy]);
    expect((await agent.git(['fsck', '--strict', '--full'], { cwd: copy })).stdout).toBe('');
  };

  test.each(points)('at %s', { timeout: 180_000 }, async (point) => {
    // Each its own: a killed node leaves a lease, and the next one waits two minutes for it to end.
    url = (await agent.createRepo(point.replace('.', '-'))).cloneUrl;
    work = agent.sandbox.path(point);
    await agent.sandbox.seedHistory({ dir: work, seed: 5, commits: 5 });
    await agent.git(['push', '-q', url, 'main'], { cwd: work });
    if (!point.startsWith('compact')) {
      await commit('to be dropped');
      await agent.git(['push', '-q', url, 'main'], { cwd: work });
      await agent.git(['reset', '-q', '--hard', 'HEAD~1'], { cwd: work });
      await commit(`instead of it, ${point}`);
      await agent.git(['push', '-q', '--force', url, 'main'], { cwd: work });
    }
    let acknowledged = (await agent.git(['rev-parse', 'main'], { cwd: work })).stdout.trim();
    await agent.git(['push', '-q', url, 'main'], { cwd: work });
    // Collecting may begin, and the node end, before it has said where it listens.
    const { port } = node;
    await node.stop();
    const program = ['test/support/crash-node.mjs', point];
    // Only the node that is to be killed collects at once.
    const env = { ...deployment.env, GITCLAW_GC_AFTER_SECS: '0' };
    const started = await ServerProcess.start({ env, port, program }).catch((error: unknown) => {
      expect(String(error)).toContain('SIGKILL');
      return undefined;
    });
    let last = acknowledged;
    if (started !== undefined) {
      node = started;
      for (let i = 0; i < PUSHES && node.child.signalCode === null; i++) {
        last = await commit(`${point} ${i}`);
        const { code } = await agent.git(['push', '-q', url, 'main'], { cwd: work, ok: false });
        if (code === 0) acknowledged = last;
      }
      await node.ended();
      expect(node.child.signalCode).toBe('SIGKILL');
    }
    await restart();
    await check(point, [acknowledged, last]);
    await agent.git(['push', '-q', url, 'main'], { cwd: work });
    await check(`${point}-again`, [last]);
  });
});
