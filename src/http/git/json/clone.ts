/** POST clone: refs and a pack in one JSON answer. */
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response';
import { appendAudit } from '../../../audit/index.js';
import type { Snapshot } from '../../../catalog/index.js';
import type { AppContext } from '../../../context.js';
import { AppError } from '../../../errors.js';
import { type PreparedPack, planDepth, preparePack, resolveWants } from '../../../fetch/index.js';
import type { Oid } from '../../../git/oid.js';
import type { Ref } from '../../../refs/index.js';
import { type AppContextOf, auditProof, check, JSON_TYPE, noteGit, signedRead } from '../../../routing/index.js';
import type { JsonObject } from '../../../signing/index.js';
import { GitAnswer } from '../answer.js';
import { readContents } from '../contents.js';
import { findTarget, requireAccess } from './access.js';
import { MAX_JSON_FORM_BYTES } from './form.js';
import { cloneBody } from './schemas.js';

/** A pack of this size is the largest that fits into a JSON git answer, bytes. */
export const MAX_CLONE_PACK_BYTES = (MAX_JSON_FORM_BYTES / 4) * 3;

/** Read from disk at a time, bytes; a multiple of three, so that no padding comes in the middle. */
const BLOCK_BYTES = 3 * 256 * 1024;

/**
 * Answers a clone. It reads, so its nonce is not used up, and the answer is never stored.
 * @throws AppError REPO_NOT_FOUND, ACCESS_DENIED, PAYLOAD_TOO_LARGE
 */
export async function jsonClone(ctx: AppContext, c: AppContextOf, repoId: string): Promise<Response> {
  const rule = {
    actions: ['repo_clone'],
    ids: { repoId },
    flatBody: ({ depth }: JsonObject) => ({ repoId, depth: depth ?? null }),
  };
  const call = await signedRead(c, ctx, rule);
  const { depth } = check(cloneBody, call.body);
  const repo = await requireAccess(ctx, await findTarget(ctx, { repoId }), call.principal.agentId, 'read');
  const { refs, snapshot } = await readContents(ctx, repo);
  const pack = await prepare(ctx, snapshot, refs, depth);
  noteGit(c, { operation: 'clone', repoId: repo.repoId, objects: pack.objects });
  try {
    if (pack.bytes > MAX_CLONE_PACK_BYTES) {
      throw new AppError('PAYLOAD_TOO_LARGE', {
        message: `The pack is larger than ${MAX_CLONE_PACK_BYTES} bytes; clone with git instead, or ask for a smaller depth.`,
        details: { packBytes: pack.bytes, maxBytes: MAX_CLONE_PACK_BYTES },
      });
    }
    await ctx.db.transaction((tx) =>
      appendAudit(tx, {
        ...auditProof(call),
        action: 'repo_clone',
        resourceType: 'repository',
        resourceId: repo.repoId,
        data: { repo_id: repo.repoId, depth },
      }),
    );
    const headRef = `refs/heads/${repo.defaultBranch}`;
    const shown = refs.map(({ name, oid }) => ({ name, oid, isHead: name === headRef }));
    const data = { repoId: repo.repoId, refs: shown, packfile: '', headRef, shallow: pack.shallow };
    await sendWithPack(c, data, pack);
  } finally {
    await pack.close();
  }
  return RESPONSE_ALREADY_SENT;
}

interface ShallowPack extends PreparedPack {
  /** Commits at the end of the history: they are in the pack, their parents are not. */
  shallow: Oid[];
}

async function prepare(
  ctx: AppContext,
  snapshot: Snapshot,
  refs: readonly Ref[],
  depth: number | null,
): Promise<ShallowPack> {
  const wants = await resolveWants(ctx, snapshot, refs, [...new Set(refs.map((ref) => ref.oid))]);
  const plan = { wants, haves: [], includeTag: false, refs, thin: false, ofsDelta: true };
  if (depth === null) return { ...(await preparePack(ctx, snapshot, plan)), shallow: [] };
  const args = { shallow: [], deepen: depth, deepenNot: [], deepenRelative: false };
  const border = planDepth(snapshot, { args, wants: wants.commits, refs, head: undefined });
  const shallow = border.shallow.map((commit) => snapshot.graph.oid(commit));
  return { ...(await preparePack(ctx, snapshot, { ...plan, depth: border })), shallow };
}

/** Puts the pack into the place of the empty `packfile` on its way out, so that a large one never lies in memory. */
async function sendWithPack(c: AppContextOf, data: object, pack: ShallowPack): Promise<void> {
  const envelope = JSON.stringify({ data, meta: { requestId: c.get('requestId') } });
  const place = envelope.indexOf('"packfile":""') + '"packfile":"'.length;
  const head = Buffer.from(envelope.slice(0, place));
  const tail = Buffer.from(envelope.slice(place));
  const length = head.length + Math.ceil(pack.bytes / 3) * 4 + tail.length;
  const answer = new GitAnswer(c.env.outgoing, JSON_TYPE, { 'content-length': length });
  await answer.write(head);
  for (let at = 0; at < pack.bytes; at += BLOCK_BYTES) {
    const block = Buffer.allocUnsafe(Math.min(BLOCK_BYTES, pack.bytes - at));
    await pack.read([block], at);
    await answer.write(Buffer.from(block.toString('base64'), 'latin1'));
  }
  await answer.end(tail);
}
