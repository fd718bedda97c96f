/** POST git-receive-pack as JSON: a push that is all or nothing, with the force said per ref. */
import { createReadStream } from 'node:fs';
import { authenticatePush } from '../../../auth/index.js';
import type { AppContext } from '../../../context.js';
import { AppError } from '../../../errors.js';
import { type PushReport, receivePush } from '../../../push/index.js';
import { type AppContextOf, check, JSON_TYPE, noteAgent, noteGit, readRequest } from '../../../routing/index.js';
import { isJsonObject } from '../../../signing/index.js';
import { notePhase } from '../../../telemetry/index.js';
import { challenging } from '../challenge.js';
import { pushQuota } from '../quota.js';
import type { RepositoryNames } from '../target.js';
import { findTarget, requireAccess } from './access.js';
import { type JsonForm, readForm } from './form.js';
import { receivePackBody } from './schemas.js';

/**
 * Receives one push and answers it without an envelope.
 * @throws AppError with `details.refUpdates` = `[{refName, status, message}]` when a ref or the pack is refused; what
 *   authenticatePush and requireAccess throw
 */
export async function jsonReceivePack(ctx: AppContext, c: AppContextOf, names: RepositoryNames): Promise<Response> {
  const started = performance.now();
  notePhase('push.receive');
  const form = await readForm(ctx, c.env.incoming);
  const uploadMs = performance.now() - started;
  try {
    return answer(c, await push(ctx, c, names, form, uploadMs));
  } finally {
    await form.release();
  }
}

async function push(
  ctx: AppContext,
  c: AppContextOf,
  names: RepositoryNames,
  form: JsonForm,
  uploadMs: number,
): Promise<PushReport> {
  const { body } = form.json;
  // In the nested form only the signed object counts; the pack itself stays outside of it.
  const signed = isJsonObject(body ?? null) ? { ...(body as object), packfile: form.json.packfile } : form.json;
  const { refUpdates } = check(receivePackBody, signed);
  const target = await findTarget(ctx, names);
  const request = await readRequest(c, form.bytes);
  const sent = { repoId: target.repoId, packfileHash: form.packfileHash, refUpdates };
  const { principal, proof, fingerprint } = await challenging(ctx, c, names, 'git-receive-pack', () =>
    authenticatePush(ctx, request, sent, uploadMs),
  );
  noteAgent(c, principal.agentId);
  const repo = await requireAccess(ctx, target, principal.agentId, 'write');
  noteGit(c, { repoId: repo.repoId });
  const pack = createReadStream(form.packPath);
  const work = receivePush(ctx, {
    repo,
    commands: refUpdates.map(({ refName, oldOid, newOid }) => ({ refName, oldOid, newOid })),
    atomic: true,
    signedUpdates: true,
    pack,
    credential: { principal, proof },
    quota: pushQuota(ctx, c, { kind: 'token', principal, proof, mayWrite: true }),
    mayForce: new Set(refUpdates.filter((update) => update.force).map((update) => update.refName)),
    fingerprint,
    onProgress: (_, facts) => noteGit(c, { objects: facts?.objects }),
  });
  return work.finally(() => pack.destroy());
}

function answer(c: AppContextOf, report: PushReport): Response {
  const failed = report.unpack !== 'ok' || report.results.some((result) => !result.ok);
  if (failed) throw refusal(report);
  const refUpdates = report.results.map((result) => ({
    refName: result.refName,
    status: 'ok',
    ...(result.ok && result.forced && { message: 'forced update' }),
  }));
  if (report.replayed) c.header('Idempotency-Replayed', 'true');
  c.header('Cache-Control', 'no-cache, max-age=0, must-revalidate');
  return c.body(JSON.stringify({ status: 'ok', refUpdates }), 200, { 'Content-Type': JSON_TYPE });
}

/** The first update at fault gives the code. One that is only refused along with others counts as good. */
function refusal({ unpack, results }: PushReport): AppError {
  const refused = results.flatMap((result) => (result.ok ? [] : [result]));
  const first = refused.find((result) => result.code !== undefined) ?? refused[0];
  const message = unpack === 'ok' ? `${first?.refName}: ${first?.reason}` : unpack;
  const refUpdates = results.map((result) => {
    const isAtFault = !result.ok && result.code !== undefined;
    const said = result.ok ? 'not applied' : result.reason;
    return { refName: result.refName, status: isAtFault ? 'error' : 'ok', message: said };
  });
  return new AppError(first?.code ?? 'CONFLICT', { message, details: { refUpdates } });
}
