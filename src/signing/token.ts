/** `gct1.` tokens: one signed envelope as a git credential, good for all requests of one git command. */
import { canonicalEnvelope, type Envelope } from './envelope.js';
import { isJsonObject, type JsonValue, parseJson } from './json.js';

export const TOKEN_PREFIX = 'gct1.';
/** The envelope action of a token. */
export const TOKEN_ACTION = 'git_auth';

/** A host of 253 and an `owner/name` of 385 characters fit in with room to spare. */
export const MAX_TOKEN_LENGTH = 2048;

export interface ParsedToken {
  envelope: Envelope;
  /** RFC 8785 text that the signature covers. */
  canonical: string;
  /** Base64, standard alphabet, padded, as in the other carriers. */
  signature: string;
}

/**
 * Joins a signed envelope into a token: prefix, base64url of the canonical text, `.`, base64url of the signature.
 *
 * @param signatureBase64 standard base64, as `signEnvelope` returns it
 */
export function encodeToken(canonical: string, signatureBase64: string): string {
  const payload = Buffer.from(canonical, 'utf8').toString('base64url');
  return `${TOKEN_PREFIX}${payload}.${Buffer.from(signatureBase64, 'base64').toString('base64url')}`;
}

/**
 * Takes a token apart without checking its signature.
 *
 * One envelope has one spelling: the payload must be the canonical text itself and base64url must be unpadded.
 *
 * @returns undefined when the text is not such a token
 */
export function parseToken(token: string): ParsedToken | undefined {
  if (token.length > MAX_TOKEN_LENGTH || !token.startsWith(TOKEN_PREFIX)) return undefined;
  const [payload, signature, ...more] = token.slice(TOKEN_PREFIX.length).split('.').map(decodeBase64Url);
  if (payload === undefined || signature === undefined || more.length > 0) return undefined;
  try {
    const envelope = readEnvelope(parseJson(payload));
    const canonical = envelope && canonicalEnvelope(envelope);
    if (envelope === undefined || canonical !== payload.toString('utf8')) return undefined;
    return { envelope, canonical, signature: signature.toString('base64') };
  } catch {
    return undefined;
  }
}

function readEnvelope(value: JsonValue): Envelope | undefined {
  if (!isJsonObject(value)) return undefined;
  const { agentId, action, timestamp, nonce, body } = value;
  if (typeof agentId !== 'string' || typeof action !== 'string' || typeof timestamp !== 'string') return undefined;
  if (typeof nonce !== 'string' || !isJsonObject(body)) return undefined;
  return { agentId, action, timestamp, nonce, body };
}

function decodeBase64Url(text: string): Buffer | undefined {
  const bytes = Buffer.from(text, 'base64url');
  return text !== '' && bytes.toString('base64url') === text ? bytes : undefined;
}
