/** Random fetches: what is sent must be all that git demands, and nothing beyond it. */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { TestAgent } from '../support/agent.js';
import { type Deployment, embedded } from '../support/deployment.js';
import { git, gitLines, packedOids, type Random, randomHistory, seeded } from '../support/random-packs.js';
import { fetchV2, packets, post, type RawAnswer, readAnswer } from '../support/raw-fetch.js';

/** For each history; the long run is for changes to what fetches send. */
const ROUNDS = process.env.GITCLAW_LONG_TESTS === '1' ? 125 : 20;
const FILTERS = ['blob:none', 'blob:limit=500', 'blob:limit=1k', 'tree:0', 'tree:1', 'tree:2', 'tree:3'];
const TYPES = ['object:type=commit', 'object:type=tree', 'object:type=blob', 'object:type=tag'];

interface Story {
  lines: string[];
  wants: string[];
  haves: string[];
  border: string[];
  filter: string | undefined;
  thin: boolean;
}

let deployment: Deployment;
let agent: TestAgent;
beforeAll(async () => {
  deployment = await embedded.start();
  agent = await TestAgent.setup(deployment.url, 'random-fetcher');
});
afterAll(async () => {
  agent?.dispose();
  await deployment?.stop();
});

describe.each([1, 2, 3, 4])('random history %i', (seed) => {
  const random = seeded(seed + 500);
  let repo: string;
  let url: string;
  let parents: Map<string, string[]>;
  let commits: string[];
  let refs: string[];
  let times: number[];
  let others: string[];
  let tagObjects: string[];
  let everything: Set<string>;

  beforeAll(async () => {
    repo = agent.sandbox.path(`repo-${seed}`);
    // Two kinds of history: one wild, with reverts and submodules, and one as projects have it.
    if (seed < 3) randomHistory(repo, random, 120);
    else await agent.sandbox.seedHistory({ dir: repo, seed, commits: 150, merges: 20, branches: 4, bare: true });
    times = gitLines(repo, ['log', '--all', '--format=%ct']).map(Number);
    for (const key of ['allowFilter', 'allowAnySHA1InWant']) git(repo, ['config', `uploadpack.${key}`, 'true']);
    url = (await agent.createRepo(`random-${seed}`)).cloneUrl;
    const names = seed < 3 ? ['b0', 'b1', 'b2'] : ['main', 'topic/1', 'topic/2'];
    const all = gitLines(repo, ['rev-list', '--topo-order', '--reverse', '--all']);
    // Branches jump to and fro, so that stored packs overlap and hold what no ref reaches for a while.
    for (let step = 0; step < 8; step++) {
      const upTo = Math.ceil((all.length * (step + 1)) / 8);
      const moves = names.map((name) => `+${all[random(upTo)]}:refs/heads/${name}`);
      await agent.git(['push', '-q', url, ...moves], { cwd: repo });
    }
    await agent.git(['push', '-q', '--mirror', url], { cwd: repo });
    const rows = gitLines(repo, ['rev-list', '--parents', '--all']).map((line) => line.split(' '));
    parents = new Map(rows.map(([oid, ...rest]) => [oid!, rest]));
    commits = [...parents.keys()];
    refs = gitLines(repo, ['for-each-ref', '--format=%(refname)']);
    tagObjects = gitLines(repo, ['for-each-ref', '--format=%(objectname)', 'refs/tags']);
    everything = new Set(closure([], ['--all'], undefined));
    others = [...everything].filter((oid) => !parents.has(oid));
  });

  /** Objects reachable from commits in a repository that is shallow at `border`. */
  function closure(border: string[], roots: string[], filter: string | undefined): string[] {
    const path = agent.sandbox.path('border');
    writeFileSync(path, border.map((oid) => `${oid}\n`).join(''));
    const options = ['rev-list', '--objects', '--no-object-names', ...(filter ? [`--filter=${filter}`] : [])];
    return roots.length === 0 ? [] : gitLines(repo, ['--shallow-file', path, ...options, ...roots]);
  }

  const pick = <T>(from: readonly T[]): T => from[random(from.length)]!;
  const some = (most: number) => Array.from({ length: random(most + 1) }, () => pick(commits));

  function ancestor(commit: string, steps: number): string {
    let at = commit;
    for (let i = 0; i < steps; i++) at = pick([...parents.get(at)!, at]);
    return at;
  }

  function invent(): Story {
    const wants = [pick(commits), ...some(2), ...(random(6) === 0 ? [pick(others)] : [])];
    const haves = some(3);
    const picked = random(2) === 0 ? [] : haves.map((have) => ancestor(have, random(8)));
    // Of these, what lies behind another one is not at the client.
    const had = new Set(closure(picked, haves, undefined));
    const border = picked.filter((oid) => had.has(oid));
    const filter = random(2) === 0 ? undefined : pick(random(3) === 0 ? TYPES : FILTERS);
    const thin = random(2) === 0;
    const lines = depthLines(random);
    return { lines, wants: [...new Set(wants)], haves, border: [...new Set(border)], filter, thin };
  }

  function depthLines(from: Random): string[] {
    const kinds = [
      [],
      [],
      [`deepen ${1 + from(12)}`],
      [`deepen ${1 + from(4)}`, 'deepen-relative'],
      ['deepen 2147483647'],
      [`deepen-since ${pick(times)}`],
      [`deepen-not ${pick(refs)}`],
      [`deepen-since ${pick(times)}`, `deepen-not ${pick(refs)}`],
    ];
    return kinds[from(kinds.length)]!;
  }

  function requestV2({ wants, haves, border, lines, filter, thin }: Story): Buffer {
    return fetchV2(
      ...wants.map((oid) => `want ${oid}`),
      ...(thin ? ['thin-pack'] : []),
      ...['ofs-delta', 'include-tag', 'no-progress'],
      ...border.map((oid) => `shallow ${oid}`),
      ...lines,
      ...(filter ? [`filter ${filter}`] : []),
      ...haves.map((oid) => `have ${oid}`),
      'done',
    );
  }

  function requestV0({ wants, haves, border, lines, filter, thin }: Story): Buffer {
    const relative = lines.includes('deepen-relative') ? 'deepen-relative' : '';
    const capabilities = ` side-band-64k ofs-delta include-tag no-progress filter ${thin ? 'thin-pack' : ''} ${relative}`;
    return packets([
      ...wants.map((oid, i) => `want ${oid}${i === 0 ? capabilities : ''}\n`),
      ...border.map((oid) => `shallow ${oid}`),
      ...lines.filter((line) => line !== 'deepen-relative'),
      ...(filter ? [`filter ${filter}`] : []),
      '0000',
      ...haves.map((oid) => `have ${oid}\n`),
      'done\n',
    ]);
  }

  function theirAnswer(request: Buffer, version: number): RawAnswer | undefined {
    try {
      return readAnswer(git(repo, ['upload-pack', '--stateless-rpc', '.'], request, `version=${version}`));
    } catch {
      return undefined;
    }
  }

  test.each([...Array(ROUNDS).keys()])('fetch %i', async (round) => {
    const version = round % 2 === 0 ? 2 : 0;
    const story = invent();
    const request = version === 2 ? requestV2(story) : requestV0(story);
    const ours = readAnswer(await post(url, request, version));
    const theirs = theirAnswer(request, version);
    if (theirs === undefined) {
      expect(ours.lines[0]).toBe('ERR no commits selected for shallow requests');
      return;
    }
    expect(ours.pack, ours.lines.join()).toBeDefined();
    expect(ours.unshallow).toEqual(theirs.unshallow);
    // Git also names border commits that lie behind others and are not sent.
    expect(ours.shallow.filter((oid) => !theirs.shallow.includes(oid))).toEqual([]);
    const behind = ours.unshallow.flatMap((oid) => parents.get(oid)!);
    const cut = [...story.border, ...ours.shallow];
    const known = new Set(closure(story.border, story.haves, undefined));
    const demanded = closure(cut, [...story.wants, ...behind], story.filter);

    const client = agent.sandbox.path('client');
    rmSync(client, { recursive: true, force: true });
    mkdirSync(client);
    git(client, ['init', '-q', '--bare', client]);
    const thin = story.thin && known.size > 0;
    if (thin) {
      const pack = git(repo, ['pack-objects', '--stdout', '-q'], [...known].map((oid) => `${oid}\n`).join(''));
      git(client, ['index-pack', '--stdin'], pack);
    }
    const fix = thin ? ['--fix-thin'] : [];
    const hash = git(client, ['index-pack', '--stdin', ...fix], ours.pack)
      .toString()
      .trim()
      .split('\t')[1];
    const sent = packedOids(join(client, 'objects/pack', `pack-${hash}.idx`));
    const has = new Set([...sent, ...known]);
    expect(demanded.filter((oid) => !has.has(oid))).toEqual([]);
    // Whoever names an object gets it (git-rev-list, --filter), where git's server may leave a tree out that it met before.
    const allowed = new Set([...demanded, ...story.wants, ...tagObjects, ...(thin ? known : [])]);
    expect(sent.filter((oid) => !allowed.has(oid) || !everything.has(oid))).toEqual([]);
  });
});
