import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { startGitApp } from '../../test/support/git-app.js';
import { newAgent, type TestAgent, type TestApp } from '../../test/support/http.js';
import { code, PullBench } from '../../test/support/pulls.js';

let app: TestApp;
let author: TestAgent;
let reviewer: TestAgent;
let owner: TestAgent;
let bench: PullBench;

beforeAll(async () => {
  app = await startGitApp();
  [owner, author, reviewer] = await Promise.all([newAgent(app), newAgent(app), newAgent(app)]);
});
beforeEach(async () => {
  bench?.dispose();
  bench = await PullBench.start(app, { owner });
});
afterAll(async () => {
  bench?.dispose();
  await app?.close();
});

/** Opens and approves. */
async function ready(source: string, target = 'main'): Promise<string> {
  const prId = await bench.opened(author, source, target);
  await bench.review(reviewer, prId, 'approve');
  return prId;
}

describe('races', () => {
  it('of two merges of one pull request one wins', async () => {
    await bench.branch('side', { side: 'side\n' });
    const prId = await ready('side');
    const answers = await Promise.all(Array.from({ length: 6 }, () => bench.merge(owner, prId)));
    expect(answers.filter((answer) => answer.status === 200)).toHaveLength(1);
    for (const answer of answers.filter((each) => each.status !== 200)) {
      expect(answer.status).toBe(409);
      expect(['ALREADY_MERGED', 'CONFLICT']).toContain(answer.json.error.code);
    }
    expect(await bench.remote('refs/heads/main')).toBe(
      answers.find((answer) => answer.status === 200)?.json.data.mergeCommitOid,
    );
  });

  it('of merges into one branch nothing is lost', async () => {
    const ids: string[] = [];
    for (let i = 0; i < 5; i++) {
      await bench.branch(`side-${i}`, { [`file-${i}`]: `${i}\n` });
      ids.push(await ready(`side-${i}`));
    }
    for (let open = ids; open.length > 0; ) {
      const answers = await Promise.all(open.map((prId) => bench.merge(owner, prId)));
      const lost = open.filter((_, i) => answers[i]?.status !== 200);
      expect(lost.length).toBeLessThan(open.length);
      for (const answer of answers) if (answer.status !== 200) expect(code(answer)).toEqual([409, 'CONFLICT']);
      open = lost;
    }
    await bench.fetch('+refs/heads/main:refs/remotes/server/main');
    const files = await bench.git('ls-tree', '--name-only', 'refs/remotes/server/main');
    expect(files.split('\n')).toEqual(['README.md', ...ids.map((_, i) => `file-${i}`)]);
    await bench.git('fsck', '--strict', '--full');
  });

  it('between a merge and pushes the branch has every commit that was accepted', async () => {
    for (let round = 0; round < 4; round++) {
      await bench.branch(`side-${round}`, { [`side-${round}`]: 'x\n' });
      const prId = await ready(`side-${round}`);
      await bench.fetch('+refs/heads/main:refs/remotes/server/main');
      await bench.git('checkout', '-q', '-B', 'main', 'refs/remotes/server/main');
      const pushed = await bench.commit({ [`push-${round}`]: 'x\n' });
      const [push, merge] = await Promise.all([
        bench.pushGently('main').then(
          () => true,
          () => false,
        ),
        bench.merge(owner, prId),
      ]);
      expect(push || merge.status === 200).toBe(true);
      if (merge.status !== 200) expect(code(merge)).toEqual([409, 'CONFLICT']);
      await bench.fetch('+refs/heads/main:refs/remotes/server/main');
      const history = (await bench.git('rev-list', 'refs/remotes/server/main')).split('\n');
      if (push) expect(history).toContain(pushed);
      if (merge.status === 200) expect(history).toContain(merge.json.data.mergeCommitOid);
      await bench.git('checkout', '-q', '-B', 'main', 'refs/remotes/server/main');
    }
  });

  it('merges the head that it looked at, or none', async () => {
    await bench.branch('side', { side: 'side\n' });
    const prId = await ready('side');
    await bench.git('checkout', '-q', 'side');
    const next = await bench.commit({ side: 'other\n' });
    const [answer] = await Promise.all([bench.merge(owner, prId), bench.push('side')]);
    const { headOid, status } = (await bench.get(prId)).json.data;
    if (answer.status === 200) {
      await bench.fetch('refs/heads/main');
      const parent = await bench.git('rev-parse', 'FETCH_HEAD^2');
      expect([status, headOid]).toEqual(['merged', parent]);
    } else {
      expect(code(answer)).toEqual([409, 'CONFLICT']);
      expect([status, headOid]).toEqual(['open', next]);
    }
  });

  it('in a busy repository every request is answered, and none by a failure', async () => {
    const [left, right] = ['left', 'right'];
    await bench.branch(left, { left: '0\n' });
    const heads = [await bench.commit({ left: '1\n' }), await bench.commit({ left: '2\n' })];
    await bench.branch(right, { right: '0\n' });
    const [onLeft, onRight, stacked] = [await ready(left), await ready(right), await ready(left, right)];
    const answers = await Promise.all([
      bench.merge(owner, onRight),
      bench.merge(owner, stacked, 'squash'),
      bench.merge(owner, onLeft, 'rebase'),
      ...[left, right, left, right].map((branch) => bench.open(author, branch)),
      ...[onLeft, onRight, stacked].map((prId) => bench.review(reviewer, prId, 'comment')),
      bench.close(author, stacked),
      bench.get(),
      ...heads.map((head) =>
        bench.push(`${head}:refs/heads/${left}`, `main:refs/heads/new-${head}`).then(
          () => undefined,
          () => undefined,
        ),
      ),
    ]);
    const statuses = answers.flatMap((answer) => (answer === undefined ? [] : [answer.status]));
    expect(statuses.filter((status) => status >= 500)).toEqual([]);
    expect(statuses.filter((status) => status === 201).length).toBeGreaterThanOrEqual(4);
    for (const pull of (await bench.get()).json.data.pulls) {
      expect(await bench.remote(`refs/pull/${pull.number}/head`)).toBe(pull.headOid);
      if (pull.status === 'open') expect(await bench.remote(`refs/heads/${pull.sourceBranch}`)).toBe(pull.headOid);
    }
    await bench.fetch('+refs/*:refs/remotes/server/*');
    await bench.git('fsck', '--strict', '--full');
  });
});
