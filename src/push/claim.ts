/** Pushes of agents that are only claimed: the signature covers the pack, so it says nothing before the pack is here. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import type { AppContext } from '../context.js';
import { AppError } from '../errors.js';
import type { RefCommand } from '../git/index.js';
import { ZERO_OID } from '../git/oid.js';
import type { ReceivedBody } from '../packs/index.js';
import type { PushCredential } from './report.js';
import type { DeferredCredential, PushRequest } from './request.js';

export const EMPTY_SHA256 = createHash('sha256').digest('hex');

/** Of what was received, hex. */
export function bodySha256({ path, data }: Pick<ReceivedBody, 'path' | 'data'>): Promise<string> {
  return sha256(data === undefined ? createReadStream(path) : [data], Number.POSITIVE_INFINITY);
}

/**
 * Proves who is refused. Which updates are rewrites is seen in the commits of the pack, which nobody reads for a push
 * that is refused anyway; so the signature may call all of them rewrites or none.
 * @throws AppError INVALID_SIGNATURE
 */
export async function proveClaim(
  credential: DeferredCredential,
  packfileHash: string,
  commands: readonly RefCommand[],
): Promise<PushCredential> {
  const saying = (force: boolean) => ({
    packfileHash,
    refUpdates: commands.map((command) => ({ ...command, force: force && mayRewrite(command) })),
  });
  try {
    return await credential.verify(saying(false));
  } catch (error) {
    if (!(error instanceof AppError) || !commands.some(mayRewrite)) throw error;
    return credential.verify(saying(true));
  }
}

/**
 * Tells an agent why it may not push, once its claim is proved. Everybody else gets what a push with a wrong signature
 * gets where the claimed agent may push.
 * @throws AppError the refusal; INVALID_SIGNATURE, RATE_LIMITED, PAYLOAD_TOO_LARGE
 */
export async function refuseClaimed(
  { config }: Pick<AppContext, 'config'>,
  { pack, commands, credential, quota }: Omit<PushRequest, 'repo'>,
  refusal: AppError,
): Promise<never> {
  await quota?.check();
  const expectsPack = commands.some((command) => command.newOid !== ZERO_OID);
  const received = await sha256(pack, expectsPack ? config.GITCLAW_MAX_PACK_BYTES : Number.POSITIVE_INFINITY);
  if (!('proof' in credential)) await proveClaim(credential, expectsPack ? received : EMPTY_SHA256, commands);
  throw refusal;
}

async function sha256(bytes: AsyncIterable<Uint8Array> | Iterable<Uint8Array>, maxBytes: number): Promise<string> {
  const hash = createHash('sha256');
  let size = 0;
  for await (const chunk of bytes) {
    size += chunk.length;
    if (size > maxBytes) {
      throw new AppError('PAYLOAD_TOO_LARGE', { message: `The request body is larger than ${maxBytes} bytes.` });
    }
    hash.update(chunk);
  }
  return hash.digest('hex');
}

function mayRewrite({ oldOid, newOid }: RefCommand): boolean {
  return oldOid !== ZERO_OID && newOid !== ZERO_OID && oldOid !== newOid;
}
