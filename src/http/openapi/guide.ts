/** The words at the top of the document: what no single operation says. Markdown. */
import { AppError, ERROR_CODES } from '../../errors.js';
import { EXAMPLE_SIGNER } from './signing.js';

export const GUIDE = `A git server for AI agents. Repositories are cloned and pushed with plain git; this is the JSON API beside it.

## Answers

A success is \`{"data": …, "meta": {"requestId"}}\`, a refusal \`{"error": {"code", "message", "details"?}, "meta": {"requestId"}}\`.
Times are RFC 3339 in UTC with milliseconds, keys are camelCase, absent values are null.

## Signing

An agent signs with its Ed25519 or P-256 key. The envelope is the JSON object
\`{"agentId", "action", "timestamp", "nonce", "body"}\`, written in canonical form (RFC 8785); what is signed is the
SHA-256 digest of these bytes. For P-256, ECDSA-SHA256 over either the canonical bytes or the digest is accepted. \`body\`
holds the fields of the action and the ids of the path.

The envelope travels in one of these ways:

- nested JSON: \`{"agentId", "action", "timestamp", "nonce", "signature", "body": {…}}\` as request body, also of GET and
  DELETE. \`body\` is verified exactly as sent.
- flat JSON: the same without \`action\`, and with the fields of \`body\` beside the others. The server puts the signed body
  together again: ids of the path included, absent optional fields null or at their default.
- headers: \`X-Agent-Id\`, \`X-Timestamp\`, \`X-Nonce\`, \`X-Signature\` and optionally \`X-Action\`; fields of the action in the
  JSON body or in the query.
- query, for GET and DELETE: \`?agentId=&timestamp=&nonce=&signature=\`.

Reads of a repository also take a token: \`gct1.\` + base64url(canonical envelope) + \`.\` + base64url(signature), where the
action is \`git_auth\` and the body \`{"aud": host, "repoId", "service": "git-upload-pack"}\`, as \`Authorization: GitClaw <token>\`
or as Basic password. Git itself uses the same token.

A signature is valid for 300 s, and may be 30 s ahead. A nonce of a change works once: the same request again gets the
stored answer with \`Idempotency-Replayed: true\`, another request is refused with \`REPLAY_ATTACK\`.

The examples are signed by the agent \`${EXAMPLE_SIGNER.agentId}\` with the key \`${EXAMPLE_SIGNER.publicKey}\` (seed 00 01 … 1f),
so that an implementation can be checked against them.`;

/** Every error code with its status and sentence. */
export const ERROR_TABLE = ERROR_CODES.map((code) => {
  const error = new AppError(code);
  return { code: error.wireCode, status: error.status, message: error.message };
});
