/** POST git-upload-pack (gitprotocol-http "Smart Service git-upload-pack"; gitprotocol-pack; gitprotocol-v2). */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { offeredBundles } from '../../bundles/index.js';
import type { Snapshot } from '../../catalog/index.js';
import type { AppContext } from '../../context.js';
import {
  auditFetch,
  type DepthPlan,
  type Framing,
  linkPacks,
  objectSizes,
  type PackLink,
  type PlanInput,
  type PreparedPack,
  preparePack,
  type ResolvedWants,
  resolveWants,
  streamPack,
  WantRefused,
} from '../../fetch/index.js';
import {
  asksToDeepen,
  bundleUriAnswer,
  CHANNEL,
  errPacket,
  type FetchArgs,
  FLUSH,
  lineWriter,
  type Negotiation,
  negotiateV0,
  negotiateV2,
  type ObjectFilter,
  objectInfoAnswer,
  ProtocolError,
  packfileHeader,
  packfileUris,
  parseFilter,
  parseV0Request,
  parseV2Request,
  printable,
  quoteLine,
  SIDEBAND_64K,
  SIDEBAND_SMALL,
  shallowInfo,
  shallowLines,
  sidebandText,
  unsupportedFeature,
  usesShallow,
  wantedRefs,
} from '../../git/index.js';
import { listRefs, type Ref } from '../../refs/index.js';
import { notePhase } from '../../telemetry/index.js';
import { toAppError } from '../failure.js';
import { fetchFeatures, headOf, lsRefs } from './advertise.js';
import { ClientGone, GitAnswer } from './answer.js';
import { readWhole } from './body.js';
import { readContents } from './contents.js';
import { depthOf, knowledge, shallowUpdate, valuesOf } from './fetch-input.js';
import type { GitAccess } from './target.js';

/** 200,000 wants and as many haves take 20 MB; nothing longer is a fetch request. */
const MAX_REQUEST_BYTES = 32 * 1024 * 1024;

/** Longest refusal on a channel, characters. */
const MAX_REFUSAL = 1000;

/** One fetch, whatever the protocol version. */
interface Fetch {
  wants: ResolvedWants;
  /** Numbers of wants and haves, and how far down, for the audit log. */
  facts: { wants: number; haves: number; depth: number | null };
  negotiation: Negotiation;
  depth: DepthPlan;
  filter: ObjectFilter | undefined;
  framing: Framing;
  thin: boolean;
  ofsDelta: boolean;
  includeTag: boolean;
  progress: boolean;
  /** Schemes of URLs at which the client would fetch packs. */
  uriSchemes: readonly string[];
  /** Bytes between negotiation and pack. */
  header(links: readonly PackLink[]): Uint8Array;
}

/** Answers one request of a fetch. Errors of the protocol and refused wants are told in an ERR packet. */
export async function uploadPack(
  ctx: AppContext,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  access: GitAccess,
  version: 0 | 1 | 2,
): Promise<void> {
  const answer = new GitAnswer(outgoing, 'application/x-git-upload-pack-result');
  const body = await readWhole(incoming, MAX_REQUEST_BYTES);
  try {
    if (version === 2) await answerV2(ctx, answer, access, body);
    else await answerV0(ctx, answer, access, body);
  } catch (error) {
    if (answer.started || !isRefusal(error)) throw error;
    access.note({ outcome: 'refused' });
    await answer.end(errPacket(error.message));
  }
}

function isRefusal(error: unknown): error is Error {
  return error instanceof ProtocolError || error instanceof WantRefused;
}

async function answerV2(ctx: AppContext, answer: GitAnswer, access: GitAccess, body: Buffer): Promise<void> {
  const request = parseV2Request(body);
  if (request === undefined) return answer.end();
  const { repo } = access;
  if (request.command !== 'fetch') access.note({ operation: request.command });
  if (request.command === 'ls-refs') {
    return answer.end(lsRefs(repo, await listRefs(ctx, repo.repoId, repo.refsVersion), request.args));
  }
  const { refs, snapshot } = await readContents(ctx, repo);
  if (request.command === 'bundle-uri') {
    if (!ctx.config.GITCLAW_BUNDLE_URI) throw new ProtocolError("invalid command 'bundle-uri'");
    return answer.end(bundleUriAnswer(await offeredBundles(ctx, repo.repoId, snapshot, refs)));
  }
  if (request.command === 'object-info') {
    const sizes = await objectSizes(ctx, snapshot, refs, request.args.oids);
    return answer.end(objectInfoAnswer(request.args, (oid) => sizes.get(oid)));
  }
  const { args } = request;
  logAgent(ctx, access, request.agent);
  try {
    await fetchV2(ctx, answer, access, snapshot, refs, args);
  } catch (error) {
    // With sideband-all even refusals travel on a channel.
    if (answer.started || !args.sidebandAll || !isRefusal(error)) throw error;
    access.note({ outcome: 'refused' });
    await answer.end(sidebandText(CHANNEL.error, `${printable(error.message, MAX_REFUSAL)}\n`));
  }
}

async function fetchV2(
  ctx: AppContext,
  answer: GitAnswer,
  access: GitAccess,
  snapshot: Snapshot,
  refs: readonly Ref[],
  args: FetchArgs,
): Promise<void> {
  refuseUnsupported(unsupportedFeature(args, fetchFeatures(ctx)));
  const filter = args.filter === undefined ? undefined : parseFilter(args.filter);
  const named = valuesOf(args.wantRefs, refs, headOf(access.repo, refs).oid);
  const oids = [...new Set([...args.wants, ...named.values()])];
  const negotiation = negotiateV2(args, knowledge(snapshot, oids));
  const put = lineWriter(args.sidebandAll);
  const framing = 'side-band-64k';
  const opening =
    negotiation.pack && !usesShallow(args)
      ? () => Buffer.concat([negotiation.bytes, wantedRefs(named, put), packfileHeader(put)])
      : undefined;
  const wants = await wantsOf(ctx, answer, framing, resolveWants(ctx, snapshot, refs, oids), opening);
  if (wants === undefined) return;
  if (!negotiation.pack) return answer.end(negotiation.bytes);
  const depth = depthOf(snapshot, access, refs, wants, args);
  await answerFetch(ctx, answer, access, snapshot, refs, {
    wants,
    facts: { wants: oids.length, haves: args.haves.length, depth: args.deepen || null },
    negotiation,
    depth,
    filter,
    framing,
    thin: args.thinPack,
    ofsDelta: args.ofsDelta,
    includeTag: args.includeTag,
    progress: !args.noProgress,
    uriSchemes: args.packfileUris,
    header: (links) =>
      Buffer.concat([
        ...(asksToDeepen(args) || depth.cut.size > 0 ? [shallowInfo(shallowUpdate(snapshot.graph, depth), put)] : []),
        wantedRefs(named, put),
        packfileUris(links, put),
        packfileHeader(put),
      ]),
  });
}

async function answerV0(ctx: AppContext, answer: GitAnswer, access: GitAccess, body: Buffer): Promise<void> {
  const request = parseV0Request(body);
  const has = (name: string) => request.capabilities.has(name);
  const agent = request.capabilities.get('agent');
  logAgent(ctx, access, agent === true ? undefined : agent);
  const { refs, snapshot } = await readContents(ctx, access.repo);
  const filter = request.filter === undefined ? undefined : parseFilter(request.filter);
  const framing = has('side-band-64k') ? 'side-band-64k' : has('side-band') ? 'side-band' : 'none';
  const negotiate = (unshallow: readonly number[]) =>
    negotiateV0(request, knowledge(snapshot, request.wants, unshallow));
  const early = usesShallow(request) ? undefined : negotiate([]);
  const opening = early?.pack ? () => early.bytes : undefined;
  const wants = await wantsOf(ctx, answer, framing, resolveWants(ctx, snapshot, refs, request.wants), opening);
  if (wants === undefined) return;
  const depth = depthOf(snapshot, access, refs, wants, request);
  // The new border comes before anything else, and again in each request of the same fetch.
  const border = asksToDeepen(request) ? [shallowLines(shallowUpdate(snapshot.graph, depth)), FLUSH] : [];
  const negotiated = early ?? negotiate(depth.unshallow);
  const negotiation = { ...negotiated, bytes: Buffer.concat([...border, negotiated.bytes]) };
  if (!negotiation.pack) return answer.end(negotiation.bytes);
  await answerFetch(ctx, answer, access, snapshot, refs, {
    wants,
    facts: {
      wants: request.wants.length,
      haves: request.haveGroups.flat().length,
      depth: request.deepen || null,
    },
    negotiation,
    depth,
    filter,
    framing,
    thin: has('thin-pack'),
    ofsDelta: has('ofs-delta'),
    includeTag: has('include-tag'),
    progress: !has('no-progress') && framing !== 'none',
    uriSchemes: [],
    header: () => new Uint8Array(),
  });
}

/**
 * Waits for the wants, which for single objects may need a walk over all trees. Where that takes long and only a pack can
 * follow, the answer begins meanwhile.
 * @param opening what stands in front of the pack; undefined when it depends on the wants
 * @returns undefined when the answer had begun and has told what is wrong
 */
async function wantsOf(
  ctx: AppContext,
  answer: GitAnswer,
  framing: Framing,
  work: Promise<ResolvedWants>,
  opening: (() => Uint8Array) | undefined,
): Promise<ResolvedWants | undefined> {
  if (opening === undefined || framing === 'none') return work;
  try {
    return await answer.whileWaiting(work, undefined, opening);
  } catch (error) {
    if (!answer.started) throw error;
    if (isRefusal(error)) await answer.end(sidebandText(CHANNEL.error, `${printable(error.message, MAX_REFUSAL)}\n`));
    else await failInBand(ctx, answer, framing, error);
  }
}

/** Client software, to see which versions are in use. */
function logAgent(ctx: AppContext, { repo }: GitAccess, agent: string | undefined): void {
  if (agent !== undefined) ctx.log.info({ repoId: repo.repoId, agent: quoteLine(agent) }, 'git fetch');
}

function refuseUnsupported(feature: string | undefined): void {
  if (feature !== undefined) throw new ProtocolError(`this server does not support ${feature} fetches yet`);
}

async function answerFetch(
  ctx: AppContext,
  answer: GitAnswer,
  access: GitAccess,
  snapshot: Snapshot,
  refs: readonly Ref[],
  fetch: Fetch,
): Promise<void> {
  const { negotiation, framing } = fetch;
  access.note({ operation: fetch.facts.haves === 0 ? 'clone' : 'fetch' });
  await auditFetch(ctx, access.repo, access.credential, fetch.facts);
  const haves = new Set(negotiation.common.map((oid) => snapshot.graph.indexOf(snapshot.graph.peel(oid).oid)));
  haves.delete(-1);
  const { wants, depth, filter, includeTag, thin, ofsDelta } = fetch;
  const input = { wants, haves: [...haves], depth, filter, includeTag, refs, thin, ofsDelta };
  let rest: PlanInput = input;
  if (!answer.started) {
    const linked = await linkPacks(ctx, snapshot, input, fetch.uriSchemes);
    rest = linked.rest;
    await answer.write(Buffer.concat([negotiation.bytes, fetch.header(linked.links)]));
  }
  notePhase('fetch.plan');
  const work = preparePack(ctx, snapshot, rest);
  let pack: PreparedPack;
  try {
    pack = framing === 'none' ? await work : await answer.whileWaiting(work);
  } catch (error) {
    access.note({ outcome: 'failed' });
    return failInBand(ctx, answer, framing, error);
  }
  access.note({ objects: pack.objects });
  notePhase('fetch.send');
  try {
    const band = framing === 'side-band' ? SIDEBAND_SMALL : SIDEBAND_64K;
    if (fetch.progress)
      await answer.write(
        sidebandText(CHANNEL.progress, `Sending ${pack.objects} objects, ${pack.bytes} bytes.\n`, band),
      );
    await streamPack(pack, framing, answer);
    await answer.end(framing === 'none' ? undefined : FLUSH);
  } finally {
    await pack.close();
  }
}

/** After the first byte only the error channel is left to say what went wrong. */
async function failInBand(ctx: AppContext, answer: GitAnswer, framing: Framing, error: unknown): Promise<void> {
  if (error instanceof ClientGone || framing === 'none') throw error;
  const known = toAppError(error);
  ctx.log.error({ err: known }, 'a fetch failed');
  await answer.end(sidebandText(CHANNEL.error, `${known.wireCode}: ${known.message}\n`));
}
