/** POST git-receive-pack (gitprotocol-http, "Smart Service git-receive-pack"). */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AppContext } from '../../context.js';
import { AppError } from '../../errors.js';
import {
  CHANNEL,
  errPacket,
  FLUSH,
  ProtocolError,
  ReceivePackParser,
  type ReportOptions,
  reportStatus,
  SIDEBAND_64K,
  sideband,
  sidebandText,
} from '../../git/index.js';
import {
  type PushQuota,
  type PushReport,
  type PushRequest,
  type PushResult,
  receivePush,
  refuseAll,
  refuseClaimed,
} from '../../push/index.js';
import { notePhase } from '../../telemetry/index.js';
import { toAppError } from '../failure.js';
import { GitAnswer } from './answer.js';
import { drainBody, readBody } from './body.js';
import type { ClaimedAccess, GitAccess, PushAccess } from './target.js';

export const RECEIVE_PACK_CAPABILITIES = [
  'report-status',
  'report-status-v2',
  'delete-refs',
  'side-band-64k',
  'quiet',
  'atomic',
  'ofs-delta',
  'push-options',
  'object-format=sha1',
];

/**
 * Receives one push and answers it. What goes wrong after the command list is said inside the report, where git shows
 * it to its user; the request is always read to its end before.
 * @param base of URLs that are shown to the user
 * @throws AppError before anything was answered, for refusals of the request itself
 */
export async function receivePack(
  ctx: AppContext,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  access: PushAccess | ClaimedAccess,
  quota: PushQuota,
  base: string,
): Promise<void> {
  const answer = new GitAnswer(outgoing, 'application/x-git-receive-pack-result');
  const body = readBody(incoming);
  const drain = async () => {
    // A reader that waits for more keeps the stream from flowing, and with it from ending.
    await body.return(undefined);
    await drainBody(incoming);
  };
  // Whoever is only claimed learns nothing about the repository, its policy included.
  const certificates = access.kind === 'claimed' || access.repo.pushCertPolicy !== 'off';
  const parser = new ReceivePackParser({ pushOptions: true, certificates });
  try {
    await readLists(parser, body);
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    await drain();
    return answer.end(errPacket(error.message));
  }
  if (parser.commands.length === 0) {
    await drain();
    if (access.kind === 'claimed') throw nothingSigned();
    return answer.end();
  }
  const banded = parser.capabilities.has('side-band-64k');
  const quiet = parser.capabilities.has('quiet');
  const notes: string[] = [];
  let isProved = access.kind === 'granted';
  const request: PushParts = {
    commands: parser.commands,
    atomic: parser.capabilities.has('atomic'),
    pushOptions: parser.pushOptions,
    ...(parser.certificate && { certificate: parser.certificate }),
    shallow: parser.shallow,
    pack: rest(parser, body),
    credential: pushCredential(access, () => {
      isProved = true;
    }),
    quota,
    onProgress: (text, facts) => {
      notes.push(text);
      access.note({ objects: facts?.objects });
    },
  };
  const target = access.kind === 'granted' ? { repo: access.repo } : access.outcome;
  notePhase('push.receive');
  const work = push(ctx, request, target, answer, access).finally(drain);
  // An answer that has begun is a 200, which those who are not proved must not get.
  const mayStart = () => incoming.readableEnded && isProved;
  const report = banded ? await answer.whileWaiting(work, mayStart) : await work;
  const { repoId } = access.kind === 'granted' ? access.repo : access;
  const parts: Uint8Array[] = [];
  // `quiet` is about progress; git sets it wherever no terminal is, and there too its user must see these.
  const said = report.results.flatMap((result) => pullNote(result, `${base}/v1/repos/${repoId}`));
  const shown = quiet ? said : [...notes, ...said];
  if (banded) parts.push(...shown.map((text) => sidebandText(CHANNEL.progress, text)));
  const lines = status(parser, report);
  if (lines !== undefined) parts.push(banded ? sideband(CHANNEL.data, lines, SIDEBAND_64K) : lines);
  if (banded) parts.push(FLUSH);
  await answer.end(Buffer.concat(parts));
}

type PushParts = Omit<PushRequest, 'repo'>;

/** Failures of the server belong into the report too: git shows nothing of an HTTP error but its status. */
async function push(
  ctx: AppContext,
  request: PushParts,
  target: ClaimedAccess['outcome'],
  answer: GitAnswer,
  { note }: Pick<GitAccess, 'note'>,
): Promise<PushReport> {
  const refusal = 'refusal' in target ? target.refusal : undefined;
  try {
    if ('refusal' in target) return await refuseClaimed(ctx, request, target.refusal);
    const report = await receivePush(ctx, { ...request, repo: target.repo });
    if (!report.results.some((result) => result.ok)) note({ outcome: 'refused' });
    return report;
  } catch (error) {
    const known = toAppError(error);
    // Once keepalives have begun an answer, only the report is left to say it in.
    const asStatus = [401, 403, 429].includes(known.status) || known === refusal;
    if (asStatus && !answer.started) throw known;
    if (known.status >= 500) ctx.log.error({ err: known }, 'push failed');
    note({ outcome: known.status >= 500 ? 'failed' : 'refused' });
    return refuseAll(request.commands, `${known.wireCode}: ${known.message}`, 'unpacker error');
  }
}

function nothingSigned(): AppError {
  return new AppError('INVALID_SIGNATURE', {
    message: 'A signature over a push proves nothing without the push; sign a token for requests like this one.',
  });
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

/** @param proved told once a claim is proved */
function pushCredential(access: PushAccess | ClaimedAccess, proved: () => void): PushRequest['credential'] {
  if (access.kind === 'granted') {
    const { principal, proof } = access.credential;
    return { principal, proof };
  }
  const { credential, repoId } = access;
  return {
    claimed: credential.claimed,
    async verify(body) {
      const proof = await credential.verify({ repoId, ...body });
      proved();
      return { principal: { ...credential.claimed, keyId: proof.keyId }, proof };
    },
  };
}

function status(parser: ReceivePackParser, report: PushReport): Buffer | undefined {
  const version = parser.capabilities.has('report-status-v2') ? 2 : 1;
  if (version === 1 && !parser.capabilities.has('report-status')) return undefined;
  const results = report.results.map((result) =>
    result.ok ? { refName: result.refName, ok: true as const, options: reportOptions(result) } : result,
  );
  return reportStatus({ unpack: report.unpack, results }, version);
}

/** Tells clients that know version 2 of the report which ref moved in place of the one they named. */
function reportOptions({ movedRef, forced, oldOid }: Extract<PushResult, { ok: true }>): ReportOptions {
  return {
    ...(movedRef === undefined ? {} : { refName: movedRef, oldOid }),
    ...(forced && { forcedUpdate: true }),
  };
}

function pullNote(result: PushResult, repositoryUrl: string): string[] {
  if (!result.ok || result.pull === undefined) return [];
  const { number, prId, created } = result.pull;
  return [`${created ? 'Opened' : 'Updated'} pull request #${number} (${prId}):\n  ${repositoryUrl}/pulls/${prId}\n`];
}
