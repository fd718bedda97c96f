import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CommitGraph, encodeSegment } from '../graph/index.js';
import type { Oid } from '../oid.js';
import { DELIM, FLUSH, pktLine } from '../pktline/index.js';
import {
  type AdvertisedRef,
  advertiseV0,
  advertiseV2,
  type Head,
  type Knowledge,
  lsRefsAnswer,
  negotiateV0,
  negotiateV2,
  parseV0Request,
  parseV2Request,
} from './index.js';

let repo: string;
let graph: CommitGraph;
let commits: Oid[];
let refs: AdvertisedRef[];
let head: Head;

const git = (args: string[], input: Uint8Array | string = '', env: Record<string, string> = {}) =>
  execFileSync('git', args, { cwd: repo, stdio: 'pipe', input, env: { ...process.env, ...env }, maxBuffer: 1 << 28 });
const text = (args: string[]) => git(args).toString().trim();
const random = (() => {
  let state = 99;
  return (below: number) => {
    state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
    return (state >>> 8) % below;
  };
})();
const body = (...lines: (string | Buffer)[]) =>
  Buffer.concat(lines.map((line) => (typeof line === 'string' ? pktLine(line) : line)));

function show(args: string): string[] {
  return text(args.split(' ')).split('\n').filter(Boolean);
}

beforeAll(() => {
  repo = mkdtempSync(join(tmpdir(), 'gitclaw-upload-'));
  git(['init', '-q', '--bare', '-b', 'main', '.']);
  let stream = '';
  for (let i = 1; i <= 300; i++) {
    const branch = i < 40 ? 'main' : ['main', 'topic', 'side'][random(3)];
    stream += `commit refs/heads/${branch}\nmark :${i}\ncommitter A <a@b> ${1_700_000_000 + i * 60} +0000\ndata 1\nx`;
    stream += i > 1 ? `\nfrom :${i - 1 - (i > 45 ? random(3) : 0)}` : '';
    stream += `\nM 100644 inline f\ndata ${String(i).length}\n${i}\n\n`;
  }
  stream += 'tag v1\nfrom :50\ntagger A <a@b> 1 +0000\ndata 1\nt\n';
  git(['fast-import', '--quiet', '--force'], stream);
  git(['tag', '-a', '-m', 'outer', 'v2', 'v1'], '', { GIT_COMMITTER_NAME: 'A', GIT_COMMITTER_EMAIL: 'a@b' });
  const rows = show('rev-list --all --topo-order --reverse --no-commit-header --format=%H/%T/%ct/%P').map((row) =>
    row.split('/'),
  );
  commits = rows.map(([oid]) => oid!);
  const segment = rows.map(([oid, tree, time, parents]) => ({
    ...{ oid: oid!, tree: tree!, time: Number(time) },
    parents: parents!.split(' ').filter(Boolean),
  }));
  graph = CommitGraph.fromSegments([encodeSegment(segment, [])]);
  refs = show('for-each-ref --format=%(refname)/%(objectname)/%(*objectname)').map((row) => {
    const parts = row.split('/');
    const [oid, peeled] = parts.slice(-2) as [string, string];
    const target = peeled === '' ? undefined : text(['rev-parse', `${oid}^{}`]);
    return { name: parts.slice(0, -2).join('/'), oid, ...(target === undefined ? {} : { peeled: target }) };
  });
  head = { symrefTarget: 'refs/heads/main', oid: text(['rev-parse', 'HEAD']) };
});
afterAll(() => rmSync(repo, { recursive: true, force: true }));

const V2 = { GIT_PROTOCOL: 'version=2' };
const serve = (input: Uint8Array, env = {}) => git(['upload-pack', '--stateless-rpc', '.'], input, env);
/** Lines of an advertisement with the capabilities cut off, as those differ. */
const withoutCapabilities = (bytes: Buffer) =>
  bytes
    .toString()
    .replace(/[0-9a-f]{4}(?=[0-9a-f]{40} )/g, '')
    .replace(/\0[^\n]*/, '');

describe('advertisement', () => {
  const base = { service: 'git-upload-pack' as const, capabilities: ['ofs-delta', 'agent=x'], version: 0 as const };

  test('has the refs that git advertises', () => {
    const ours = advertiseV0({ ...base, refs, head });
    const prefix = body('# service=git-upload-pack\n', FLUSH);
    expect(ours.subarray(0, prefix.length)).toEqual(prefix);
    const theirs = git(['upload-pack', '--stateless-rpc', '--advertise-refs', '.']);
    expect(withoutCapabilities(ours.subarray(prefix.length))).toBe(withoutCapabilities(theirs));
    expect(ours.toString()).toContain('HEAD\0ofs-delta agent=x symref=HEAD:refs/heads/main\n');
    expect(refs.filter((ref) => ref.peeled !== undefined).length).toBe(2);
  });

  test('version 1, empty repositories and receive-pack', () => {
    expect(advertiseV0({ ...base, version: 1, refs: [], head: { symrefTarget: 'refs/heads/main' } })).toEqual(
      body(
        '# service=git-upload-pack\n',
        FLUSH,
        'version 1\n',
        `${'0'.repeat(40)} capabilities^{}\0ofs-delta agent=x\n`,
        FLUSH,
      ),
    );
    const one = { name: 'refs/tags/a', oid: '1'.repeat(40), peeled: '2'.repeat(40) };
    expect(advertiseV0({ ...base, service: 'git-receive-pack', refs: [one], head })).toEqual(
      body('# service=git-receive-pack\n', FLUSH, `${one.oid} refs/tags/a\0ofs-delta agent=x\n`, FLUSH),
    );
  });

  test('version 2 is read by git', () => {
    const expected = body(
      'version 2\n',
      'agent=x\n',
      'ls-refs=unborn\n',
      'fetch=shallow filter\n',
      'server-option\n',
      'object-format=sha1\n',
      'object-info\n',
      FLUSH,
    );
    expect(advertiseV2({ agent: 'x', fetch: ['shallow', 'filter'], bundleUri: false })).toEqual(expected);
    expect(advertiseV2({ agent: 'x', fetch: [], bundleUri: false }).toString()).toContain('000afetch\n');
    expect(advertiseV2({ agent: 'x', fetch: [], bundleUri: true }).toString()).toContain('000fbundle-uri\n');
  });
});

describe('ls-refs', () => {
  test.each([
    [[]],
    [['peel', 'symrefs']],
    [['peel', 'symrefs', 'unborn', 'ref-prefix refs/heads/', 'ref-prefix HEAD']],
    [['symrefs', 'ref-prefix refs/tags/v1']],
    [['peel', 'ref-prefix refs/nothing']],
  ])('%j gives the bytes that git gives', (args) => {
    const request = body(
      'command=ls-refs\n',
      'agent=test\n',
      'object-format=sha1',
      DELIM,
      ...args.map((arg) => `${arg}\n`),
      FLUSH,
    );
    const parsed = parseV2Request(request);
    if (parsed?.command !== 'ls-refs') throw new Error('not ls-refs');
    expect(parsed.agent).toBe('test');
    expect(lsRefsAnswer(parsed.args, refs, head)).toEqual(serve(request, V2));
  });

  test('an unborn HEAD is told to those who ask', () => {
    const args = { peel: true, symrefs: true, unborn: true, prefixes: [] };
    const unborn = { symrefTarget: 'refs/heads/main' };
    expect(lsRefsAnswer(args, [], unborn)).toEqual(body('unborn HEAD symref-target:refs/heads/main\n', FLUSH));
    expect(lsRefsAnswer({ ...args, unborn: false }, [], unborn)).toEqual(FLUSH);
    expect(lsRefsAnswer(args, [], undefined)).toEqual(FLUSH);
  });

  test('too many prefixes mean all', () => {
    const lines = Array.from({ length: 65_537 }, (_, i) => `ref-prefix r${i}`);
    const parsed = parseV2Request(body('command=ls-refs', DELIM, ...lines, FLUSH));
    expect(parsed).toMatchObject({ command: 'ls-refs', args: { prefixes: [] } });
  });
});

/** What the repository knows; git counts the parents of a common commit as common when it decides to stop. */
function knowledge(wants: readonly Oid[]): Knowledge {
  return {
    has: (oid) => graph.has(oid),
    readyToGiveUp(common) {
      const targets = common.map((oid) => graph.indexOf(oid));
      return graph.allReach(
        wants.map((oid) => graph.indexOf(oid)),
        [...targets, ...targets.flatMap((at) => graph.parents(at))],
      );
    },
  };
}

function randomHaves(): Oid[] {
  const unknown = () => Array.from({ length: 40 }, () => random(16).toString(16)).join('');
  const picked = new Set(
    Array.from({ length: random(8) }, () => (random(3) === 0 ? unknown() : commits[random(commits.length)]!)),
  );
  // Parents behind their children can count as known already; oldest first keeps each one new.
  return [...picked].sort((a, b) => graph.indexOf(a) - graph.indexOf(b));
}

describe('negotiation equals git upload-pack', () => {
  test.each(['', 'multi_ack', 'multi_ack_detailed', 'multi_ack_detailed no-done'])('version 0, "%s"', (mode) => {
    let packs = 0;
    for (let round = 0; round < 25; round++) {
      const wants = [refs[random(3)]!.oid];
      const haves = randomHaves();
      const done = random(2) === 0;
      const request = body(
        `want ${wants[0]} ${mode} ofs-delta agent=x\n`,
        FLUSH,
        ...haves.map((oid) => `have ${oid}\n`),
        done ? 'done\n' : FLUSH,
      );
      const parsed = parseV0Request(request);
      expect(parsed).toMatchObject({ wants, haveGroups: [haves], done });
      const answer = negotiateV0(parsed, knowledge(wants));
      const theirs = serve(request);
      const pack = theirs.indexOf('PACK');
      expect(answer.pack).toBe(pack !== -1);
      expect(answer.bytes.toString()).toBe(theirs.subarray(0, pack === -1 ? undefined : pack).toString());
      if (answer.pack) packs++;
    }
    expect(packs).toBeGreaterThan(5);
  });

  test('version 2', () => {
    const seen = new Set<string>();
    for (let round = 0; round < 40; round++) {
      const wants = [refs[random(3)]!.oid];
      const haves = randomHaves();
      const last = ['done', 'wait-for-done', 'thin-pack', 'ofs-delta'][random(4)]!;
      const request = body(
        'command=fetch',
        DELIM,
        `want ${wants[0]}\n`,
        ...haves.map((oid) => `have ${oid}\n`),
        last,
        FLUSH,
      );
      const parsed = parseV2Request(request);
      if (parsed?.command !== 'fetch') throw new Error('not fetch');
      const answer = negotiateV2(parsed.args, knowledge(wants));
      const theirs = serve(request, V2);
      const pack = theirs.indexOf('000dpackfile\n');
      expect(answer.pack).toBe(pack !== -1);
      expect(answer.bytes.toString()).toBe(theirs.subarray(0, pack === -1 ? undefined : pack).toString());
      seen.add(`${answer.pack} ${answer.bytes.length > 0}`);
    }
    expect(seen.size).toBe(3);
  });

  test('no wants, no pack', () => {
    const none = { has: () => true, readyToGiveUp: () => true };
    expect(negotiateV0(parseV0Request(FLUSH), none)).toEqual({ bytes: Buffer.alloc(0), pack: false, common: [] });
    const parsed = parseV2Request(body('command=fetch', DELIM, 'done', FLUSH));
    if (parsed?.command !== 'fetch') throw new Error('not fetch');
    expect(negotiateV2(parsed.args, none)).toMatchObject({ pack: false });
    const onlyDepth = parseV0Request(body(`want ${'1'.repeat(40)}`, 'deepen 1', FLUSH));
    expect(negotiateV0(onlyDepth, none)).toMatchObject({ pack: false });
    expect(onlyDepth.deepen).toBe(1);
  });
});
