import { expect, test } from 'vitest';
import type { Plan } from './plan.js';
import { planName } from './plan-name.js';

const none = new Uint8Array();
const plan: Plan = {
  wholePacks: ['a'],
  commits: Uint8Array.of(1, 2),
  trees: Uint8Array.of(3),
  givenTrees: none,
  boundaryCommits: none,
  boundaryTrees: none,
  extra: none,
  thin: true,
  ofsDelta: true,
  single: undefined,
  needed: ['a', 'b'],
};

const infinite = Number.POSITIVE_INFINITY;
const others: Partial<Plan>[] = [
  { wholePacks: [] },
  { needed: ['b', 'a'] },
  { commits: Uint8Array.of(1), trees: Uint8Array.of(2, 3) },
  { commits: Uint8Array.of(1, 2, 3), trees: none },
  { extra: Uint8Array.of(4) },
  { givenTrees: Uint8Array.of(4) },
  { boundaryTrees: Uint8Array.of(4) },
  { boundaryCommits: Uint8Array.of(4) },
  { parentTrees: none, parentCounts: Uint16Array.of(0, 1) },
  { parentTrees: none, parentCounts: Uint16Array.of(1, 0) },
  { thin: false },
  { ofsDelta: false },
  { filter: { blobLimit: infinite, treeDepth: infinite } },
  { filter: { blobLimit: 0, treeDepth: infinite } },
  { filter: { blobLimit: infinite, treeDepth: 0 } },
  { filter: { blobLimit: infinite, treeDepth: infinite, types: [] } },
  { filter: { blobLimit: infinite, treeDepth: infinite, types: ['blob'] } },
];

test('a plan has one name, and everything in it that matters changes it', () => {
  const names = [plan, ...others.map((other) => ({ ...plan, ...other }))].map(planName);
  expect(names.map((name) => names.indexOf(name))).toEqual(names.map((_, i) => i));
  expect(planName({ ...plan, commits: Uint8Array.of(0, 1, 2).subarray(1) })).toBe(names[0]);
});
