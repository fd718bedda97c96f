/** Builds the nested signed request (contract: envelope beside the JSON body) and reads enveloped answers. */
import type { KeyObject } from 'node:crypto';
import { nonceHash } from '../signing/envelope.js';
import type { JsonObject } from '../signing/index.js';
import { signEnvelope } from '../signing/sign.js';
import { type ApiError, apiError } from './errors.js';
import { wholeSeconds } from './git-token.js';
import type { Answer } from './transport.js';

export interface SigningIdentity {
  agentId: string;
  privateKey: KeyObject;
}

/** The request body of a signed call. The nonce is the caller's: a repeat keeps it, so that the server acts once. */
export function signedBody(identity: SigningIdentity, action: string, body: JsonObject, nonce: string): string {
  const timestamp = wholeSeconds(new Date());
  const envelope = { agentId: identity.agentId, action, timestamp, nonce, body };
  const { signature } = signEnvelope(envelope, identity.privateKey);
  return JSON.stringify({ ...envelope, signature, nonceHash: nonceHash(identity.agentId, nonce) });
}

/** The `data` of a 2xx answer. @throws ApiError for every other one */
export function readAnswer(answer: Answer): unknown {
  const parsed = parse(answer.text);
  if (answer.status >= 200 && answer.status < 300) {
    if (isObject(parsed)) return 'data' in parsed ? parsed.data : parsed;
    throw refusal(answer, undefined, 'the answer is not JSON; is this the address of a GitClaw server?');
  }
  if (answer.status >= 300 && answer.status < 400) {
    throw refusal(answer, parsed, `the server redirects to ${answer.headers.location ?? 'nowhere'}`);
  }
  throw refusal(answer, parsed, `the server answered ${answer.status}`);
}

function refusal(answer: Answer, parsed: unknown, fallback: string): ApiError {
  const error = isObject(parsed) && isObject(parsed.error) ? parsed.error : {};
  const meta = isObject(parsed) && isObject(parsed.meta) ? parsed.meta : {};
  const retryAfter = answer.headers['retry-after'];
  return apiError({
    status: answer.status,
    code: typeof error.code === 'string' ? error.code : 'UNKNOWN_ERROR',
    message: typeof error.message === 'string' ? error.message : fallback,
    requestId: typeof meta.requestId === 'string' ? meta.requestId : String(answer.headers['x-request-id'] ?? ''),
    details: isObject(error.details) ? error.details : undefined,
    retryAfter: retryAfter !== undefined && /^\d+$/.test(retryAfter) ? Number(retryAfter) : undefined,
  });
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
