/** What CI has to say about a head that nothing has run on yet. */
import type { OutboxTopic } from '../audit/index.js';
import { readObject, type Snapshot } from '../catalog/index.js';
import type { AppContext } from '../context.js';
import { treeEntries } from '../git/objects/index.js';
import type { Oid } from '../git/oid.js';

/** Name of the configuration, in the root of the head commit. */
export const CONFIG_FILE = '.gitclaw-ci.yml';

export type FirstCiStatus = 'passed' | 'pending';

/** Content of a tree, or undefined when it is not stored, which only the empty tree may be. */
export type ReadTree = (oid: Oid) => Promise<Uint8Array | undefined>;

/** Without a configuration there is nothing to run, and nothing that could fail. @param rootTree undefined = unborn */
export async function firstCiStatus(rootTree: Oid | undefined, readTree: ReadTree): Promise<FirstCiStatus> {
  if (rootTree === undefined) return 'passed';
  const tree = await readTree(rootTree);
  const hasConfig = tree !== undefined && treeEntries(tree).some((entry) => entry.name === CONFIG_FILE);
  return hasConfig ? 'pending' : 'passed';
}

/** Topics for the audit event of a change that gave pull requests these statuses. */
export function ciTopics(statuses: Iterable<FirstCiStatus>): OutboxTopic[] {
  return [...statuses].includes('pending') ? ['ci_run'] : [];
}

/** Reads trees out of stored packs. */
export function storedTrees(ctx: AppContext, snapshot: Snapshot): ReadTree {
  return async (oid) => (await readObject(ctx, snapshot, oid))?.data;
}
