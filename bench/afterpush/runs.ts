/** Pushes to the branch of a pull request, each with the CI run that it started. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Database } from '../../src/db/index.js';
import type { TestAgent } from '../../test/support/agent.js';

/** Milliseconds since 1970, all by the clock of this machine. */
export interface Moments {
  /** The transaction of the push (track_commit_timestamp). */
  committed: number;
  /** `git push` ended. */
  answered: number;
  /** A runner took the run: its `started_at`. */
  taken: number;
  /** What the first step printed of the time. */
  stepped: number;
}

/** Longest time for one run on a machine that does other things too. */
const RUN_MS = 60_000;

const CONFIG = JSON.stringify({ steps: [{ name: 'clock', run: 'date +%s%3N' }] });

/** Before the pushes that count one more is made, which pays for what is made once. */
export async function pushesAndRuns(agent: TestAgent, db: Database, count: number): Promise<Moments[]> {
  const { cloneUrl, repoId } = await agent.createRepo('checked');
  const cwd = agent.sandbox.path('checked');
  await mkdir(cwd);
  const git = async (...args: string[]) => (await agent.git(args, { cwd })).stdout.trim();
  await git('init', '-q', '-b', 'main');
  await git('commit', '-q', '--allow-empty', '-m', 'first');
  await git('checkout', '-q', '-b', 'change');
  await writeFile(join(cwd, '.gitclaw-ci.yml'), CONFIG);
  await git('add', '.');
  await git('commit', '-q', '-m', 'checks');
  await git('push', '-q', cloneUrl, 'main', 'change');
  const pull = { sourceBranch: 'change', targetBranch: 'main', title: 'Change' };
  const { prId } = await agent.client.createPull(repoId, pull);
  await ended(db, await git('rev-parse', 'HEAD'));

  const all: Moments[] = [];
  for (let n = 0; n <= count; n++) {
    await writeFile(join(cwd, 'file.txt'), `${n}\n`);
    await git('add', '.');
    await git('commit', '-q', '-m', String(n));
    const commit = await git('rev-parse', 'HEAD');
    await git('push', '-q', cloneUrl, 'change');
    const answered = Date.now();
    const { runId, taken } = await ended(db, commit);
    const logs = await agent.client.ciRunLogs(repoId, prId, runId);
    const stepped = Number(/^(\d{13})$/m.exec(logs)?.[1]);
    const [push] = await db.sql<[{ committed: number }]>`
      SELECT (extract(epoch FROM pg_xact_commit_timestamp(xmin)) * 1000)::float8 AS committed FROM push_events
      WHERE ref_updates @> ${JSON.stringify([{ newOid: commit }])}::jsonb`;
    if (n > 0) all.push({ committed: push.committed, answered, taken, stepped });
  }
  return all;
}

/** Waits for the end of the run of a commit. @throws Error unless it passed */
async function ended(db: Database, commit: string): Promise<{ runId: string; taken: number }> {
  for (const end = Date.now() + RUN_MS; Date.now() < end; await sleep(20)) {
    const [run] = await db.sql<{ runId: string; status: string; taken: number }[]>`
      SELECT run_id AS "runId", status, (extract(epoch FROM started_at) * 1000)::float8 AS taken
      FROM ci_runs WHERE commit_sha = ${commit}`;
    if (run === undefined || run.status === 'pending' || run.status === 'running') continue;
    if (run.status === 'passed') return run;
    throw new Error(`the run of ${commit} ended as ${run.status}`);
  }
  throw new Error(`the run of ${commit} did not end`);
}
