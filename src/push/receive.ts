/**
 * The push: spool, index, check, store, commit, report (gitprotocol-pack, "Pushing Data To a Server").
 *
 * A refusal at any step leaves refs untouched and nothing visible. Refs move only after every object they need is
 * durable in the object store.
 */
import { createHash } from 'node:crypto';
import { storedWrite } from '../auth/index.js';
import {
  beginStoring,
  knownSnapshot,
  loadSnapshot,
  type PackFiles,
  pinPackOf,
  readObject,
  type Snapshot,
} from '../catalog/index.js';
import type { AppContext } from '../context.js';
import { AppError, type ErrorCode } from '../errors.js';
import { ExtendedGraph, type RefCommand } from '../git/index.js';
import { type Oid, ZERO_OID } from '../git/oid.js';
import { type IndexResult, type LocalPack, type PackIndex, type ReceivedBody, readFreshIndex } from '../packs/index.js';
import { together } from '../parallel.js';
import { examineHeads, openSources } from '../pulls/index.js';
import { auditRefusal } from './audit-refusal.js';
import { type Certification, certify } from './certify.js';
import { checkCommands } from './check-commands.js';
import { bodySha256, EMPTY_SHA256, proveClaim } from './claim.js';
import { commitPush } from './commit.js';
import { checkTips, findMissing } from './connectivity.js';
import { refuseCutOff } from './cut-off.js';
import { findGone } from './find-gone.js';
import { findImpostor } from './impostors.js';
import { keepWhole } from './keep-whole.js';
import { refuseAll, reporter } from './make-report.js';
import { prepareProposals, withPack } from './prepare-proposals.js';
import { redirectProposals } from './proposals.js';
import type { PushReport } from './report.js';
import type { PushRequest } from './request.js';
import { refuseRewrites } from './rewrites.js';

/** Packs of at most this size go from the request to the worker in memory: each trip to the disk's threads costs more. */
const SMALL_PACK_BYTES = 256 * 1024;

/** So long packs that were read are as good as read just now. */
const FRESH_MS = 1000;

/**
 * Receives a push.
 * @returns the report for the client; refusals of refs or of the pack are in it
 * @throws AppError for refusals of the request itself: signature, replay, role, rate limit
 */
export async function receivePush(ctx: AppContext, request: PushRequest): Promise<PushReport> {
  const fingerprint = request.fingerprint ?? fingerprintOf(request);
  const stored = await storedReport(ctx, request.credential, fingerprint);
  if (stored !== undefined) {
    await discard(request.pack);
    return stored;
  }
  await ('proof' in request.credential ? request.quota?.charge() : request.quota?.check());
  const files: Partial<PackFiles> = {};
  try {
    return await receive(ctx, request, fingerprint, files);
  } finally {
    ctx.spool.discard(...Object.values(files));
  }
}

async function receive(
  ctx: AppContext,
  request: PushRequest,
  fingerprint: string,
  files: Partial<PackFiles>,
): Promise<PushReport> {
  const { repo, pushOptions = [] } = request;
  const maxRefs = ctx.config.GITCLAW_MAX_PUSH_REFS;
  if (request.commands.length > maxRefs) {
    await discard(request.pack);
    const reason = `the push changes ${request.commands.length} refs, which is more than ${maxRefs} (GITCLAW_MAX_PUSH_REFS): push in smaller steps`;
    return refuseAll(request.commands, 'ok', reason, 'VALIDATION_ERROR');
  }
  const { claimed } = 'proof' in request.credential ? { claimed: request.credential.principal } : request.credential;
  const redirected = await redirectProposals(ctx, repo, claimed, request.commands, pushOptions);
  const { commands, proposals } = redirected;
  let certification: Certification | undefined;
  if ('proof' in request.credential) {
    const found = await certify(ctx, repo, request.credential, { signedUpdates: false, ...request });
    if ('refusal' in found) {
      await discard(request.pack);
      return refuseAll(request.commands, 'ok', found.refusal.reason, found.refusal.code);
    }
    certification = found;
  }
  const refused = new Map([...checkCommands(repo, commands), ...redirected.refused]);
  const expectsPack = commands.some((command) => command.newOid !== ZERO_OID);
  let body: ReceivedBody | undefined;
  let pack: IndexResult | undefined;
  let index: PackIndex | undefined;
  let unusable: { refusal: string; code: ErrorCode; finding?: unknown } | undefined;
  let snapshot: Snapshot;
  let following: Promise<string[]> | undefined;
  if (expectsPack) {
    const begun = performance.now();
    const spool = async () => {
      const limits = { maxBytes: ctx.config.GITCLAW_MAX_PACK_BYTES, inMemoryUpTo: SMALL_PACK_BYTES };
      const received = await ctx.spool.receive(request.pack, limits);
      files.packPath = received.path;
      return received;
    };
    following = openSources(ctx, repo.repoId, commands);
    // Not needed before the pack is indexed.
    following.catch(() => {});
    [body, snapshot] = await together(spool(), knownSnapshot(ctx, repo) ?? loadSnapshot(ctx, repo.repoId));
    await ctx.faultPoint('push.pack-received');
    // Packs that were known when a long upload began may be gone.
    if (performance.now() - begun > FRESH_MS) snapshot = await loadSnapshot(ctx, repo.repoId);
    if (refused.size < commands.length) {
      const indexed = await indexPack(ctx, snapshot, request, { ...newPaths(ctx, files), packPath: body.path }, body);
      if ('refusal' in indexed) unusable = indexed;
      else pack = indexed.pack;
    }
  } else {
    await discard(request.pack);
    snapshot = knownSnapshot(ctx, repo) ?? (await loadSnapshot(ctx, repo.repoId));
  }
  await ctx.faultPoint('push.pack-indexed');
  const basesVersion = snapshot.versions.collected;
  // A small pack, whose objects come loose too, is looked at in an instant; meanwhile a large one was, others came.
  if (pack !== undefined && pack.loose.length === 0) snapshot = await loadSnapshot(ctx, repo.repoId);
  let graph = new ExtendedGraph(snapshot.graph, pack?.segment);
  const forced = forcedUpdates(graph, commands);
  const packfileHash = pack?.receivedSha256 ?? EMPTY_SHA256;
  let credential = request.credential;
  if (!('proof' in credential)) {
    if (pack === undefined && body !== undefined) {
      credential = await proveClaim(credential, await bodySha256(body), request.commands);
    } else {
      const refUpdates = request.commands.map(({ refName, oldOid, newOid }, i) => ({
        refName,
        oldOid,
        newOid,
        force: forced.has(commands[i]?.refName ?? refName),
      }));
      credential = await credential.verify({ packfileHash, refUpdates });
    }
    const stored = await storedReport(ctx, credential, fingerprint);
    if (stored !== undefined) return stored;
    await request.quota?.charge();
    const found = await certify(ctx, repo, credential, { ...request, signedUpdates: true });
    if ('refusal' in found) return refuseAll(request.commands, 'ok', found.refusal.reason, found.refusal.code);
    certification = found;
  }
  if (unusable !== undefined) {
    const { finding, refusal: reason } = unusable;
    if (finding === 'sha1Collision') await auditRefusal(ctx, repo, credential, { finding, reason, packfileHash: null });
    return refuseAll(request.commands, reason, 'unpacker error', unusable.code);
  }
  if (pack !== undefined) {
    index = await readFreshIndex({ hash: pack.hash, ...(files as PackFiles) }, pack);
    const impostor = await findImpostor(ctx, snapshot, files as PackFiles, pack, index);
    if (impostor !== undefined) {
      const reason = `${impostor}: sha1Impostor: the repository has another object of this id`;
      await auditRefusal(ctx, repo, credential, { finding: 'sha1Impostor', reason, packfileHash });
      return refuseAll(request.commands, reason, 'unpacker error', 'INVALID_OBJECT');
    }
    let missing = await findMissing(ctx, snapshot, pack);
    if (missing !== undefined) {
      // It may have come just now.
      snapshot = await loadSnapshot(ctx, repo.repoId);
      graph = new ExtendedGraph(snapshot.graph, pack.segment);
      missing = await findMissing(ctx, snapshot, pack);
    }
    if (missing !== undefined) {
      const spoilt = refuseCutOff(graph, pack, request.shallow ?? [], commands);
      if (spoilt === undefined) {
        return refuseAll(request.commands, 'ok', `missing necessary objects (${missing})`, 'INVALID_PACKFILE');
      }
      for (const [refName, reason] of spoilt) if (!refused.has(refName)) refused.set(refName, reason);
      const { tipTypes } = pack;
      const tips = commands.filter(({ refName, newOid }) => !refused.has(refName) && tipTypes[newOid] !== undefined);
      const isLost = tips.length === 0 || (request.atomic && refused.size > 0);
      const oids = [...new Set(tips.map(({ newOid }) => newOid))];
      const kept = isLost ? { pack: undefined } : await keepWhole(ctx, snapshot, pack, files as PackFiles, oids);
      if ('missing' in kept) {
        return refuseAll(request.commands, 'ok', `missing necessary objects (${kept.missing})`, 'INVALID_PACKFILE');
      }
      pack = kept.pack;
      index = pack && (await readFreshIndex({ hash: pack.hash, ...(files as PackFiles) }, pack));
      graph = new ExtendedGraph(snapshot.graph, pack?.segment);
    }
  }
  for (const [refName, reason] of await checkTips(ctx, snapshot, graph, commands, pack?.tipTypes ?? {})) {
    if (!refused.has(refName)) refused.set(refName, reason);
  }
  for (const [refName, reason] of await refuseRewrites(
    ctx,
    repo,
    ownRewrites(commands, proposals),
    forced,
    request.mayForce,
  )) {
    if (!refused.has(refName)) refused.set(refName, reason);
  }
  if (request.atomic && refused.size > 0) {
    const reason = 'atomic push failed';
    for (const { refName } of commands) if (!refused.has(refName)) refused.set(refName, { reason });
  }
  const report = reporter(request.commands, commands, refused, forced);
  const updates = commands
    .filter((command) => !refused.has(command.refName))
    .map((command) => ({ ...command, peeled: peeled(graph, command.newOid) }));
  if (updates.length === 0) return report([]);
  const keep = pack !== undefined && pack.objects > 0;
  const received = pack !== undefined && keep ? { hash: pack.hash, ...(files as PackFiles) } : undefined;
  const examine = (known?: readonly string[]) =>
    examineHeads(
      ctx,
      repo.repoId,
      updates,
      (commit) => graph.tree(commit),
      (oid) => readTree(ctx, snapshot, received, oid),
      known,
    );
  // Stored also when the repository has this pack: it may be about to be merged with others.
  const kept = keep ? pack : undefined;
  const examined = await examine(await following);
  const storing = kept && beginStoring(ctx, repo.repoId, kept, files as PackFiles);
  const stored = Promise.resolve(storing?.done).then(() => ctx.faultPoint('push.pack-stored'));
  stored.catch(() => {});
  // The transaction begins meanwhile where it waits for nothing that other pushes hold: connections, as each would hold
  // one and wait for another to tell of its pack; the threads that store; refs that others create too.
  const creates = updates.some(({ oldOid }) => oldOid === ZERO_OID);
  if (storing?.isBrief !== true || creates || proposals.size > 0) await stored;
  const prepared = await prepareProposals(
    ctx,
    repo,
    proposals.size > 0 ? withPack(snapshot, keep ? pack : undefined) : snapshot,
    claimed,
    updates,
    proposals,
  );
  const done = await commitPush(
    ctx,
    {
      repo,
      credential,
      certification: certification ?? { proven: false, certificate: undefined },
      pushOptions: request.pushOptions ?? [],
      updates,
      forced,
      proposals: prepared,
      atomic: request.atomic,
      staged: storing?.staged,
      stored,
      pack: keep ? pack : undefined,
      collectedVersion: basesVersion,
      findAgain: async () => {
        const reason = await findGone(ctx, repo, basesVersion, pack, updates);
        return typeof reason === 'number'
          ? { collectedVersion: reason }
          : { refused: refuseAll(request.commands, 'ok', reason, 'INVALID_PACKFILE') };
      },
      packfileHash,
      fingerprint,
      examined,
      examineHeads: () => examine(),
    },
    report,
  ).finally(() => stored.catch(() => {}));
  if (received !== undefined && index !== undefined) ctx.packCache.remember(repo.repoId, received.hash, index);
  if (received !== undefined) await ctx.packCache.adopt(repo.repoId, received.hash, received);
  return done;
}

/** The report of the same push with the same credential, when it has committed before. */
async function storedReport(
  ctx: AppContext,
  credential: PushRequest['credential'],
  fingerprint: string,
): Promise<PushReport | undefined> {
  // Should the same push commit meanwhile, the transaction finds its report.
  if (!('proof' in credential) || credential.proof.unused) return undefined;
  const stored = (await storedWrite(ctx, credential.proof, fingerprint)) as PushReport | undefined;
  return stored && { ...stored, replayed: true };
}

function newPaths(ctx: AppContext, files: Partial<PackFiles>): Omit<PackFiles, 'packPath'> {
  files.idxPath = ctx.spool.newFile('idx');
  files.metaPath = ctx.spool.newFile('meta');
  return { idxPath: files.idxPath, metaPath: files.metaPath };
}

/** Indexes the spooled pack; what is wrong with the pack itself is for the report, everything else is thrown. */
async function indexPack(
  ctx: AppContext,
  snapshot: Snapshot,
  request: PushRequest,
  paths: PackFiles,
  { data }: ReceivedBody,
): Promise<{ pack: IndexResult } | { refusal: string; code: ErrorCode; finding?: unknown }> {
  try {
    const pack = await ctx.engine.index(
      {
        ...paths,
        ...(data !== undefined && { received: data }),
        isStored: ctx.objects.localRoot() !== undefined,
        limits: ctx.config.receiveLimits,
        tips: request.commands.map((command) => command.newOid).filter((oid) => oid !== ZERO_OID),
        looseUpTo: ctx.config.UNPACK_LIMIT,
        collisionCheck: ctx.config.GITCLAW_SHA1_COLLISION_CHECK,
      },
      { find: (oid) => pinPackOf(ctx, snapshot, oid) },
    );
    request.onProgress(`Received ${pack.objects} objects, ${pack.packBytes} bytes.\n`, { objects: pack.objects });
    return { pack };
  } catch (error) {
    if (error instanceof AppError && (error.code === 'INVALID_PACKFILE' || error.code === 'INVALID_OBJECT')) {
      return { refusal: error.message, code: error.code, finding: error.details?.id };
    }
    throw error;
  }
}

/** Names of the updates whose old value is not an ancestor of the new one. */
function forcedUpdates(graph: ExtendedGraph, commands: readonly RefCommand[]): Set<string> {
  const forced = commands.filter(({ oldOid, newOid }) => {
    if (oldOid === ZERO_OID || newOid === ZERO_OID || oldOid === newOid) return false;
    return !graph.isAncestor(oldOid, newOid);
  });
  return new Set(forced.map((command) => command.refName));
}

/** A tree of a stored pack or of the pack at hand. */
async function readTree(
  ctx: AppContext,
  snapshot: Snapshot,
  received: LocalPack | undefined,
  oid: Oid,
): Promise<Uint8Array | undefined> {
  const stored = await readObject(ctx, snapshot, oid);
  if (stored !== undefined || received === undefined) return stored?.data;
  return (await ctx.engine.read([received], oid))?.data;
}

function peeled(graph: ExtendedGraph, oid: Oid): Oid | undefined {
  return graph.tag(oid) === undefined ? undefined : graph.peel(oid);
}

/** A pusher may rewrite the source branches of its own proposals without saying so. */
function ownRewrites(commands: readonly RefCommand[], proposals: ReadonlyMap<string, unknown>): RefCommand[] {
  return commands.filter(({ refName }) => !proposals.has(refName));
}

function fingerprintOf({ commands, atomic, repo, pushOptions = [] }: PushRequest): string {
  const updates = commands.map(({ refName, oldOid, newOid }) => `${oldOid} ${newOid} ${refName}`);
  const lines = [...updates, ...pushOptions.map((option) => `push-option ${option}`)];
  return createHash('sha256')
    .update([repo.repoId, atomic ? 'atomic' : 'each', ...lines].join('\n'))
    .digest('hex');
}

/** Reads a body to its end, so that the client gets the answer and not a connection reset while it is still sending. */
async function discard(body: AsyncIterable<Uint8Array>): Promise<void> {
  for await (const _ of body);
}
