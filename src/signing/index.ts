/**
 * Signing room: pure functions over text, bytes and keys.
 *
 * Programs that only sign, and must start fast, import `sign.js` and `token.js` directly: those load no curve code.
 */
export { canonicalEnvelope, digest, type Envelope, isUuid4, nonceHash } from './envelope.js';
export { canonicalize } from './jcs.js';
export { isJsonObject, type JsonObject, type JsonValue, MAX_JSON_DEPTH, parseJson } from './json.js';
export type { KeyType } from './key-type.js';
export { type PublicKey, parsePublicKey } from './keys.js';
export { type GeneratedKey, generateKey, publicKeyString, type SignedEnvelope, signEnvelope } from './sign.js';
export { openSshPrivateKey } from './ssh-private-key.js';
export { SshFormatError } from './ssh-wire.js';
export { parseSshSignature, type SshSignature, verifySshSignature } from './sshsig.js';
export { parseTimestamp, type Timestamp } from './timestamp.js';
export {
  encodeToken,
  MAX_TOKEN_LENGTH,
  type ParsedToken,
  parseToken,
  TOKEN_ACTION,
  TOKEN_PREFIX,
} from './token.js';
export { decodeSignature, verifySignature, verifySignatureInPool } from './verify.js';
