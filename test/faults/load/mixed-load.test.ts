/** Two servers and two workers under mixed load while one of them is killed every now and then. */
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createBubblewrapDriver } from '../../../src/ci/drivers/bubblewrap.js';
import { TestAgent } from '../../support/agent.js';
import { CHECKS_MS, Cloner, Contributor, Pusher, type Site, Stargazer, writeChecks } from './agents.js';
import { Fleet } from './fleet.js';
import { type HookReceiver, hookReceiver } from './hook-receiver.js';

const isLong = process.env.GITCLAW_LONG_TESTS === '1';
const LOAD_MS = isLong ? 600_000 : 45_000;
const KILL_EVERY_MS = isLong ? 30_000 : 9_000;
/** Until what was in the hands of the killed has been taken over and everything is done. */
const QUIET_MS = 480_000;
/** The longest that a step which was begun may take, repeats included. */
const LAST_STEP_MS = CHECKS_MS + 90_000;
/** For looking at everything afterwards. */
const CHECK_MS = 120_000;

let fleet: Fleet;
let hooks: HookReceiver;
const agents: TestAgent[] = [];

beforeAll(async () => {
  expect(
    await createBubblewrapDriver().probe(),
    'these tests need bubblewrap: apt-get install bubblewrap',
  ).toBeUndefined();
  [fleet, hooks] = await Promise.all([Fleet.start(), hookReceiver()]);
});
afterAll(async () => {
  await hooks?.close();
  await fleet?.stop();
  for (const agent of agents) agent.dispose();
});

async function newAgent(name: string): Promise<TestAgent> {
  const agent = await TestAgent.setup(fleet.url, name);
  agents.push(agent);
  return agent;
}

/** A repository with checks and a webhook for everything. */
async function site(owner: TestAgent, stop: AbortSignal): Promise<Site> {
  const { repoId, cloneUrl } = await owner.createRepo('busy');
  const dir = owner.sandbox.path('first');
  mkdirSync(dir);
  await owner.git(['init', '-q', '-b', 'main'], { cwd: dir });
  writeChecks(dir);
  await owner.git(['add', '-A'], { cwd: dir });
  await owner.git(['commit', '-q', '-m', 'first'], { cwd: dir });
  await owner.git(['push', '-q', cloneUrl, 'main'], { cwd: dir });
  await owner.client.createWebhook(repoId, { url: hooks.url, events: ['push', 'star', 'pr_merged', 'ci_completed'] });
  return { repoId, cloneUrl, stop };
}

describe('mixed load with kills', () => {
  it('loses nothing, does nothing twice, and ends with everything done', {
    timeout: LOAD_MS + LAST_STEP_MS + QUIET_MS + CHECK_MS,
  }, async () => {
    const controller = new AbortController();
    const owner = await newAgent('owner');
    const place = await site(owner, controller.signal);
    const helpers = await Promise.all(['one', 'two', 'three'].map(newAgent));
    for (const helper of helpers) await owner.client.grantAccess(place.repoId, helper.agentId, 'write');
    const pushers = helpers.map((agent, i) => new Pusher(agent, `branch-${i}`));
    const gazers = helpers.map((agent) => new Stargazer(agent));
    const cloner = new Cloner(owner);
    const contributor = new Contributor(owner, helpers[0]!, 'topic');
    const atWork = new Set<object>([...pushers, ...gazers, cloner, contributor]);
    const work = [...pushers, ...gazers, cloner, contributor].map(async (worker) => {
      await worker.work(place);
      atWork.delete(worker);
    });
    const failed = Promise.all(work).finally(() => controller.abort());

    await Promise.race([Promise.all([failed, kill(controller)]), hanging(controller.signal, atWork)]);

    const { sql } = fleet.database.db;
    await expect
      .poll(() => unfinished(sql), { timeout: QUIET_MS, interval: 2_000 })
      .toEqual({ events: 0, deliveries: 0, runs: 0 });

    const refs = await owner.remoteRefs(place.cloneUrl);
    for (const { branch, acknowledged } of pushers) {
      expect(refs.get(`refs/heads/${branch}`)).toBe(acknowledged.at(-1));
      const pushes = await sql`
        SELECT u->>'newOid' AS oid FROM push_events, jsonb_array_elements(ref_updates) u
        WHERE u->>'refName' = ${`refs/heads/${branch}`} ORDER BY timestamp`;
      expect(pushes.map(({ oid }) => oid)).toEqual(acknowledged);
    }
    const copy = owner.sandbox.path('last');
    await owner.git(['clone', '-q', '--mirror', place.cloneUrl, copy]);
    expect((await owner.git(['fsck', '--strict', '--full'], { cwd: copy })).stdout).toBe('');

    const starred = gazers.filter(({ hasStarred }) => hasStarred).map(({ agent }) => agent.agentId);
    const stars = await sql`SELECT agent_id FROM repo_stars WHERE repo_id = ${place.repoId}`;
    expect(stars.map(({ agent_id }) => agent_id).sort()).toEqual(starred.sort());
    const [{ count } = { count: -1 }] = await sql`
      SELECT coalesce(max(stars), 0)::int AS count FROM repo_star_counts WHERE repo_id = ${place.repoId}`;
    expect(count).toBe(starred.length);

    const merges = await sql`SELECT resource_id FROM audit_log WHERE action = 'pr_merge'`;
    expect(merges.map(({ resource_id }) => resource_id).sort()).toEqual([...contributor.merged].sort());
    const runs = await sql`
      SELECT r.run_id, r.status::text, (SELECT count(*)::int FROM audit_log a WHERE a.action = 'ci_completed'
        AND a.resource_id = r.run_id) AS ends FROM ci_runs r`;
    expect(runs.filter(({ status, ends }) => ends !== 1 || !['passed', 'cancelled'].includes(status))).toEqual([]);
    expect(runs.length).toBeGreaterThanOrEqual(contributor.merged.length);

    await webhooksCame(sql);
    const file = owner.sandbox.path('audit.jsonl');
    await owner.cli(['audit', 'export', '--output', file], { env: { DATABASE_URL: fleet.database.url } });
    const verified = await owner.cli(['verify', file]);
    console.log(
      `${fleet.kills} kills; ${pushers.flatMap(({ acknowledged }) => acknowledged).length} pushes, ${cloner.clones} clones, ` +
        `${gazers.reduce((sum, { calls }) => sum + calls, 0)} stars, ${contributor.merged.length} merges, ${runs.length} runs, ` +
        `${hooks.accepted.size} deliveries, ${[...hooks.accepted.values()].filter((times) => times > 1).length} of them twice\n${verified.stdout}`,
    );
  });
});

/** Kills until the time is up or an agent has found a fault, and then ends the load. */
async function kill(controller: AbortController): Promise<void> {
  const end = Date.now() + LOAD_MS;
  try {
    while (Date.now() < end && !controller.signal.aborted) {
      await sleep(KILL_EVERY_MS, undefined, { signal: controller.signal }).catch(() => {});
      if (!controller.signal.aborted) await fleet.killNext();
    }
  } finally {
    controller.abort();
  }
}

/** @throws Error that names who is still at work some time after the end */
async function hanging(stop: AbortSignal, atWork: ReadonlySet<object>): Promise<never> {
  if (!stop.aborted) await once(stop, 'abort');
  await sleep(LAST_STEP_MS);
  throw new Error(`still at work: ${[...atWork].map((worker) => worker.constructor.name).join(', ')}`);
}

type Sql = Fleet['database']['db']['sql'];

async function unfinished(sql: Sql): Promise<unknown> {
  const [row] = await sql`
    SELECT (SELECT count(*)::int FROM event_outbox WHERE status <> 'processed' AND topic <> 'analytics') AS events,
           (SELECT count(*)::int FROM webhook_deliveries WHERE status <> 'delivered') AS deliveries,
           (SELECT count(*)::int FROM ci_runs WHERE status IN ('pending', 'running')) AS runs`;
  return row;
}

/** Every event that the webhook is for has one delivery, and every delivery reached the receiver. */
async function webhooksCame(sql: Sql): Promise<void> {
  const deliveries = await sql`SELECT delivery_id, audit_event_id, event FROM webhook_deliveries`;
  const events = await sql`SELECT event_id FROM audit_log WHERE action IN ('push', 'star', 'pr_merge', 'ci_completed')
    AND timestamp > (SELECT created_at FROM webhooks)`;
  expect(deliveries.map(({ audit_event_id }) => audit_event_id).sort()).toEqual(
    events.map(({ event_id }) => event_id).sort(),
  );
  const lost = deliveries.filter(({ delivery_id }) => !hooks.accepted.has(delivery_id));
  expect(lost).toEqual([]);
}
