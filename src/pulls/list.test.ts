import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startGitApp } from '../../test/support/git-app.js';
import type { TestApp } from '../../test/support/http.js';
import { PullBench } from '../../test/support/pulls.js';
import { AppError } from '../errors.js';
import type { PackEngine } from '../packs/index.js';

const PULLS = 150;

let app: TestApp;
let bench: PullBench;
/** Calls of the pack engine since the last look, and how many ran at once. */
const calls = { diff: 0, merge: 0, running: 0, most: 0 };

/** Counts the calls on their way to the real engine. */
function counted<K extends 'diff' | 'merge'>(engine: PackEngine, kind: K): void {
  const real = engine[kind].bind(engine) as (request: never) => Promise<unknown>;
  engine[kind] = (async (request: never) => {
    calls[kind] += 1;
    calls.most = Math.max(calls.most, ++calls.running);
    return real(request).finally(() => {
      calls.running -= 1;
    });
  }) as PackEngine[K];
}

beforeAll(async () => {
  app = await startGitApp();
  counted(app.ctx.engine, 'diff');
  counted(app.ctx.engine, 'merge');
  bench = await PullBench.start(app);
  const lines: string[] = [];
  for (let i = 0; i < PULLS; i++) {
    // Every third one changes the line that main changes, too.
    const text = i % 3 === 0 ? `zero ${i}\ntwo\nthree\nfour\nfive\n` : `one\ntwo\nthree\nfour\nfive ${i}\n`;
    lines.push(`commit refs/heads/b${i}\ncommitter A <a@x> ${1_700_000_000 + i} +0000\ndata 1\nx`);
    lines.push(`from refs/heads/main^0\nM 100644 inline README.md\ndata ${Buffer.byteLength(text)}\n${text}`);
  }
  await bench.sandbox.git(['fast-import', '--quiet'], { cwd: bench.dir, input: `${lines.join('\n')}\n` });
  await bench.commit({ 'README.md': 'ONE\ntwo\nthree\nfour\nfive\n' });
  await bench.push('refs/heads/*');
  await app.ctx.db.sql`
    INSERT INTO pull_requests (pr_id, repo_id, author_id, source_branch, target_branch, title, number, head_oid)
    SELECT gen_random_uuid()::text, repo_id, ${bench.owner.agentId}, substr(ref_name, 12), 'main', 't',
           row_number() OVER (ORDER BY ref_name), oid
    FROM repo_refs WHERE repo_id = ${bench.repoId} AND ref_name LIKE 'refs/heads/b%'`;
});
afterAll(async () => {
  bench?.dispose();
  await app?.close();
});

describe('a long list', () => {
  const list = async () => {
    Object.assign(calls, { diff: 0, merge: 0, most: 0 });
    const { status, json } = await bench.get();
    expect(status).toBe(200);
    return json.data.pulls as { sourceBranch: string; mergeable: boolean; diffStats: object }[];
  };

  it('computes each pair of commits once, a few at a time', async () => {
    const [first, meanwhile] = await Promise.all([list(), list()]);
    expect(first).toHaveLength(PULLS);
    expect(meanwhile).toEqual(first);
    for (const { sourceBranch, mergeable, diffStats } of first) {
      expect(mergeable, sourceBranch).toBe(Number(sourceBranch.slice(1)) % 3 !== 0);
      expect(diffStats).toEqual({ filesChanged: 1, insertions: 1, deletions: 1 });
    }
    expect([calls.diff, calls.merge]).toEqual([PULLS, PULLS]);
    expect(calls.most).toBeLessThanOrEqual(4);
    expect(await list()).toEqual(first);
    expect([calls.diff, calls.merge]).toEqual([0, 0]);
  });

  it('computes anew what a push to the target changed', async () => {
    await bench.commit({ 'README.md': 'one\ntwo\nthree\nfour\nfive\n' });
    await bench.push('main');
    const pulls = await list();
    expect(pulls.every((pull) => pull.mergeable)).toBe(true);
    expect(calls.merge).toBe(PULLS);
  });

  it('shows what is too large to compare as not mergeable, and says so where it is asked for', async () => {
    await bench.commit({ other: 'x\n' });
    await bench.push('main');
    const { engine } = app.ctx;
    const { merge, diff } = engine;
    const refuse = () => Promise.reject(new AppError('PAYLOAD_TOO_LARGE', { message: 'too large' }));
    Object.assign(engine, { merge: refuse, diff: refuse });
    const pulls = await list();
    expect(new Set(pulls.map((pull) => pull.mergeable))).toEqual(new Set([false]));
    expect(pulls[0]?.diffStats).toEqual({ filesChanged: 0, insertions: 0, deletions: 0 });
    const { prId } = (await bench.get()).json.data.pulls[0];
    const reviewer = await bench.newReviewer();
    await app.ctx.db.sql`UPDATE pull_requests SET ci_status = 'passed' WHERE pr_id = ${prId}`;
    expect((await bench.review(reviewer, prId, 'approve')).status).toBe(201);
    const answer = await bench.merge(bench.owner, prId);
    expect([answer.status, answer.json.error.message]).toEqual([413, 'too large']);
    Object.assign(engine, { merge, diff });
  });
});
