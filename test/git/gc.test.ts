/** `gitclaw gc` as operators type it, on a deployment whose node is stopped, and beside one that runs. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { looseKey } from '../../src/storage/index.js';
import { TestAgent } from '../support/agent.js';
import { gitclaw } from '../support/cli.js';
import { type Deployment, embedded } from '../support/deployment.js';
import { ServerProcess } from '../support/node.js';

let deployment: Deployment;
let node: ServerProcess;
let agent: TestAgent;
let url: string;
let repoId: string;
let dir: string;

beforeAll(async () => {
  deployment = await embedded.start({ env: { CI_ENABLED: 'false', RATE_LIMIT_ENABLED: 'false' } });
  node = deployment.nodes[0]!;
  agent = await TestAgent.setup(deployment.url, 'ada');
  ({ cloneUrl: url, repoId } = await agent.createRepo('demo'));
  await agent.createRepo('empty');
  dir = (await agent.sandbox.seedHistory({ seed: 21, commits: 4 })).dir;
});
afterAll(async () => {
  await node?.stop();
  agent?.dispose();
  await deployment?.stop();
});

const git = async (...args: string[]) => (await agent.git(args, { cwd: dir })).stdout.trim();
const gc = (args: string[], env: Record<string, string> = {}) =>
  gitclaw(agent.sandbox, ['gc', ...args], { env: { ...deployment.env, ...env } });
const push = async (message: string) => {
  await git('commit', '-q', '--allow-empty', '-m', message);
  await git('push', '-q', '--force', url, 'main');
  return git('rev-parse', 'main');
};
const stored = async (oid: string) => {
  const objects = await deployment.openObjects();
  const found = await objects.head(looseKey(repoId, oid));
  await objects.close();
  return found !== undefined;
};
const check = async (name: string) => {
  const copy = agent.sandbox.path(name);
  await agent.git(['clone', '-q', '--mirror', url, copy]);
  expect((await agent.git(['fsck', '--strict', '--full'], { cwd: copy })).stdout).toBe('');
};

test('merges packs beside the node that takes the pushes', async () => {
  for (const message of ['one', 'two', 'three']) await push(message);
  const { code, stdout, stderr } = await gc(['ada/demo']);
  expect([code, stderr]).toEqual([0, '']);
  expect(stdout).toMatch(
    /^ada\/demo\tpacks: \d \(\d+ bytes\) -> 1 \(\d+ bytes\); old packs: \d, the first goes \d{4}-\d\d-\d\dT[\d:.]+Z\n$/,
  );
  await check('merged');
});

test('tells until when the old value of a rewritten branch counts, then condemns, then deletes', async () => {
  const lost = await push('lost');
  await git('reset', '-q', '--hard', 'main~');
  const kept = await push('instead');
  await node.stop();
  const patient = await gc([repoId]);
  expect(patient).toMatchObject({ code: 0, stderr: '' });
  expect(patient.stdout).toMatch(/; former tips of refs: 1, the first counts until \d{4}-.*Z\n$/);

  const now = { GITCLAW_GC_AFTER_SECS: '0', GITCLAW_GC_GRACE_SECS: '0', GITCLAW_PACK_GRACE_SECS: '0' };
  expect(await gc(['ada/demo.git'], now)).toMatchObject({ code: 0, stderr: '' });
  expect([await stored(lost), await stored(kept)]).toEqual([true, true]);
  const second = await gc(['--all', '--json'], now);
  expect(second).toMatchObject({ code: 0, stderr: '' });
  const lines = JSON.parse(second.stdout);
  expect(lines.map(({ name, outcome }: Record<string, unknown>) => [name, outcome]).sort()).toEqual([
    ['ada/demo', 'done'],
    ['ada/empty', 'done'],
  ]);
  expect(lines.find(({ name }: { name: string }) => name === 'ada/demo').after).toMatchObject({
    ...{ packs: 1, waiting: 0, formerTips: 0 },
  });
  expect([await stored(lost), await stored(kept)]).toEqual([false, true]);
  node = await ServerProcess.start({ env: deployment.env, port: node.port });
  await check('collected');
});

test('says what is wrong with what was asked', async () => {
  for (const args of [[], ['ada/demo', '--all']]) {
    const { code, stderr } = await gc(args);
    expect([code, stderr]).toEqual([
      2,
      'error: name one repository, or say --all\nhint: for example: gitclaw gc ada/demo\n',
    ]);
  }
  for (const name of ['ada/nothing', 'nothing', '../demo', 'a/b/c']) {
    const { code, stderr, stdout } = await gc([name]);
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr).toMatch(/^error: there is no repository .*\nhint: name it as owner\/name or by its id\n$/);
  }
});
