/** Pushes out of shallow clones: the server stays whole, so history whose parents are nowhere is not taken. */
import { decodeSegment, type ExtendedGraph, type RefCommand } from '../git/index.js';
import { type Oid, ZERO_OID } from '../git/oid.js';
import type { IndexResult } from '../packs/index.js';
import type { Refusal } from './report.js';

/**
 * Which updates a cut-off pack spoils: those whose new value descends from a commit without its parents. The others can do
 * with a part of the pack, or without it.
 * @param graph with the commits of the pack
 * @param shallow commits whose parents the client lacks
 * @returns refusals by ref name; undefined when what is missing has nothing to do with the client being shallow
 */
export function refuseCutOff(
  graph: ExtendedGraph,
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
    if (newOid === ZERO_OID || !spoilt.has(graph.peel(newOid))) continue;
    const reason = `shallow update not allowed: the parents of ${first.oid.slice(0, 12)} are missing; git fetch --unshallow, then push again`;
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
