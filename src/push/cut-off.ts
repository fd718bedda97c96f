/** Pushes out of shallow clones: the server stays whole, so history whose parents are nowhere is not taken. */
import { type CommitGraph, decodeSegment, type RefCommand } from '../git/index.js';
import { type Oid, ZERO_OID } from '../git/oid.js';
import type { IndexResult } from '../packs/index.js';
import type { Refusal } from './report.js';

/**
 * Which updates a cut-off pack spoils. A pack is stored whole or not at all, so none that needs it can be taken; those
 * whose new value is here already, and deletions, need none.
 * @param graph with the commits of the pack
 * @param stored without them
 * @param shallow commits whose parents the client lacks
 * @returns refusals by ref name; undefined when what is missing has nothing to do with the client being shallow
 */
export function refuseCutOff(
  graph: CommitGraph,
  stored: CommitGraph,
  pack: IndexResult,
  shallow: readonly Oid[],
  commands: readonly RefCommand[],
): Map<string, Refusal> | undefined {
  const { commits } = decodeSegment(pack.segment);
  const border = new Set(shallow);
  const rootless = commits.filter(({ oid, parents }) => border.has(oid) && !parents.every((each) => graph.has(each)));
  const [first] = rootless;
  if (first === undefined) return undefined;
  const spoilt = descendants(
    commits,
    rootless.map(({ oid }) => oid),
  );
  const refused = new Map<string, Refusal>();
  for (const { refName, newOid } of commands) {
    if (newOid === ZERO_OID || stored.has(newOid) || pack.tipTypes[newOid] === undefined) continue;
    const reason = spoilt.has(graph.peel(newOid).oid)
      ? `shallow update not allowed: the parents of ${first.oid.slice(0, 12)} are missing; git fetch --unshallow, then push again`
      : 'this push also brings shallow history, which is not allowed; push this ref by itself';
    refused.set(refName, { reason, code: 'INVALID_PACKFILE' });
  }
  return refused;
}

function descendants(commits: readonly { oid: Oid; parents: readonly Oid[] }[], from: readonly Oid[]): Set<Oid> {
  const children = new Map<Oid, Oid[]>();
  for (const { oid, parents } of commits) {
    for (const parent of parents) children.set(parent, [...(children.get(parent) ?? []), oid]);
  }
  const found = new Set(from);
  for (const oid of found) for (const child of children.get(oid) ?? []) found.add(child);
  return found;
}
