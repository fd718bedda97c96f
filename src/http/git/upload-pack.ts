/** POST git-upload-pack (gitprotocol-http "Smart Service git-upload-pack"; gitprotocol-pack; gitprotocol-v2). */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { loadSnapshot, type Snapshot } from '../../catalog/index.js';
import type { AppContext } from '../../context.js';
import { AppError } from '../../errors.js';
import {
  auditFetch,
  type Framing,
  type PreparedPack,
  preparePack,
  resolveWants,
  streamFile,
  WantRefused,
} from '../../fetch/index.js';
import {
  CHANNEL,
  errPacket,
  FLUSH,
  type Knowledge,
  lsRefsAnswer,
  type Negotiation,
  negotiateV0,
  negotiateV2,
  type Oid,
  ProtocolError,
  packfileHeader,
  parseV0Request,
  parseV2Request,
  SIDEBAND_64K,
  SIDEBAND_SMALL,
  sidebandText,
  unsupportedFeature,
} from '../../git/index.js';
import { listRefs, type Ref } from '../../refs/index.js';
import { advertised, headOf } from './advertise.js';
import { ClientGone, GitAnswer } from './answer.js';
import { readWhole } from './body.js';
import type { GitAccess } from './target.js';

/** 200,000 wants and as many haves take 20 MB; nothing longer is a fetch request. */
const MAX_REQUEST_BYTES = 32 * 1024 * 1024;

/** One fetch, whatever the protocol version. */
interface Fetch {
  wants: Oid[];
  haves: Oid[];
  negotiation: Negotiation;
  framing: Framing;
  thin: boolean;
  ofsDelta: boolean;
  includeTag: boolean;
  progress: boolean;
  /** Bytes between negotiation and pack. */
  header: Uint8Array;
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
    if (answer.started || !(error instanceof ProtocolError || error instanceof WantRefused)) throw error;
    await answer.end(errPacket(error.message));
  }
}

async function answerV2(ctx: AppContext, answer: GitAnswer, access: GitAccess, body: Buffer): Promise<void> {
  const request = parseV2Request(body);
  if (request === undefined) return answer.end();
  const refs = await listRefs(ctx, access.repo.repoId, access.repo.refsVersion);
  if (request.command === 'ls-refs') {
    return answer.end(lsRefsAnswer(request.args, refs.map(advertised), headOf(access.repo, refs)));
  }
  const { args } = request;
  refuseUnsupported(unsupportedFeature(args, []));
  const snapshot = await loadSnapshot(ctx, access.repo.repoId);
  const negotiation = negotiateV2(args, knowledge(snapshot, args.wants));
  await answerFetch(ctx, answer, access, snapshot, refs, {
    wants: args.wants,
    haves: args.haves,
    negotiation,
    framing: 'side-band-64k',
    thin: args.thinPack,
    ofsDelta: args.ofsDelta,
    includeTag: args.includeTag,
    progress: !args.noProgress,
    header: packfileHeader(),
  });
}

async function answerV0(ctx: AppContext, answer: GitAnswer, access: GitAccess, body: Buffer): Promise<void> {
  const request = parseV0Request(body);
  refuseUnsupported(unsupportedFeature(request, []));
  const has = (name: string) => request.capabilities.has(name);
  const refs = await listRefs(ctx, access.repo.repoId, access.repo.refsVersion);
  const snapshot = await loadSnapshot(ctx, access.repo.repoId);
  const negotiation = negotiateV0(request, knowledge(snapshot, request.wants));
  const framing = has('side-band-64k') ? 'side-band-64k' : has('side-band') ? 'side-band' : 'none';
  await answerFetch(ctx, answer, access, snapshot, refs, {
    wants: request.wants,
    haves: request.haveGroups.flat(),
    negotiation,
    framing,
    thin: has('thin-pack'),
    ofsDelta: has('ofs-delta'),
    includeTag: has('include-tag'),
    progress: !has('no-progress') && framing !== 'none',
    header: new Uint8Array(),
  });
}

function refuseUnsupported(feature: string | undefined): void {
  if (feature !== undefined) throw new ProtocolError(`this server does not support ${feature} fetches yet`);
}

/** What both sides may have: commits and tags, which are all that clients name. */
function knowledge({ graph }: Snapshot, wants: readonly Oid[]): Knowledge {
  const commit = (oid: Oid) => graph.indexOf(graph.peel(oid).oid);
  return {
    has: (oid) => graph.has(oid) || graph.tag(oid) !== undefined,
    readyToGiveUp(common) {
      const targets = common.map(commit).filter((at) => at >= 0);
      const from = wants.map(commit);
      return from.every((at) => at >= 0) && graph.allReach(from, targets);
    },
  };
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
  const wants = await resolveWants(ctx, snapshot, refs, fetch.wants);
  if (!negotiation.pack) return answer.end(negotiation.bytes);
  const facts = { wants: fetch.wants.length, haves: fetch.haves.length };
  await auditFetch(ctx, access.repo, access.credential, facts);
  const haves = new Set(negotiation.common.map((oid) => snapshot.graph.indexOf(snapshot.graph.peel(oid).oid)));
  haves.delete(-1);
  const { includeTag, thin, ofsDelta } = fetch;
  const input = { wants, haves: [...haves], includeTag, refs, thin, ofsDelta };
  await answer.write(Buffer.concat([negotiation.bytes, fetch.header]));
  const work = preparePack(ctx, snapshot, input);
  let pack: PreparedPack;
  try {
    pack = framing === 'side-band-64k' ? await answer.whileWaiting(work) : await work;
  } catch (error) {
    return failInBand(ctx, answer, framing, error);
  }
  try {
    const band = framing === 'side-band' ? SIDEBAND_SMALL : SIDEBAND_64K;
    if (fetch.progress)
      await answer.write(
        sidebandText(CHANNEL.progress, `Sending ${pack.objects} objects, ${pack.bytes} bytes.\n`, band),
      );
    await streamFile(pack.path, framing, answer);
    await answer.end(framing === 'none' ? undefined : FLUSH);
  } finally {
    await pack.release();
  }
}

/** After the first byte only the error channel is left to say what went wrong. */
async function failInBand(ctx: AppContext, answer: GitAnswer, framing: Framing, error: unknown): Promise<void> {
  if (error instanceof ClientGone || framing === 'none') throw error;
  const known = error instanceof AppError ? error : new AppError('INTERNAL_ERROR', { cause: error });
  ctx.log.error({ err: known }, 'a fetch failed');
  await answer.end(sidebandText(CHANNEL.error, `${known.wireCode}: ${known.message}\n`));
}
