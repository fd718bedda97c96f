/** POST git-receive-pack (gitprotocol-http, "Smart Service git-receive-pack"). */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { GitCredential } from '../../auth/index.js';
import type { AppContext } from '../../context.js';
import { AppError } from '../../errors.js';
import {
  CHANNEL,
  errPacket,
  FLUSH,
  ProtocolError,
  ReceivePackParser,
  reportStatus,
  SIDEBAND_64K,
  sideband,
  sidebandText,
} from '../../git/index.js';
import { type PushQuota, type PushReport, type PushRequest, receivePush, refuseAll } from '../../push/index.js';
import type { Repository } from '../../repos/index.js';
import { GitAnswer } from './answer.js';
import { drainBody, readBody } from './body.js';

export const RECEIVE_PACK_CAPABILITIES = [
  'report-status',
  'report-status-v2',
  'delete-refs',
  'side-band-64k',
  'quiet',
  'atomic',
  'ofs-delta',
  'object-format=sha1',
];

type WriteCredential = Exclude<GitCredential, { kind: 'anonymous' }>;

/**
 * Receives one push and answers it. What goes wrong after the command list is said inside the report, where git shows
 * it to its user; the request is always read to its end before.
 * @throws AppError before anything was answered, for refusals of the request itself
 */
export async function receivePack(
  ctx: AppContext,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  repo: Repository,
  credential: WriteCredential,
  quota: PushQuota,
): Promise<void> {
  const answer = new GitAnswer(outgoing, 'application/x-git-receive-pack-result');
  const body = readBody(incoming);
  const parser = new ReceivePackParser({ pushOptions: false });
  try {
    await readLists(parser, body);
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    await drainBody(incoming);
    return answer.end(errPacket(error.message));
  }
  if (parser.commands.length === 0) {
    await drainBody(incoming);
    return answer.end();
  }
  const banded = parser.capabilities.has('side-band-64k');
  const quiet = parser.capabilities.has('quiet');
  const notes: string[] = [];
  const request: PushRequest = {
    repo,
    commands: parser.commands,
    atomic: parser.capabilities.has('atomic'),
    shallow: parser.shallow,
    pack: rest(parser, body),
    credential: pushCredential(repo, credential),
    quota,
    onProgress: (text) => notes.push(text),
  };
  const work = push(ctx, request, answer).finally(() => drainBody(incoming));
  const report = banded ? await answer.whileWaiting(work, () => incoming.readableEnded) : await work;
  const parts: Uint8Array[] = [];
  if (banded && !quiet) parts.push(...notes.map((text) => sidebandText(CHANNEL.progress, text)));
  const lines = status(parser, report);
  if (lines !== undefined) parts.push(banded ? sideband(CHANNEL.data, lines, SIDEBAND_64K) : lines);
  if (banded) parts.push(FLUSH);
  await answer.end(Buffer.concat(parts));
}

/** Failures of the server belong into the report too: git shows nothing of an HTTP error but its status. */
async function push(ctx: AppContext, request: PushRequest, answer: GitAnswer): Promise<PushReport> {
  try {
    return await receivePush(ctx, request);
  } catch (error) {
    const known = error instanceof AppError ? error : new AppError('INTERNAL_ERROR', { cause: error });
    if (known.status === 401 || known.status === 403) throw known;
    if (known.status === 429 && !answer.started) throw known;
    if (known.status >= 500) ctx.log.error({ repoId: request.repo.repoId, err: known }, 'push failed');
    return refuseAll(request.commands, `${known.wireCode}: ${known.message}`, 'unpacker error');
  }
}

async function readLists(parser: ReceivePackParser, body: AsyncGenerator<Uint8Array>): Promise<void> {
  while (!parser.complete) {
    const chunk = await body.next();
    if (chunk.done) return parser.end();
    parser.feed(chunk.value);
  }
}

async function* rest(parser: ReceivePackParser, body: AsyncGenerator<Uint8Array>): AsyncGenerator<Uint8Array> {
  const first = parser.rest();
  if (first.length > 0) yield first;
  yield* body;
}

function pushCredential(repo: Repository, credential: WriteCredential): PushRequest['credential'] {
  if (credential.kind === 'token') return { principal: credential.principal, proof: credential.proof };
  return {
    async verify(body) {
      const proof = await credential.verify({ repoId: repo.repoId, ...body });
      return { principal: { ...credential.claimed, keyId: proof.keyId }, proof };
    },
  };
}

function status(parser: ReceivePackParser, report: PushReport): Buffer | undefined {
  const version = parser.capabilities.has('report-status-v2') ? 2 : 1;
  if (version === 1 && !parser.capabilities.has('report-status')) return undefined;
  const results = report.results.map((result) =>
    result.ok
      ? { refName: result.refName, ok: true as const, ...(result.forced && { options: { forcedUpdate: true } }) }
      : result,
  );
  return reportStatus({ unpack: report.unpack, results }, version);
}
