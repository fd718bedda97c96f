/** Finds the one envelope in a JSON request: nested body, flat body, headers or query. */
import type { IncomingHttpHeaders } from 'node:http';
import { AppError } from '../errors.js';
import { isJsonObject, type JsonObject, parseJson, TOKEN_PREFIX } from '../signing/index.js';
import { readAuthorization } from './authorization.js';
import { badField, badSignature, checkEnvelope, type Presented, type RawEnvelope } from './presented.js';
import type { RawRequest } from './types.js';

const ENVELOPE_FIELDS = ['agentId', 'timestamp', 'nonce', 'signature', 'nonceHash', 'action'] as const;

/**
 * The envelope of a request that must carry one.
 *
 * @throws AppError VALIDATION_ERROR for malformed JSON, wrong fields or two different envelopes; INVALID_SIGNATURE when
 *   there is none
 */
export function requireEnvelope(request: RawRequest): Presented {
  const found = findEnvelope(request);
  if (found === undefined) throw badSignature('missing_signature');
  const authorization = readAuthorization(request.headers);
  if (
    authorization.kind === 'token' ||
    (authorization.kind === 'basic' && authorization.secret.startsWith(TOKEN_PREFIX))
  ) {
    throw twoProofs();
  }
  return found;
}

/** The envelope of a request, undefined when it carries none. Throws as {@link requireEnvelope} does otherwise. */
export function findEnvelope(request: RawRequest): Presented | undefined {
  const json = readBody(request.body);
  const found = [fromBody(json), fromHeaders(request, json), fromQuery(request, json)].filter(
    (raw) => raw !== undefined,
  );
  const [first, ...others] = found;
  if (first === undefined) return undefined;
  const presented = checkEnvelope(first);
  if (others.some((other) => !isSame(first, other))) throw twoProofs();
  const claimed = singleHeader(request.headers, 'x-agent-id');
  if (claimed !== undefined && claimed !== presented.agentId) throw twoProofs();
  return presented;
}

/** One identity per request: mixing the claim of one proof with the signature of another is how servers get fooled. */
export function twoProofs(): AppError {
  return new AppError('VALIDATION_ERROR', { message: 'The request carries two different proofs of identity.' });
}

/** The envelope in the four headers, without action fields; undefined when there is no X-Signature. */
export function envelopeHeaders(headers: IncomingHttpHeaders): RawEnvelope | undefined {
  const signature = singleHeader(headers, 'x-signature');
  if (signature === undefined) return undefined;
  return {
    agentId: singleHeader(headers, 'x-agent-id'),
    timestamp: singleHeader(headers, 'x-timestamp'),
    nonce: singleHeader(headers, 'x-nonce'),
    action: singleHeader(headers, 'x-action'),
    signature,
    fields: {},
  };
}

/** A header's trimmed text; undefined when it is absent or empty. */
export function singleHeader(headers: IncomingHttpHeaders, name: string): string | undefined {
  const value = headers[name];
  const text = (Array.isArray(value) ? value.join(', ') : (value ?? '')).trim();
  return text === '' ? undefined : text;
}

function readBody(body: Buffer): JsonObject {
  if (body.length === 0) return {};
  const value = parseJson(body);
  if (isJsonObject(value)) return value;
  throw new AppError('VALIDATION_ERROR', { message: 'The request body is not a JSON object.' });
}

function fromBody(json: JsonObject): RawEnvelope | undefined {
  if (json.signature === undefined && json.nonce === undefined && json.timestamp === undefined) return undefined;
  const { agentId, timestamp, nonce, signature, nonceHash, action } = json;
  const raw = { agentId, timestamp, nonce, signature, nonceHash, action, fields: actionFields(json) };
  return isJsonObject(json.body) ? { ...raw, body: json.body } : raw;
}

function fromHeaders({ headers, query }: RawRequest, json: JsonObject): RawEnvelope | undefined {
  const raw = envelopeHeaders(headers);
  return raw && { ...raw, fields: { ...queryFields(query), ...json } };
}

function fromQuery({ method, query }: RawRequest, json: JsonObject): RawEnvelope | undefined {
  if (!query.has('signature') || !['GET', 'HEAD', 'DELETE'].includes(method.toUpperCase())) return undefined;
  // "+" of base64 and of offsets arrives as a space unless the client escaped it.
  const value = (name: string) => query.get(name)?.replaceAll(' ', '+') ?? undefined;
  return {
    agentId: value('agentId'),
    timestamp: value('timestamp'),
    nonce: value('nonce'),
    signature: value('signature'),
    nonceHash: value('nonceHash'),
    action: value('action'),
    fields: { ...queryFields(query), ...json },
  };
}

function actionFields(json: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(json).filter(([name]) => !isEnvelopeField(name)));
}

function queryFields(query: URLSearchParams): JsonObject {
  const fields = [...query].filter(([name]) => !isEnvelopeField(name));
  const bad = fields.find((field) => field.some((text) => text.includes('\0')));
  if (bad !== undefined) throw badField('query', 'contains the character U+0000');
  return Object.fromEntries(fields);
}

function isEnvelopeField(name: string): boolean {
  return (ENVELOPE_FIELDS as readonly string[]).includes(name);
}

function isSame(left: RawEnvelope, right: RawEnvelope): boolean {
  return (['agentId', 'timestamp', 'nonce', 'signature'] as const).every((field) => left[field] === right[field]);
}
