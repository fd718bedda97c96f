import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { gitclaw } from '../../test/support/cli.js';
import { GitSandbox } from '../../test/support/git.js';
import { startGitApp } from '../../test/support/git-app.js';
import type { TestApp } from '../../test/support/http.js';

let app: TestApp;
let ada: GitSandbox;
let bob: GitSandbox;
let serial = 0;

beforeAll(async () => {
  app = await startGitApp();
});
afterAll(() => app.close());
beforeEach(async () => {
  serial += 1;
  ada = new GitSandbox();
  bob = new GitSandbox();
  await ok(ada, 'setup', app.url, '--name', `ada-${serial}`);
  await ok(bob, 'setup', app.url, '--name', `bob-${serial}`);
  await ok(ada, 'repo', 'create', 'demo');
});
afterEach(() => {
  ada.dispose();
  bob.dispose();
});

const demo = () => `ada-${serial}/demo`;

async function ok(who: GitSandbox, ...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await gitclaw(who, args);
  expect([args.join(' '), code, stderr]).toEqual([args.join(' '), 0, expect.any(String)]);
  return stdout.trim();
}

async function refused(who: GitSandbox, code: number, ...args: string[]): Promise<string> {
  const result = await gitclaw(who, args);
  expect([args.join(' '), result.code, result.stdout]).toEqual([args.join(' '), code, '']);
  return result.stderr;
}

it('opens, reviews and closes a pull request', async () => {
  const on = ['--repo', demo()];
  const prId = await ok(bob, 'pr', 'create', ...on, '--source', 'main', '--title', 'Nothing yet');
  expect(await ok(ada, 'pr', 'list', ...on)).toBe(`${prId}\topen\tmain -> main\tNothing yet`);
  expect(await ok(ada, 'pr', 'list', ...on, '--author', `ada-${serial}`)).toBe('');
  expect(await refused(bob, 1, 'pr', 'review', prId, ...on, '--approve')).toMatch(
    /SELF_APPROVAL_NOT_ALLOWED\)\nhint: another agent has to approve it\n$/,
  );
  expect(await refused(ada, 2, 'pr', 'review', prId, ...on)).toContain('a review has one verdict');
  const reviewId = await ok(ada, 'pr', 'review', '1', ...on, '--approve', '--body', 'Fine.');
  const shown = JSON.parse(await ok(bob, 'pr', 'show', '#1', ...on, '--json'));
  expect(shown).toMatchObject({ prId, isApproved: true, reviews: [{ reviewId, verdict: 'approve', body: 'Fine.' }] });
  expect(await ok(bob, 'pr', 'show', prId, ...on)).toContain(`approve by ada-${serial}: Fine.`);
  expect(await ok(bob, 'pr', 'diff', prId, ...on)).toBe('');
  expect(await refused(ada, 1, 'pr', 'merge', prId, ...on, '--strategy', 'squash')).toContain(
    'nothing to merge (MERGE_BLOCKED)',
  );
  expect(await refused(ada, 2, 'pr', 'merge', prId, ...on, '--strategy', 'octopus')).toContain('octopus');
  expect(await ok(bob, 'pr', 'close', prId, ...on)).toBe(prId);
  expect(await refused(ada, 1, 'pr', 'show', '2', ...on)).toContain('there is no pull request 2');
});

it('stars, and shows who may do what and who did what', async () => {
  expect(await ok(bob, 'star', demo(), '--reason', 'good', '--public')).toBe('1');
  expect(await refused(bob, 1, 'star', demo())).toContain('DUPLICATE_STAR');
  expect(await ok(bob, 'unstar', demo())).toBe('0');
  expect(JSON.parse(await ok(bob, 'trending', '--window', '1h', '--json'))).toMatchObject({ window: '1h' });
  expect(await refused(bob, 2, 'trending', '--limit', '0')).toContain('give a whole number from 1 to 100');

  const on = ['--repo', demo()];
  expect(await ok(ada, 'access', 'grant', `bob-${serial}`, 'write', ...on)).toBe(`bob-${serial} may write`);
  expect(await ok(bob, 'access', 'list', ...on)).toMatch(
    new RegExp(`^ada-${serial}\tadmin\t.*\nbob-${serial}\twrite\t`),
  );
  expect(await refused(bob, 1, 'access', 'grant', `bob-${serial}`, 'admin', ...on)).toContain('ADMIN_REQUIRED');
  expect(await refused(ada, 1, 'access', 'grant', 'nobody-at-all', 'read', ...on)).toContain('no agent called');
  expect(await ok(ada, 'access', 'revoke', `bob-${serial}`, ...on)).toContain('no role any more');

  const actions = (text: string) => text.split('\n').map((line) => line.split('\t')[1]);
  const everything = ['access_revoke', 'access_grant', 'unstar', 'star', 'repo_create'];
  expect(actions(await ok(bob, 'audit', ...on))).toEqual(everything);
  expect(actions(await ok(bob, 'audit', ...on, '--agent', `bob-${serial}`))).toEqual(['unstar', 'star']);
  expect(actions(await ok(bob, 'audit', '--agent', `bob-${serial}`, '--action', 'star'))).toEqual(['star']);
});

it('forks, edits and deletes', async () => {
  expect(await ok(bob, 'repo', 'fork', demo(), '--name', 'mine')).toBe(`${app.url}/bob-${serial}/mine.git`);
  const edited = JSON.parse(
    await ok(ada, 'repo', 'edit', demo(), '--description', 'New.', '--visibility', 'private', '--json'),
  );
  expect(edited).toMatchObject({ description: 'New.', visibility: 'private' });
  expect(await refused(ada, 2, 'repo', 'edit', demo())).toContain('nothing is to be changed');
  expect(await refused(bob, 1, 'pr', 'list', '--repo', demo())).toContain('REPO_NOT_FOUND');
  expect(await refused(ada, 2, 'repo', 'delete', demo())).toContain('add --yes to do it');
  expect(await ok(ada, 'repo', 'delete', demo(), '--yes')).toBe(`${demo()} is deleted`);
  expect(await refused(ada, 1, 'repo', 'edit', demo(), '--name', 'x')).toContain('REPO_NOT_FOUND');
});

it('webhooks: adds, lists, shows deliveries, delivers again and removes', async () => {
  const on = ['--repo', demo()];
  const added = await ok(ada, 'webhook', 'add', 'https://example.com/hook', '--event', 'push', 'star', ...on);
  const [webhookId = '', secret] = added.split('\t');
  expect(secret).toMatch(/^\S{20,}$/);
  expect(await ok(ada, 'webhook', 'list', ...on)).toBe(`${webhookId}\tactive\thttps://example.com/hook\tpush,star`);
  const quiet = JSON.parse(await ok(ada, 'webhook', 'add', 'https://example.com/', '--inactive', ...on, '--json'));
  expect(quiet).toMatchObject({ active: false, events: expect.arrayContaining(['push', 'ci_completed']) });
  expect(await ok(ada, 'webhook', 'deliveries', webhookId, ...on)).toBe('');
  const [star] = await app.ctx.db.sql<{ id: string }[]>`SELECT event_id AS id FROM audit_log LIMIT 1`;
  const [delivery] = await app.ctx.db.sql<{ id: string }[]>`
    INSERT INTO webhook_deliveries (webhook_id, audit_event_id, event, status, attempts, response_status, error)
    VALUES (${webhookId}, ${star!.id}::uuid, 'star', 'dead_letter', 5, 500, 'answered 500') RETURNING delivery_id AS id`;
  const line = `${delivery!.id}\tstar\tdead_letter\t5\t500\tanswered 500`;
  expect(await ok(ada, 'webhook', 'deliveries', webhookId, ...on)).toBe(line);
  const again = await ok(ada, 'webhook', 'redeliver', webhookId, delivery!.id, ...on);
  const both = JSON.parse(await ok(ada, 'webhook', 'deliveries', webhookId, ...on, '--json'));
  expect(both).toHaveLength(2);
  expect(both).toContainEqual(
    expect.objectContaining({ deliveryId: again, redeliveryOf: delivery!.id, status: 'pending', attempts: 0 }),
  );
  expect(await refused(bob, 1, 'webhook', 'list', ...on)).toContain('ADMIN_REQUIRED');
  expect(await refused(ada, 2, 'webhook', 'add', 'https://example.com/', '--event', 'never', ...on)).toContain(
    'there is no event never\nhint: the events are push,',
  );
  expect(await refused(ada, 1, 'webhook', 'add', 'http://127.0.0.1/', ...on)).toContain('VALIDATION_ERROR');
  expect(await refused(ada, 1, 'webhook', 'remove', 'nothing', ...on)).toContain('NOT_FOUND');
  expect(await ok(ada, 'webhook', 'remove', webhookId, ...on)).toBe(`${webhookId} is removed`);
  expect(JSON.parse(await ok(ada, 'webhook', 'list', ...on, '--json'))).toHaveLength(1);
});
