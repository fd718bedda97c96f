import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { TestAgent } from '../support/agent.js';
import { type CollectedSpan, type Collector, startCollector } from '../support/collector.js';
import { ServerProcess } from '../support/node.js';

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const CALLER = '00f067aa0ba902b7';

/** Soon, so that tests need not wait; the variable is the SDK's own. */
const SOON = { OTEL_BSP_SCHEDULE_DELAY: '100' };

let collector: Collector;
let dataDir: string;
let node: ServerProcess;
let agent: TestAgent;
let repo: { repoId: string; cloneUrl: string };
let work: string;

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'gitclaw-traces-'));
  collector = await startCollector();
  const env = { OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint, OTEL_SERVICE_NAME: 'traced', ...SOON };
  node = await ServerProcess.start({ env: { GITCLAW_DATA_DIR: dataDir, CI_ENABLED: 'false', ...env } });
  agent = await TestAgent.setup(node.url, 'traced');
  repo = await agent.createRepo('steps');
  // Events of a repository without webhooks are passed over.
  await agent.client.createWebhook(repo.repoId, { url: 'https://hooks.example.com/push', events: ['push'] });
  work = (await agent.sandbox.seedHistory({ seed: 81, commits: 60 })).dir;
});

afterAll(async () => {
  await node?.stop();
  agent?.dispose();
  await collector?.close();
  await rm(dataDir, { recursive: true, force: true });
});

const traced = (traceId: string, flags = '01') => [
  '-c',
  `http.extraHeader=traceparent: 00-${traceId}-${CALLER}-${flags}`,
];
const of = (traceId: string) => collector.spans.filter((span) => span.traceId === traceId);
const named = (spans: readonly CollectedSpan[], name: string) => spans.find((span) => span.name === name)!;
const inside = (outer: CollectedSpan, inner: CollectedSpan) =>
  BigInt(inner.startTimeUnixNano) >= BigInt(outer.startTimeUnixNano) - 2_000_000n &&
  BigInt(inner.endTimeUnixNano) <= BigInt(outer.endTimeUnixNano) + 2_000_000n;

describe('traces of a node', () => {
  test('a push belongs to the trace of its client and shows its phases', async () => {
    await agent.git([...traced(TRACE), 'push', '-q', repo.cloneUrl, 'main'], { cwd: work });
    const request = () => of(TRACE).find(({ attributes }) => attributes['gitclaw.operation'] === 'push');
    await expect.poll(request).toBeDefined();
    const push = request()!;
    expect(push).toMatchObject({
      ...{ name: 'POST /:owner/:name/git-receive-pack', kind: 2, parentSpanId: CALLER },
      resource: { 'service.name': 'traced' },
      attributes: {
        'http.request.method': 'POST',
        'http.route': '/:owner/:name/git-receive-pack',
        'http.response.status_code': 200,
        'gitclaw.repository.id': repo.repoId,
        'gitclaw.agent.id': agent.agentId,
        'gitclaw.objects': expect.any(Number),
      },
    });
    const children = of(TRACE).filter(({ parentSpanId }) => parentSpanId === push.spanId);
    const phases = children
      .filter(({ name }) => name.startsWith('push.'))
      .sort((a, b) => Number(BigInt(a.startTimeUnixNano) - BigInt(b.startTimeUnixNano)));
    expect(phases.map(({ name }) => name)).toEqual([
      ...['push.receive', 'push.index', 'push.connectivity', 'push.store', 'push.prepare', 'push.commit'],
    ]);
    for (const phase of phases) expect(inside(push, phase), phase.name).toBe(true);
    const parentOf = (name: string) => named(of(TRACE), name).parentSpanId;
    expect(parentOf('pack.index')).toBe(named(phases, 'push.index').spanId);
    expect(parentOf('s3.put_packfile')).toBe(named(phases, 'push.store').spanId);
    const commit = named(phases, 'push.commit').spanId;
    expect(of(TRACE).some(({ name, parentSpanId }) => name === 'db.transaction' && parentSpanId === commit)).toBe(true);
  });

  test('what follows from a push is linked to it, and traced where it is done', async () => {
    const push = of(TRACE).find(({ attributes }) => attributes['gitclaw.operation'] === 'push')!;
    expect(push.links.length).toBeGreaterThan(0);
    const follower = () =>
      collector.spans.find(({ name, traceId, spanId }) => {
        return (
          name === 'outbox webhook' && push.links.some((link) => link.traceId === traceId && link.spanId === spanId)
        );
      });
    await expect.poll(follower, { timeout: 20_000 }).toBeDefined();
    const { kind, attributes, traceId } = follower()!;
    expect([kind, attributes['gitclaw.action'], attributes['gitclaw.attempt']]).toEqual([5, 'push', 1]);
    expect(of(traceId).some(({ name }) => name === 'db.transaction')).toBe(true);
  });

  test('a job is a trace when it did something, and none when it only looked', async () => {
    const job = () => collector.spans.find(({ name }) => name === 'job unpack');
    await expect.poll(job, { timeout: 30_000 }).toBeDefined();
    expect(job()!.attributes['gitclaw.job.done']).toBe(1);
    expect(named(of(job()!.traceId), 'pack.unpack')).toBeDefined();
    const idle = collector.spans.filter(
      ({ name, attributes }) => name.startsWith('job ') && attributes['gitclaw.job.done'] === 0,
    );
    expect(idle).toEqual([]);
  });

  test('a clone shows how it is planned, built and sent', async () => {
    await agent.git(['commit', '-q', '--allow-empty', '-m', 'second pack'], { cwd: work });
    await agent.git(['push', '-q', repo.cloneUrl, 'main'], { cwd: work });
    const trace = TRACE.replace('4b', '5c');
    await agent.git([...traced(trace), 'clone', '-q', repo.cloneUrl, agent.sandbox.path('copy')]);
    const request = () => of(trace).find(({ attributes }) => attributes['gitclaw.operation'] === 'clone');
    await expect.poll(request).toBeDefined();
    const phases = of(trace).filter(
      ({ parentSpanId, name }) => parentSpanId === request()!.spanId && /^fetch\./.test(name),
    );
    expect(phases.map(({ name }) => name).sort()).toEqual(['fetch.build', 'fetch.plan', 'fetch.send']);
    expect(named(of(trace), 'pack.build').parentSpanId).toBe(named(phases, 'fetch.build').spanId);
  });

  test('requests without a trace begin one; headers that are wrong count as none; unsampled ones are left alone', async () => {
    const route = '/v1/repos/:owner/:name';
    const ask = (headers: Record<string, string>) => fetch(`${node.url}/v1/repos/traced/steps`, { headers });
    const own = () => collector.spans.filter(({ name }) => name === `GET ${route}`);
    const unsampled = TRACE.replace('4b', '6d');
    await ask({ traceparent: `00-${unsampled}-${CALLER}-00` });
    const wrong = [
      'x',
      `00-${'0'.repeat(32)}-${CALLER}-01`,
      `ff-${TRACE}-${CALLER}-01`,
      `00-${TRACE}-${CALLER}-01-more`,
    ];
    for (const traceparent of wrong) await ask({ traceparent });
    await ask({});
    await expect.poll(() => own().length).toBe(5);
    for (const span of own()) {
      expect(span.parentSpanId ?? '').toBe('');
      expect([TRACE, unsampled]).not.toContain(span.traceId);
    }
    expect(of(unsampled)).toEqual([]);
  });

  test('spans of failures say so, and hold no secret', async () => {
    await fetch(`${node.url}/v1/repos/traced/steps?signature=c2VjcmV0`, {
      headers: { authorization: 'Bearer t0p-s3cret' },
    });
    const trace = TRACE.replace('4b', '7e');
    await agent.git([...traced(trace), 'push', '-q', repo.cloneUrl, 'main:refs/pull/1/head'], { cwd: work, ok: false });
    await expect.poll(() => of(trace).length).toBeGreaterThan(1);
    expect(collector.text()).not.toMatch(/c2VjcmV0|t0p-s3cret|gct1\.|BEGIN/);
  });
});

test('a collector that is away holds up neither requests nor the end of the node', async () => {
  const other = await mkdtemp(join(tmpdir(), 'gitclaw-traces-'));
  const env = {
    GITCLAW_DATA_DIR: other,
    OTEL_ENABLED: 'true',
    OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:9',
    ...SOON,
  };
  const lonely = await ServerProcess.start({ env });
  for (let i = 0; i < 20; i++) expect((await fetch(`${lonely.url}/health`)).status).toBe(200);
  expect(await lonely.stop()).toBe(0);
  await rm(other, { recursive: true, force: true });
});
