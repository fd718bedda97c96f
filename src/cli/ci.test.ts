import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { gitclaw } from '../../test/support/cli.js';
import { GitSandbox } from '../../test/support/git.js';
import { SigningServer } from '../../test/support/signing-server.js';
import type { JsonObject } from '../signing/index.js';

const REPO = randomUUID();
const PULL = randomUUID();
const RUN = { runId: randomUUID(), prId: PULL, repoId: REPO, commitSha: 'a'.repeat(40), status: 'passed' };
const TIMES = { startedAt: '2026-01-15T10:30:00.000Z', completedAt: '2026-01-15T10:31:00.000Z' };
const BASE = `/v1/repos/${REPO}/pulls/${PULL}/ci`;

let server: SigningServer;
let sandbox: GitSandbox;
/** What the server was asked to do, with its signed body. */
let asked: JsonObject[];

beforeAll(async () => {
  server = await new SigningServer().start();
  const pull = { prId: PULL, number: 7, sourceBranch: 'fix', targetBranch: 'main', status: 'open' };
  const reads: Record<string, unknown> = {
    '/v1/repos/ada/demo': { repoId: REPO },
    [`/v1/repos/${REPO}/pulls`]: { pulls: [pull] },
    [`${BASE}/runs`]: { runs: [{ ...RUN, ...TIMES }] },
    [`${BASE}/runs/${RUN.runId}/logs`]: { runId: RUN.runId, logs: 'built\n' },
    [`${BASE}/logs`]: {
      logs: [
        { step: 'build', output: 'ok\n', status: 'passed', ...TIMES },
        { step: 'test', output: '1 failed\n', status: 'failed', ...TIMES },
      ],
    },
  };
  for (const [path, data] of Object.entries(reads)) server.routes.set(`GET ${path}`, () => ({ status: 200, data }));
  const change = (status: number, to: string) => (signed: JsonObject) => {
    asked.push(signed);
    return { status, data: { runId: RUN.runId, status: to, message: `now ${to}` } };
  };
  server.routes.set(`POST ${BASE}/trigger`, change(202, 'pending'));
  server.routes.set(`POST ${BASE}/runs/${RUN.runId}/cancel`, change(200, 'cancelled'));
});
afterAll(() => server.stop());
beforeEach(async () => {
  sandbox = new GitSandbox();
  server.agents.length = 0;
  asked = [];
  expect((await gitclaw(sandbox, ['setup', server.url, '--name', 'ada'])).code).toBe(0);
});
afterEach(() => sandbox.dispose());

const ci = (...args: string[]) => gitclaw(sandbox, ['ci', ...args, '--repo', 'ada/demo']);

describe('ci', () => {
  it('lists runs, and prints logs of the newest and of a named one', async () => {
    expect((await ci('list', PULL)).stdout).toBe(`${RUN.runId}\tpassed\t${RUN.commitSha}\t2026-01-15T10:30:00.000Z\n`);
    expect(JSON.parse((await ci('list', PULL, '--json')).stdout)).toEqual([{ ...RUN, ...TIMES }]);
    expect((await ci('logs', PULL)).stdout).toBe('== build (passed)\nok\n== test (failed)\n1 failed\n');
    expect((await ci('logs', PULL, '--run', RUN.runId)).stdout).toBe('built\n');
    const json = await ci('logs', PULL, '--run', RUN.runId, '--json');
    expect(JSON.parse(json.stdout)).toEqual({ runId: RUN.runId, logs: 'built\n' });
  });

  it('signs a trigger and a cancel with everything they are about', async () => {
    expect((await ci('trigger', PULL)).stdout).toBe(`${RUN.runId}\n`);
    expect((await ci('trigger', '7', '--commit', 'b'.repeat(40))).code).toBe(0);
    expect((await ci('cancel', RUN.runId, '#7')).stdout).toBe('cancelled\n');
    expect(asked).toEqual([
      { action: 'ci_trigger', repoId: REPO, prId: PULL, commitSha: null },
      { action: 'ci_trigger', repoId: REPO, prId: PULL, commitSha: 'b'.repeat(40) },
      { action: 'ci_cancel', repoId: REPO, prId: PULL, runId: RUN.runId },
    ]);
  });

  it('finds repository and pull request from the folder', async () => {
    await sandbox.git(['init', '-q', '-b', 'fix', 'work']);
    const cwd = sandbox.path('work');
    await sandbox.git(['remote', 'add', 'upstream', 'https://git.example.com/eve/demo.git'], { cwd });
    const lost = await gitclaw(sandbox, ['ci', 'list'], { cwd });
    expect([lost.code, lost.stderr]).toEqual([2, expect.stringContaining('no remote of this folder points at http')]);
    await sandbox.git(['remote', 'add', 'mine', `${server.url}/ada/demo.git`], { cwd });
    expect((await gitclaw(sandbox, ['ci', 'list'], { cwd })).stdout).toMatch(new RegExp(`^${RUN.runId}\t`));
    await sandbox.git(['checkout', '-q', '-b', 'other'], { cwd });
    const none = await gitclaw(sandbox, ['ci', 'list'], { cwd });
    expect([none.code, none.stderr]).toEqual([1, expect.stringContaining('no open pull request comes from other')]);
  });

  it('says what is missing', async () => {
    expect((await ci('list', '8')).stderr).toContain('there is no pull request 8');
    const nowhere = await gitclaw(sandbox, ['ci', 'list', PULL]);
    expect([nowhere.code, nowhere.stderr]).toEqual([2, expect.stringContaining('hint: name it as owner/name')]);
    const odd = await gitclaw(sandbox, ['ci', 'list', PULL, '--repo', 'a/b/c']);
    expect([odd.code, odd.stderr]).toEqual([2, expect.stringContaining('not a repository: a/b/c')]);
    expect((await ci('cancel')).code).toBe(2);
  });
});
