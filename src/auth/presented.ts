/** The envelope fields of a request before anything about them is proved. */
import { AppError } from '../errors.js';
import { decodeSignature, isUuid4, type JsonObject, nonceHash, parseTimestamp } from '../signing/index.js';

export interface Presented {
  agentId: string;
  timestamp: string;
  /** {@link timestamp} as milliseconds since 1970. */
  epochMs: number;
  /** The timestamp as received, then its normalised spelling if that differs. */
  timestamps: string[];
  nonce: string;
  nonceHash: string;
  signature: string;
  signatureBytes: Buffer;
  action: string | undefined;
  /** The signed body as received; undefined when it has to be rebuilt from `fields`. */
  body: JsonObject | undefined;
  /** Action fields of the forms without a `body` object. */
  fields: JsonObject;
}

/** The same before its fields were checked. */
export interface RawEnvelope {
  agentId?: unknown;
  timestamp?: unknown;
  nonce?: unknown;
  signature?: unknown;
  nonceHash?: unknown;
  action?: unknown;
  body?: JsonObject;
  fields: JsonObject;
}

/** Ids of older databases need not be UUIDs; the column holds 64 characters. */
const AGENT_ID = /^[\x21-\x7e]{1,64}$/;

/**
 * Checks presence and format of the envelope fields.
 *
 * @throws AppError VALIDATION_ERROR with details `{field}`; INVALID_SIGNATURE when the signature is absent or is not base64
 */
export function checkEnvelope(raw: RawEnvelope): Presented {
  const agentId = textField(raw, 'agentId');
  if (!AGENT_ID.test(agentId)) throw badField('agentId', 'is not an agent id');
  const timestamp = textField(raw, 'timestamp');
  const time = parseTimestamp(timestamp);
  if (time === undefined) throw badField('timestamp', 'is not an RFC 3339 date-time with offset');
  const nonce = textField(raw, 'nonce');
  if (!isUuid4(nonce)) throw badField('nonce', 'is not a UUID of version 4');
  const hash = nonceHash(agentId, nonce);
  if (raw.nonceHash !== undefined && raw.nonceHash !== null && raw.nonceHash !== hash) {
    throw badField('nonceHash', 'does not belong to agentId and nonce');
  }
  return {
    agentId,
    timestamp,
    epochMs: time.epochMs,
    timestamps: [...new Set([timestamp, time.normalised])],
    nonce,
    nonceHash: hash,
    ...checkSignatureText(raw),
    action: isAbsent(raw.action) ? undefined : textField(raw, 'action'),
    body: raw.body,
    fields: raw.fields,
  };
}

function checkSignatureText(raw: RawEnvelope): { signature: string; signatureBytes: Buffer } {
  if (isAbsent(raw.signature)) throw badSignature('missing_signature');
  const signature = textField(raw, 'signature');
  const signatureBytes = decodeSignature(signature);
  if (signatureBytes === undefined) throw badSignature('signature_encoding');
  return { signature, signatureBytes };
}

function textField(raw: RawEnvelope, field: keyof RawEnvelope): string {
  const value = raw[field];
  if (isAbsent(value)) throw badField(field, 'is missing');
  if (typeof value !== 'string') throw badField(field, 'is not a string');
  return value;
}

function isAbsent(value: unknown): value is undefined | null {
  return value === undefined || value === null;
}

export function badField(field: string, what: string): AppError {
  return new AppError('VALIDATION_ERROR', { message: `The field "${field}" ${what}.`, details: { field } });
}

export function badSignature(reason: string): AppError {
  return new AppError('INVALID_SIGNATURE', { details: { reason } });
}
