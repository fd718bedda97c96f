/** Trees that a client names beside commits and other trees, with filters: what comes must be what git sends. */
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { TestAgent } from '../support/agent.js';
import { type Deployment, embedded } from '../support/deployment.js';
import { git, packedOids } from '../support/random-packs.js';
import { fetchV2, packets, post, readAnswer } from '../support/raw-fetch.js';

const IDENTITY = ['-c', 'user.name=n', '-c', 'user.email=e'];
const FILTERS = [1, 2, 3, 4].map((depth) => `tree:${depth}`);

let deployment: Deployment;
let agent: TestAgent;
let repo: string;
let url: string;
let names: Map<string, string>;

beforeAll(async () => {
  deployment = await embedded.start();
  agent = await TestAgent.setup(deployment.url, 'names-trees');
  repo = agent.sandbox.path('repo');
  mkdirSync(repo);
  git(repo, ['init', '-q', '--bare', '-b', 'main', repo]);
  for (const key of ['allowFilter', 'allowAnySHA1InWant']) git(repo, ['config', `uploadpack.${key}`, 'true']);
  names = build();
  url = (await agent.createRepo('named')).cloneUrl;
  await agent.git(['push', '-q', '--mirror', url], { cwd: repo });
});

afterAll(async () => {
  agent?.dispose();
  await deployment?.stop();
});

/**
 * Trees t0 to t6, each in the one before it and beside a blob. The commits have no parents, and their names tell where
 * t2 lies in their trees.
 */
function build(): Map<string, string> {
  const run = (args: string[], input = '') => git(repo, args, input).toString().trim();
  const blob = (text: string) => run(['hash-object', '-w', '--stdin'], text);
  const made = new Map<string, string>();
  const tree = (entries: Record<string, string | undefined>) => {
    const lines = Object.entries(entries).flatMap(([name, oid]) => {
      if (oid === undefined) return [];
      return [name === 'file' ? `100644 blob ${oid}\t${name}\n` : `040000 tree ${oid}\t${name}\n`];
    });
    return run(['mktree'], lines.join(''));
  };
  const commit = (name: string, root: string) => {
    const oid = run([...IDENTITY, 'commit-tree', '-m', name, root]);
    run(['update-ref', `refs/heads/${name}`, oid]);
    made.set(name, oid);
  };
  for (let level = 6; level >= 0; level--) {
    made.set(`t${level}`, tree({ file: blob(`level ${level}\n`), folder: made.get(`t${level + 1}`) }));
  }
  commit('root', made.get('t2')!);
  commit('child', made.get('t1')!);
  commit('deep', made.get('t0')!);
  const near = tree({ file: blob('near\n'), folder: tree({ folder: made.get('t0')! }), other: made.get('t3')! });
  commit('both', near);
  run([...IDENTITY, 'tag', '-a', '-m', 'a tree', 'tagged', made.get('t2')!]);
  made.set('tagged', run(['rev-parse', 'refs/tags/tagged']));
  return made;
}

/** Names of what a pack holds; ids of what has no name. */
function contents(pack: Buffer | undefined): string[] {
  const client = agent.sandbox.path('client');
  rmSync(client, { recursive: true, force: true });
  mkdirSync(client);
  git(client, ['init', '-q', '--bare', client]);
  expect(pack).toBeDefined();
  const hash = git(client, ['index-pack', '--stdin'], pack).toString().trim().split('\t')[1];
  const known = new Map([...names].map(([name, oid]) => [oid, name]));
  return packedOids(join(client, 'objects/pack', `pack-${hash}.idx`))
    .map((oid) => known.get(oid) ?? oid)
    .sort();
}

function request(wants: string[], filter: string, version: number): Buffer {
  const lines = wants.map((oid) => `want ${oid}`);
  if (version === 2) return fetchV2(...lines, 'no-progress', `filter ${filter}`, 'done');
  const [first, ...rest] = lines;
  const opening = `${first} side-band-64k no-progress filter\n`;
  return packets([opening, ...rest.map((line) => `${line}\n`), `filter ${filter}`, '0000', 'done\n']);
}

const STORIES = [
  ['one tree alone', ['t2']],
  ['one through a tag', ['tagged']],
  ['one twice', ['t2', 't2']],
  ['one twice, once through a tag', ['tagged', 't2']],
  ['the root of a commit', ['root', 't2']],
  ['the root of a commit that is named later', ['t2', 'root']],
  ['the root of a commit, through a tag', ['tagged', 'root']],
  ['one that lies just below a commit', ['child', 't2']],
  ['one that lies deeper in a commit', ['deep', 't3']],
  ['one at the border of the filter', ['deep', 't4', 't5']],
  ['one that lies at several depths', ['t3', 'both', 'deep']],
  ['the root of one commit that lies deeper in another', ['deep', 'root', 't2']],
  ['a tree and one in it', ['t1', 't2']],
  ['a tree and one that holds it', ['t2', 't1']],
  ['a tree and one deep in it', ['t1', 't4']],
  ['a tree and one deep in it that leads to a third', ['t0', 't3', 't4']],
  ['the root of a commit and one in it', ['root', 't2', 't3']],
  ['one in the root of a commit, and that root', ['root', 't3', 't2']],
  ['all trees from the top', ['t0', 't1', 't2', 't3', 't4', 't5', 't6']],
  ['all trees from the bottom', ['t6', 't5', 't4', 't3', 't2', 't1', 't0']],
  ['all there is', ['deep', 't3', 'both', 't1', 'root', 't2', 't0', 'child', 'tagged']],
] as const;

describe.each([0, 2])('trees named over protocol v%i', (version) => {
  test.each(STORIES)('%s', async (_, wanted) => {
    const wants = wanted.map((name) => names.get(name)!);
    for (const filter of FILTERS) {
      const bytes = request(wants, filter, version);
      const theirs = git(repo, ['upload-pack', '--stateless-rpc', '.'], bytes, `version=${version}`);
      const ours = contents(readAnswer(await post(url, bytes, version)).pack);
      expect(ours, filter).toEqual(contents(readAnswer(theirs).pack));
    }
  });
});
