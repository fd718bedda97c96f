/** POST git-upload-pack as JSON: what is wanted and what is there already goes in, a bare pack comes out. */
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response';
import { authenticate } from '../../../auth/index.js';
import type { AppContext } from '../../../context.js';
import { AppError } from '../../../errors.js';
import {
  auditFetch,
  preparePack,
  type ResolvedWants,
  resolveWants,
  streamPack,
  WantRefused,
} from '../../../fetch/index.js';
import { type AppContextOf, check, noteAgent, noteGit, readRequest } from '../../../routing/index.js';
import type { JsonObject } from '../../../signing/index.js';
import { GitAnswer } from '../answer.js';
import { challenging } from '../challenge.js';
import { readContents } from '../contents.js';
import type { RepositoryNames } from '../target.js';
import { findTarget, requireAccess } from './access.js';
import { readForm } from './form.js';
import { uploadPackBody } from './schemas.js';

/**
 * Answers one fetch. The pack is never thin: its receiver need not be git.
 * @throws AppError REF_NOT_FOUND for a want that no ref reaches; what authenticate and requireAccess throw
 */
export async function jsonUploadPack(ctx: AppContext, c: AppContextOf, names: RepositoryNames): Promise<Response> {
  const form = await readForm(ctx, c.env.incoming);
  await form.release();
  const target = await findTarget(ctx, names);
  const { repoId } = target;
  const request = await readRequest(c, form.bytes);
  const call = await challenging(ctx, c, names, 'git-upload-pack', () =>
    authenticate(ctx, request, {
      actions: ['git-upload-pack'],
      mutates: false,
      ids: { repoId },
      flatBody: ({ wants, haves }: JsonObject) => ({ repoId, wants: wants ?? [], haves: haves ?? [], depth: null }),
    }),
  );
  const { principal, proof } = call;
  noteAgent(c, principal.agentId);
  const { wants, haves } = check(uploadPackBody, call.body);
  const repo = await requireAccess(ctx, target, principal.agentId, 'read');
  const { refs, snapshot } = await readContents(ctx, repo);
  const resolved = await resolveWants(ctx, snapshot, refs, wants).catch(refuseWant);
  const credential = { kind: 'token' as const, principal, proof: { ...proof, ttlHours: 0, replayOnly: false } };
  const facts = { wants: wants.length, haves: haves.length };
  await auditFetch(ctx, repo, { ...credential, mayWrite: false }, facts);
  const has = haves.map((oid) => snapshot.graph.indexOf(snapshot.graph.peel(oid).oid)).filter((commit) => commit >= 0);
  const plan = { wants: resolved, haves: [...new Set(has)], includeTag: false, refs, thin: false, ofsDelta: true };
  const pack = await preparePack(ctx, snapshot, plan);
  noteGit(c, { operation: haves.length === 0 ? 'clone' : 'fetch', repoId: repo.repoId, objects: pack.objects });
  try {
    const length = { 'content-length': pack.bytes };
    const answer = new GitAnswer(c.env.outgoing, 'application/x-git-upload-pack-result', length);
    await streamPack(pack, 'none', answer);
    await answer.end();
  } finally {
    await pack.close();
  }
  return RESPONSE_ALREADY_SENT;
}

function refuseWant(error: unknown): ResolvedWants {
  if (!(error instanceof WantRefused)) throw error;
  throw new AppError('REF_NOT_FOUND', { message: 'No ref of the repository reaches a wanted object.', cause: error });
}
