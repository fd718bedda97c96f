/**
 * Packs that a client gets from the object store itself (git's packfile-uri design): stored packs of which it wants every
 * object. What is left is sent in the answer.
 */
import type { Snapshot, StoredPack } from '../catalog/index.js';
import type { AppContext } from '../context.js';
import type { Oid } from '../git/oid.js';
import { packKey } from '../storage/index.js';
import { type PlanInput, planPack } from './plan.js';

/** Each link costs the client a request and a process; a client with more is better served in one answer. */
const MAX_LINKS = 16;

export interface PackLink {
  /** Checksum in the pack's trailer, which the client compares. */
  hash: string;
  url: string;
}

export interface LinkedFetch {
  links: PackLink[];
  /** What to send in the answer. */
  rest: PlanInput;
}

/**
 * Divides a fetch. Packs go out by link only as a run from the oldest on, because such a run needs nothing outside, so
 * that the rest is what a client lacks that has the run already.
 * @param schemes of URLs that the client takes, such as `https`; empty = it did not ask
 */
export async function linkPacks(
  ctx: AppContext,
  snapshot: Snapshot,
  input: PlanInput,
  schemes: readonly string[],
): Promise<LinkedFetch> {
  const nothing = { links: [], rest: input };
  const { GITCLAW_PACKFILE_URIS: enabled, GITCLAW_LINK_SECS: seconds, GITCLAW_LINK_MIN_BYTES: minBytes } = ctx.config;
  // Stored packs use offsets to bases.
  if (!enabled || schemes.length === 0 || ctx.objects.link === undefined || !input.ofsDelta) return nothing;
  const whole = new Set(planPack(snapshot, input).wholePacks);
  const run = snapshot.packs.filter((pack) => whole.has(pack.hash)).slice(0, MAX_LINKS);
  const linked = run.slice(0, run.findLastIndex((pack) => pack.bytes >= minBytes) + 1);
  const links: PackLink[] = [];
  for (const { storedIn, hash } of linked) {
    links.push({ hash, url: await ctx.objects.link(packKey(storedIn, hash, 'pack'), seconds) });
  }
  if (links.length === 0 || !links.every(({ url }) => schemes.includes(url.slice(0, url.indexOf(':'))))) return nothing;
  return { links, rest: without(snapshot, input, linked) };
}

function without(snapshot: Snapshot, input: PlanInput, linked: readonly StoredPack[]): PlanInput {
  const { graph } = snapshot;
  const tips = new Set(linked.flatMap((pack) => pack.tips));
  const haves = [...tips].map((tip) => graph.indexOf(graph.peel(tip).oid)).filter((commit) => commit >= 0);
  const isLeft = (oid: Oid) => !tips.has(oid);
  const { wants } = input;
  return {
    ...input,
    haves: [...new Set([...input.haves, ...haves])],
    wants: {
      ...wants,
      tags: wants.tags.filter(isLeft),
      trees: wants.trees.filter(isLeft),
      blobs: wants.blobs.filter(isLeft),
    },
    // The client reads the answer before it follows the links, so the bases of a thin pack would be missing.
    thin: false,
  };
}
