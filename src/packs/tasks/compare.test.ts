import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { git, gitLines, randomHistory, seeded, splitIntoPacks } from '../../../test/support/random-packs.js';
import { objectId } from '../../git/objects/index.js';
import type { LocalPack, MergeStep } from '../contract.js';
import { createPackEngine } from '../engine.js';
import { diffTask } from './diff.js';
import { mergeTask } from './merge.js';
import { TimeMeter } from './meter.js';

const root = mkdtempSync(join(tmpdir(), 'compare-test-'));
const repo = join(root, 'repo');
const engine = createPackEngine({ threads: 1 });
let packs: LocalPack[] = [];
let commits: string[] = [];

beforeAll(() => {
  const random = seeded(41);
  randomHistory(repo, random, 120);
  packs = splitIntoPacks(repo, join(root, 'packs'), random, 3);
  commits = gitLines(repo, ['log', '--all', '--no-merges', '--min-parents=1', '--format=%H']);
});
afterAll(async () => {
  await engine.close();
  rmSync(root, { recursive: true, force: true });
});

function tree(revision: string): string {
  return git(repo, ['rev-parse', `${revision}^{tree}`])
    .toString()
    .trim();
}

function plan(revision: string) {
  return { kind: 'tree' as const, oid: tree(revision) };
}

test('the engine diffs trees out of several packs', async () => {
  for (const commit of commits.slice(0, 10)) {
    const [oldTree, newTree] = [tree(`${commit}^`), tree(commit)];
    const { files, insertions, deletions } = await engine.diff({ packs, oldTree, newTree, detail: 'hunks' });
    expect(files.map(({ path }) => path)).toEqual(
      git(repo, ['diff', '-M', '--name-only', '-z', oldTree, newTree]).toString().split('\0').filter(Boolean),
    );
    const added = files.flatMap(({ hunks }) => hunks.flatMap(({ lines }) => lines.map(({ type }) => type)));
    expect(added.filter((type) => type === 'addition').length).toBe(insertions);
    expect(added.filter((type) => type === 'deletion').length).toBe(deletions);
  }
});

describe('the engine merges', () => {
  /** Picks commits on top of each other, as a rebase does. */
  const steps = (picks: readonly string[], onto: string): MergeStep[] =>
    picks.map((pick, i) => ({
      base: plan(`${pick}^`),
      ours: i === 0 ? plan(onto) : 'previous',
      theirs: plan(pick),
    }));

  test('several steps, and hands out the objects that the results need', async () => {
    // Picking commits onto the place where they started gives the same trees again.
    const parent = (commit: string) =>
      git(repo, ['rev-parse', `${commit}^`])
        .toString()
        .trim();
    const second = commits.find((commit) => commits.includes(parent(commit)))!;
    const picks = [parent(second), second];
    const { steps: made, objects } = await engine.merge({ packs, steps: steps(picks, `${picks[0]}^`) });
    expect(made).toEqual(picks.map((pick) => ({ tree: tree(pick), conflicts: [] })));
    expect(objects).toEqual([]);
  });

  test('a change and hands back new trees and blobs that git can read', async () => {
    let found = 0;
    for (const theirs of commits.slice(0, 40)) {
      const ours = commits.at(-1)!;
      const request = { packs, steps: [{ base: plan(`${theirs}^`), ours: plan(ours), theirs: plan(theirs) }] };
      const { steps: made, objects } = await engine.merge(request);
      const [step] = made;
      if (step!.conflicts.length > 0) {
        expect(objects).toEqual([]);
        continue;
      }
      for (const { oid, type, content } of objects) {
        expect(objectId(type, content)).toBe(oid);
        git(repo, ['hash-object', '-t', type, '-w', '--stdin'], Buffer.from(content));
        found += 1;
      }
      expect(gitLines(repo, ['rev-list', '--objects', '--missing=error', step!.tree]).length).toBeGreaterThan(0);
    }
    expect(found).toBeGreaterThan(0);
  });

  test('not without a tree to start from', async () => {
    const tree = plan(commits[0]!);
    const request = { packs, steps: [{ base: tree, ours: 'previous' as const, theirs: tree }] };
    await expect(mergeTask(request)).rejects.toThrow(RangeError);
  });
});

describe('what costs too much', () => {
  test('ends when the time is over', async () => {
    const spent = new TimeMeter(0);
    const [oldTree, newTree] = [tree(commits.at(-1)!), tree(commits[0]!)];
    const work = () => {
      for (let i = 0; i < 1000; i += 1) spent.spend(100);
    };
    expect(work).toThrow(expect.objectContaining({ code: 'PAYLOAD_TOO_LARGE' }));
    const exhausted = { spend: () => new TimeMeter(0).spend(1e9) } as unknown as TimeMeter;
    await expect(diffTask({ packs, oldTree, newTree, detail: 'stat' }, exhausted)).rejects.toMatchObject({
      code: 'PAYLOAD_TOO_LARGE',
    });
  });

  test('an unknown tree is an error with a code, across the worker too', async () => {
    const request = { packs, oldTree: tree(commits[0]!), newTree: 'c'.repeat(40), detail: 'stat' as const };
    await expect(engine.diff(request)).rejects.toMatchObject({ code: 'OBJECT_CORRUPTED' });
  });
});
