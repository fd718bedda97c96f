/** Single requests of a fetch, compared line by line with what the real git answers to the same bytes. */
import { spawnSync } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { TestAgent } from '../support/agent.js';
import { type Deployment, embedded } from '../support/deployment.js';
import type { SeededRepository } from '../support/git.js';
import { DELIM, FLUSH, fetchV2, packets, packetTypes, post, readAnswer } from '../support/raw-fetch.js';

let deployment: Deployment;
let agent: TestAgent;
let source: SeededRepository;
let url: string;
let head: string;

const lines = async (...args: string[]) =>
  (await agent.git(args, { cwd: source.dir })).stdout.split('\n').filter(Boolean);

beforeAll(async () => {
  deployment = await embedded.start();
  agent = await TestAgent.setup(deployment.url, 'raw-fetcher');
  source = await agent.sandbox.seedHistory({ seed: 44, commits: 60, merges: 6, branches: 2, tags: 4, bare: true });
  for (const key of ['allowFilter', 'allowAnySHA1InWant', 'allowRefInWant', 'allowSidebandAll']) {
    await agent.git(['config', `uploadpack.${key}`, 'true'], { cwd: source.dir });
  }
  await agent.git(['config', 'transfer.advertiseObjectInfo', 'true'], { cwd: source.dir });
  url = (await agent.createRepo('raw')).cloneUrl;
  await agent.git(['push', '-q', '--mirror', url], { cwd: source.dir });
  head = source.head;
});

afterAll(async () => {
  agent?.dispose();
  await deployment?.stop();
});

/** The same request to the real git: its answer, and its last words when it refused. */
function theirs(request: Uint8Array, version: number): { bytes: Buffer; fatal: string | undefined } {
  const env = { ...agent.sandbox.env, GIT_PROTOCOL: `version=${version}` };
  const { stdout, stderr } = spawnSync('git', ['upload-pack', '--stateless-rpc', source.dir], { input: request, env });
  return { bytes: stdout, fatal: /^fatal: (.*)$/m.exec(stderr.toString())?.[1] };
}

/** What both answer before the pack, and whether a pack comes. */
async function expectSame(request: Buffer, version: number): Promise<void> {
  const { bytes } = theirs(request, version);
  const [got, wanted] = [await post(url, request, version), bytes];
  const [ours, their] = [readAnswer(got), readAnswer(wanted)];
  // Progress is worded by each server for itself.
  const facts = (all: string[]) =>
    all.filter((line) => !/^(Enumerating|Counting|Compressing|Total|Sending)/.test(line));
  expect(facts(ours.lines).sort()).toEqual(facts(their.lines).sort());
  expect(ours.pack === undefined).toBe(their.pack === undefined);
  const ends = (types: string[]) => types.filter((type) => type !== 'data');
  expect(ends(packetTypes(got))).toEqual(ends(packetTypes(wanted)));
}

const UNKNOWN = 'd'.repeat(40);

describe('refusals are worded as git words them', () => {
  const bad = [
    ['deepen 0'],
    ['deepen -1'],
    ['deepen 99999999999999999999'],
    ['deepen 3x'],
    ['deepen'],
    ['deepen-since yesterday'],
    ['deepen-not no-such-ref'],
    ['deepen 3', 'deepen-since 1600000000'],
    ['deepen 3', 'deepen-not main'],
    ['deepen-since 1999999999'],
    ['shallow xyz'],
    [`shallow ${'A'.repeat(39)}`],
    ['filter blob'],
    ['filter '],
    ['filter blob:limit=-1'],
    ['filter blob:limit=1t'],
    ['filter tree:'],
    ['filter tree:-1'],
    ['filter object:type=folder'],
    ['filter sparse:path=x'],
    ['filter combine:'],
    ['filter combine:blob:none+'],
    ['filter combine:tree:1+b lob:none'],
    ['filter combine:tree:1+blob:none~'],
    ['filter blob:none', 'filter tree:1'],
  ].map((args) => ({ args, name: args.join(', ').slice(0, 60) }));

  test.each(bad)('$name', async ({ args }) => {
    const request = fetchV2(`want ${head}`, ...args, 'done');
    const { fatal } = theirs(request, 2);
    expect(fatal).toBeDefined();
    const { lines: ours, pack } = readAnswer(await post(url, request, 2));
    expect([ours, pack]).toEqual([[`ERR ${fatal}`], undefined]);
  });

  test.each(bad.filter(({ args }) => args[0] !== 'deepen'))('$name over v0', async ({ args }) => {
    const request = packets([`want ${head} filter side-band-64k`, ...args, FLUSH, 'done']);
    const { fatal } = theirs(request, 0);
    expect(readAnswer(await post(url, request, 0)).lines).toEqual([`ERR ${fatal}`]);
  });

  test.each([
    [['want-ref refs/heads/none'], 'unknown ref refs/heads/none'],
    [[`want ${UNKNOWN}`], `upload-pack: not our ref ${UNKNOWN}`],
    [['filter sparse:oid=main:x'], "git upload-pack: filter 'sparse:oid' not supported"],
    [['packfile-uris https'], 'this server does not support packfile-uris fetches yet'],
    [Array.from({ length: 5000 }, () => 'deepen-not nothing'), 'ambiguous deepen-not: deepen-not nothing'],
  ])('%j: %s', async (args, message) => {
    const plain = readAnswer(await post(url, fetchV2(`want ${head}`, ...args, 'done'), 2));
    expect(plain.lines).toEqual([expect.stringContaining(`ERR `)]);
    expect(plain.lines[0]).toContain(message);
    // With sideband-all the refusal travels on the error channel.
    const banded = await post(url, fetchV2(`want ${head}`, 'sideband-all', ...args, 'done'), 2);
    expect(banded[4]).toBe(3);
    expect(readAnswer(banded).lines[0]).toContain(message);
  });

  test('a negative time is refused, which git takes for a large one', async () => {
    const { lines: ours } = readAnswer(await post(url, fetchV2(`want ${head}`, 'deepen-since -5', 'done'), 2));
    expect(ours).toEqual(['ERR Invalid deepen-since: deepen-since -5']);
  });

  test('a name that means a branch and a tag is ambiguous', async () => {
    const twice = (await agent.createRepo('twice')).cloneUrl;
    await agent.git(['push', '-q', twice, 'main:refs/heads/x', 'main:refs/tags/x'], { cwd: source.dir });
    const { lines: ours } = readAnswer(await post(twice, fetchV2(`want ${head}`, 'deepen-not x', 'done'), 2));
    expect(ours).toEqual(['ERR git upload-pack: ambiguous deepen-not: deepen-not x']);
  });
});

describe('sections are those of git', () => {
  test.each([
    ['deepen 1'],
    ['deepen 2147483647'],
    ['deepen-since 0'],
    ['deepen 4', 'sideband-all'],
    [`shallow ${UNKNOWN}`],
    [`shallow ${UNKNOWN}`, 'deepen 3'],
    ['want-ref refs/heads/topic/1', 'want-ref refs/tags/v0.0'],
    ['want-ref HEAD', 'deepen 2', 'sideband-all'],
    ['filter combine:combine:blob:none'],
    Array.from({ length: 3000 }, () => 'deepen-not v0.0'),
  ])('v2: %s %s %s', async (...args) => {
    await expectSame(fetchV2(`want ${head}`, 'no-progress', ...args.filter(Boolean), 'done'), 2);
  });

  test('v2: acknowledgments of a shallow client', async () => {
    const [parent, older] = await lines('rev-list', '--skip=1', '--max-count=2', '--first-parent', 'main');
    for (const last of ['done', 'wait-for-done', 'sideband-all', 'thin-pack']) {
      const args = [`shallow ${older}`, 'deepen 5', `have ${parent}`, `have ${UNKNOWN}`, last];
      await expectSame(fetchV2(`want ${head}`, 'no-progress', ...args), 2);
    }
    await expectSame(fetchV2('wait-for-done', `have ${parent}`, `have ${UNKNOWN}`), 2);
    await expectSame(fetchV2('wait-for-done', `have ${UNKNOWN}`), 2);
  });

  test('v0: the border comes first, and alone when the request ends behind its wants', async () => {
    const wants = `want ${head} multi_ack_detailed side-band-64k no-progress`;
    await expectSame(packets([wants, 'deepen 2', FLUSH]), 0);
    await expectSame(packets([wants, 'deepen 2', FLUSH, 'done']), 0);
    await expectSame(packets([wants, `shallow ${head}`, 'deepen 3', FLUSH, `have ${head}`, FLUSH]), 0);
    await expectSame(packets([wants, `shallow ${head}`, FLUSH, `have ${head}`, 'done']), 0);
  });

  test('a tag is no border commit', async () => {
    const [tag] = await lines('rev-parse', 'v0.0');
    const request = fetchV2(`want ${head}`, `shallow ${tag}`, 'done');
    expect(readAnswer(await post(url, request, 2)).lines).toEqual([`ERR ${theirs(request, 2).fatal}`]);
  });
});

describe('other commands and capabilities', () => {
  const info = (...args: string[]) => packets(['command=object-info', 'object-format=sha1', DELIM, ...args, FLUSH]);

  test('object-info tells sizes as git does, and nothing of what no ref reaches', async () => {
    const [commit, tree, tag, blob] = await lines('rev-parse', 'main', 'main^{tree}', 'v0.0', 'topic/1:');
    const oids = [commit, tree, tag, blob].map((oid) => `oid ${oid}`);
    for (const args of [['size', ...oids], ['size'], ['size', `oid ${UNKNOWN}`]]) {
      expect((await post(url, info(...args), 2)).toString()).toBe(theirs(info(...args), 2).bytes.toString());
    }
    expect(readAnswer(await post(url, info(...oids), 2)).lines).toEqual([commit, tree, tag, blob]);
    const repo = (await agent.createRepo('forgets')).cloneUrl;
    await agent.git(['push', '-q', repo, 'main~3:refs/heads/main', 'main:refs/heads/gone'], { cwd: source.dir });
    await agent.git(['push', '-q', repo, ':refs/heads/gone'], { cwd: source.dir });
    const hidden = await post(repo, info('size', `oid ${head}`, `oid ${tree}`), 2);
    expect(readAnswer(hidden).lines).toEqual(['size', `${head} `, `${tree} `]);
    expect(readAnswer(await post(url, info('size', 'oid x'), 2)).lines[0]).toContain('expected to get oid');
    expect(readAnswer(await post(url, info('weight'), 2)).lines[0]).toContain("unexpected line: 'weight'");
  });

  test('server options and session ids are taken and passed over', async () => {
    const request = packets([
      ...['command=fetch', 'server-option=a', 'server-option=b', 'session-id=x', 'object-format=sha1'],
      ...[DELIM, `want ${head}`, 'done', FLUSH],
    ]);
    expect(readAnswer(await post(url, request, 2)).pack).toBeDefined();
    const { stdout } = await agent.git(['-c', 'protocol.version=2', 'ls-remote', '-o', 'a=b', url, 'HEAD']);
    expect(stdout).toContain(head);
  });

  test('what is advertised is what the contract names', async () => {
    const advert = async (version: number) => {
      const answer = await fetch(`${url}/info/refs?service=git-upload-pack`, {
        headers: { 'git-protocol': `version=${version}` },
      });
      return answer.text();
    };
    const v0 = /\0(.*)\n/.exec(await advert(0))?.[1]?.split(' ');
    expect(v0).toEqual(
      expect.arrayContaining(['shallow', 'deepen-since', 'deepen-not', 'deepen-relative', 'filter', 'include-tag']),
    );
    expect(await advert(2)).toContain('fetch=shallow wait-for-done filter ref-in-want sideband-all\n');
  });
});
