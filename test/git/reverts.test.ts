import { randomUUID } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { appendAudit } from '../../src/audit/index.js';
import { pullRequests } from '../../src/db/index.js';
import { TestAgent } from '../support/agent.js';
import { ServerProcess } from '../support/node.js';
import { createTestDatabase, type TestDatabase } from '../support/postgres.js';

let dataDir: string;
let database: TestDatabase;
let node: ServerProcess;
let agent: TestAgent;
let author: TestAgent;
let reviewer: TestAgent;
let repoId: string;
let url: string;
let work: string;

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'gitclaw-reverts-'));
  database = await createTestDatabase();
  node = await ServerProcess.start({ env: { DATABASE_URL: database.url, GITCLAW_DATA_DIR: dataDir } });
  agent = await TestAgent.setup(node.url, 'merger');
  author = await TestAgent.setup(node.url, 'author');
  reviewer = await TestAgent.setup(node.url, 'reviewer');
  ({ repoId, cloneUrl: url } = await agent.createRepo('reverted'));
  work = agent.sandbox.path('work');
  await agent.git(['clone', '-q', url, work]);
  await commit('README.md', 'start');
});
afterAll(async () => {
  for (const each of [agent, author, reviewer]) each?.dispose();
  await node?.stop();
  await database?.drop();
  await rm(dataDir, { recursive: true, force: true });
});

const git = async (...args: string[]) => (await agent.git(args, { cwd: work })).stdout.trim();

async function commit(file: string, message: string): Promise<string> {
  writeFileSync(join(work, file), `${randomUUID()}\n`);
  await git('add', '-A');
  await git('commit', '-q', '-m', message);
  return git('rev-parse', 'HEAD');
}

let number = 0;

/** Records that the commit is the merge of a pull request, as the pulls room does, after pushing everything. */
async function recordMerge(
  mergeOid: string,
  strategy: string,
  headOid: string,
  who = { author: author.agentId, reviewers: [reviewer.agentId] },
): Promise<string> {
  await git('push', '-q', 'origin', '--all');
  const prId = randomUUID();
  number += 1;
  await database.db.orm.insert(pullRequests).values({
    prId,
    repoId,
    authorId: who.author,
    sourceBranch: 'topic',
    targetBranch: 'main',
    title: 'a change',
    status: 'merged',
    number,
    headOid,
    mergeCommitOid: mergeOid,
  });
  await database.db.transaction((tx) =>
    appendAudit(tx, {
      agentId: agent.agentId,
      action: 'pr_merge',
      resourceType: 'pull_request',
      resourceId: prId,
      signature: 's',
      data: {
        pr_id: prId,
        repo_id: repoId,
        merge_strategy: strategy,
        merge_commit_oid: mergeOid,
        author_id: who.author,
        approving_reviewers: who.reviewers,
      },
      topics: ['reputation'],
    }),
  );
  return prId;
}

const idle = () =>
  expect
    .poll(() => database.db.sql`SELECT 1 FROM event_outbox WHERE status <> 'processed'`.then((rows) => rows.length), {
      timeout: 20_000,
    })
    .toBe(0);

async function scores(): Promise<number[]> {
  await idle();
  const read = async ({ agentId }: TestAgent) => {
    const answer = await fetch(`${node.url}/v1/agents/${agentId}/reputation`);
    return ((await answer.json()) as { data: { score: number } }).data.score;
  };
  return [await read(author), await read(reviewer)];
}

const reverted = () => database.db.sql<{ prId: string; by: string }[]>`
  SELECT resource_id AS "prId", data->>'reverted_by_pr_id' AS by FROM audit_log
  WHERE action = 'pr_reverted' ORDER BY timestamp`;

const nobody = { author: 'nobody', reviewers: [] };

test('a merged pull request that reverts earlier ones takes their reputation back, whatever the strategy', async () => {
  nobody.author = agent.agentId;
  const merges: string[] = [];
  for (let n = 0; n < 3; n++) {
    await git('checkout', '-q', '-b', `topic-${n}`);
    const head = await commit(`file-${n}`, `change ${n}`);
    await git('checkout', '-q', 'main');
    await git('merge', '-q', '--no-ff', '-m', `merge ${n}`, `topic-${n}`);
    merges.push(await git('rev-parse', 'HEAD'));
    await recordMerge(merges[n]!, 'merge', head);
  }
  expect(await scores()).toEqual([0.56, 0.53]);
  const pulls = await database.db.orm.select().from(pullRequests).orderBy(pullRequests.number);
  const prIds = pulls.map(({ prId }) => prId);

  // A two-parent merge of a branch with git's own revert of a merge among other commits.
  await git('checkout', '-q', '-b', 'undo-0');
  await commit('note', 'a note first');
  await git('revert', '--no-edit', '-m', '1', merges[0]!);
  await commit('note', 'and one behind');
  const undo0 = await git('rev-parse', 'HEAD');
  await git('checkout', '-q', 'main');
  await git('merge', '-q', '--no-ff', '-m', 'merge undo-0', 'undo-0');
  const by0 = await recordMerge(await git('rev-parse', 'HEAD'), 'merge', undo0, nobody);
  expect(await scores()).toEqual([0.51, 0.5]);

  // A squash whose message says nothing: the commits of the branch do.
  await git('checkout', '-q', '-b', 'undo-1');
  await git('revert', '--no-edit', '-m', '1', merges[1]!);
  const undo1 = await git('rev-parse', 'HEAD');
  await git('checkout', '-q', 'main');
  await git('merge', '-q', '--squash', 'undo-1');
  await git('commit', '-q', '-m', 'undo it');
  const by1 = await recordMerge(await git('rev-parse', 'HEAD'), 'squash', undo1, nobody);
  expect(await scores()).toEqual([0.46, 0.47]);

  // A rebase: the commits on the target are copies.
  await git('checkout', '-q', '-b', 'undo-2');
  await git('revert', '--no-edit', '-m', '1', merges[2]!);
  await commit('note', 'one more');
  const undo2 = await git('rev-parse', 'HEAD');
  await git('checkout', '-q', 'main');
  await commit('other', 'meanwhile');
  await git('checkout', '-q', '-b', 'rebased', 'undo-2');
  await git('rebase', '-q', 'main');
  const copy = await git('rev-parse', 'HEAD');
  await git('checkout', '-q', 'main');
  await git('merge', '-q', '--ff-only', 'rebased');
  const by2 = await recordMerge(copy, 'rebase', undo2, nobody);
  expect(await scores()).toEqual([0.41, 0.44]);
  expect([...(await reverted())]).toEqual([
    { prId: prIds[0], by: by0 },
    { prId: prIds[1], by: by1 },
    { prId: prIds[2], by: by2 },
  ]);

  // Whoever reverts the same merge again, or a commit that merged nothing, changes nothing.
  await git('checkout', '-q', '-b', 'again');
  const again = await commit('again', `again\n\nThis reverts commit ${merges[0]}.`);
  await commit('again', `once more\n\nThis reverts commit ${again}.\nThis reverts commit ${'0'.repeat(40)}.`);
  const head = await git('rev-parse', 'HEAD');
  await git('checkout', '-q', 'main');
  await git('merge', '-q', '--no-ff', '-m', 'merge again', 'again');
  await recordMerge(await git('rev-parse', 'HEAD'), 'merge', head, nobody);
  expect(await scores()).toEqual([0.41, 0.44]);
  expect(await reverted()).toHaveLength(3);
});
