/**
 * `npm run bench -- afterpush [--pushes 50]`: how long after a push its CI run is taken by a runner, and its first step
 * begins, with the runner of the server and with one of `gitclaw worker`. Each push waits for the run of the one before.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { openDatabase, startEmbeddedPostgres } from '../src/db/index.js';
import { TestAgent } from '../test/support/agent.js';
import { ServerProcess } from '../test/support/node.js';
import { WorkerProcess } from '../test/support/worker.js';
import { type Moments, pushesAndRuns } from './afterpush/runs.js';
import { quantile } from './support/stats.js';

/** From the answer of the push, milliseconds. */
const GOAL_MS = 200;

const { values } = parseArgs({ options: { pushes: { type: 'string' } } });
const pushes = Number(values.pushes ?? 50);

const SPANS: readonly [string, (at: Moments) => number][] = [
  ['commit to answer', (at) => at.answered - at.committed],
  ['commit to run taken', (at) => at.taken - at.committed],
  ['answer to run taken', (at) => at.taken - at.answered],
  ['commit to first step', (at) => at.stepped - at.committed],
  ['answer to first step', (at) => at.stepped - at.answered],
];

async function measure(name: string, apart: boolean): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'gitclaw-bench-'));
  const postgres = await startEmbeddedPostgres({ dataDir: folder, settings: { track_commit_timestamp: 'on' } });
  const env = {
    DATABASE_URL: postgres.url,
    GITCLAW_DATA_DIR: join(folder, 'node'),
    RATE_LIMIT_ENABLED: 'false',
    LOG_LEVEL: 'error',
    CI_DRIVER: 'bubblewrap',
  };
  const node = await ServerProcess.start({ env: { ...env, CI_ENABLED: String(!apart) } });
  // Both read and write the objects of one folder.
  const worker = apart ? await WorkerProcess.start({ ...env, CI_ENABLED: 'true' }) : undefined;
  const agent = await TestAgent.setup(node.url, 'bench');
  const db = openDatabase({ url: postgres.url, maxConnections: 2 });
  try {
    const all = await pushesAndRuns(agent, db, pushes);
    for (const [what, span] of SPANS) {
      const ms = all.map(span);
      const cells = [quantile(ms, 0.5), quantile(ms, 0.95), Math.max(...ms)].map((each) => each.toFixed(0));
      const within = ms.filter((each) => each <= GOAL_MS).length;
      console.log(`| ${name} | ${what} | ${cells.join(' | ')} | ${within} of ${ms.length} |`);
    }
  } finally {
    await db.close();
    agent.dispose();
    await worker?.stop();
    await node.stop();
    await postgres.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

console.log(`load ${loadavg()[0]?.toFixed(1)}; ${pushes} pushes each\n`);
console.log(`| CI runs | from, to | p50 ms | p95 ms | max ms | within ${GOAL_MS} ms |\n|---|---|---|---|---|---|`);
await measure('in the server', false);
await measure('in `gitclaw worker`', true);
console.log(`\nload ${loadavg()[0]?.toFixed(1)}`);
