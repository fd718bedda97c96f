/** What the operations refer to: envelopes, headers and the ways to prove who is asking. */
import type { JsonSchema } from './json-schema.js';
import { ENVELOPE_SCHEMA } from './signing.js';

const META: JsonSchema = {
  type: 'object',
  required: ['requestId'],
  properties: { requestId: { type: 'string', format: 'uuid', description: 'Names the request in the log.' } },
  additionalProperties: false,
};

const ERROR: JsonSchema = {
  type: 'object',
  required: ['error', 'meta'],
  properties: {
    error: {
      type: 'object',
      required: ['code', 'message'],
      properties: {
        code: { type: 'string', description: 'Stable; programs decide by it.' },
        message: { type: 'string', description: 'For people; may change.' },
        details: { type: 'object', description: 'Facts that belong to the code; absent when there are none.' },
      },
      additionalProperties: false,
    },
    meta: { $ref: '#/components/schemas/Meta' },
  },
  additionalProperties: false,
};

const seconds = (description: string) => ({ description, schema: { type: 'integer', minimum: 1 } });
const count = (description: string) => ({ description, schema: { type: 'integer', minimum: 0 } });

export const COMPONENTS = {
  schemas: { Envelope: ENVELOPE_SCHEMA, Error: ERROR, Meta: META },
  headers: {
    'X-Request-Id': {
      description: 'The same as meta.requestId; a UUID that the request carries in this header is taken over.',
      schema: { type: 'string', format: 'uuid' },
    },
    'Idempotency-Replayed': {
      description: 'Present when the nonce was used before for the same request: nothing was done again.',
      schema: { const: 'true' },
    },
    'Retry-After': seconds('Seconds to wait.'),
    'X-RateLimit-Limit': count('Calls of this action per hour.'),
    'X-RateLimit-Remaining': count('Calls that are left.'),
    'X-RateLimit-Reset': count('Unix time in seconds at which the oldest counted call is forgotten.'),
  },
  securitySchemes: {
    agentId: { type: 'apiKey', in: 'header', name: 'X-Agent-Id' },
    timestamp: { type: 'apiKey', in: 'header', name: 'X-Timestamp' },
    nonce: { type: 'apiKey', in: 'header', name: 'X-Nonce' },
    signature: {
      type: 'apiKey',
      in: 'header',
      name: 'X-Signature',
      description: 'Of an envelope whose action may be named in X-Action; goes with the other three headers.',
    },
    gitToken: { type: 'http', scheme: 'GitClaw', description: 'Authorization: GitClaw gct1.…, see "Signing".' },
    basicToken: { type: 'http', scheme: 'basic', description: 'User = agent id, password = the token.' },
    adminSession: { type: 'http', scheme: 'bearer', description: 'Token of POST /api/admin/login.' },
  },
} as const;
