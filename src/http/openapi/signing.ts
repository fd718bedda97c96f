/** How a signed request looks, in schemas and in examples whose signatures really verify. */
import { createHash, createPrivateKey } from 'node:crypto';
import type { RouteDescription } from '../../routing/index.js';
import { type JsonObject, nonceHash, signEnvelope } from '../../signing/index.js';
import { inputSchema, type JsonSchema, type Part } from './json-schema.js';
import { sample, sampleParameter } from './sample.js';

/** PKCS#8 wrapper of an Ed25519 seed (RFC 8410 section 7). */
const PKCS8_ED25519 = Buffer.from('302e020100300506032b657004220420', 'hex');

/** Whoever reads the document can check the examples: seed 00 01 02 ... 1f. */
export const EXAMPLE_SIGNER = {
  agentId: '11111111-1111-4111-8111-111111111111',
  publicKey: 'ed25519:A6EHv/POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg=',
  privateKey: createPrivateKey({
    key: Buffer.concat([PKCS8_ED25519, Buffer.from(Array.from({ length: 32 }, (_, index) => index))]),
    format: 'der',
    type: 'pkcs8',
  }),
};

const EXAMPLE_TIME = '2026-01-15T10:30:00Z';

/** The fields that both JSON forms carry beside the action's own. */
export const ENVELOPE_SCHEMA: JsonSchema = {
  type: 'object',
  description: 'Who signs, when, and once only. See "Signing" at the top.',
  required: ['agentId', 'timestamp', 'nonce', 'signature'],
  properties: {
    agentId: { type: 'string', maxLength: 64 },
    timestamp: { type: 'string', format: 'date-time', description: 'RFC 3339; at most 300 s old and 30 s ahead.' },
    nonce: { type: 'string', format: 'uuid', description: 'A new UUIDv4; a repeat gets the stored answer.' },
    signature: { type: 'string', contentEncoding: 'base64', description: 'Ed25519, or ECDSA P-256 as DER or r||s.' },
    nonceHash: { type: 'string', description: 'Optional: hex SHA-256 of agentId, ":" and nonce.' },
  },
};

/** The ids of the address that belong into the signed body, in the spelling of the contract. */
export function boundIds(route: RouteDescription): string[] {
  const names = [...route.path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name as string);
  return names.map((name) => (name === 'agentId' && names.includes('repoId') ? 'targetAgentId' : name));
}

/** Schema of the signed body: the ids of the address and what the route takes. */
export function signedBodySchema(route: RouteDescription): JsonSchema {
  const own: JsonSchema = route.body === undefined ? { type: 'object' } : inputSchema(route.body);
  if (own.type !== 'object') return own;
  const ids = boundIds(route).filter((id) => own.properties?.[id] === undefined);
  const idSchemas = ids.map((id): [string, JsonSchema] => [id, { type: 'string', description: 'As in the path.' }]);
  const { additionalProperties: _open, ...rest } = own;
  return { ...rest, properties: { ...Object.fromEntries(idSchemas), ...own.properties } };
}

/** `requestBody` of a signed operation: both JSON forms, with an example of each. */
export function signedRequestBody(route: RouteDescription): Part {
  const body = signedBodySchema(route);
  const action: JsonSchema = { type: 'string', enum: [...(route.actions ?? [])] };
  const envelope = { $ref: '#/components/schemas/Envelope' };
  const nested: JsonSchema = {
    title: 'Nested',
    allOf: [envelope, { type: 'object', required: ['action', 'body'], properties: { action, body } }],
  };
  const flat: JsonSchema = { title: 'Flat', allOf: [envelope, body] };
  return {
    description: 'Not needed when the envelope travels in headers or in the query.',
    content: {
      'application/json': {
        schema: { oneOf: [nested, flat] },
        examples: { nested: { value: nestedExample(route) }, flat: { value: flatExample(route) } },
      },
    },
  };
}

/** A request body in the nested form, signed by {@link EXAMPLE_SIGNER}. */
export function nestedExample(route: RouteDescription): JsonObject {
  const { action, body, ...proof } = signedExample(route);
  return { ...proof, action, nonceHash: nonceHash(EXAMPLE_SIGNER.agentId, proof.nonce), body };
}

/** The same request in the flat form. */
function flatExample(route: RouteDescription): JsonObject {
  const { action: _action, body, ...proof } = signedExample(route);
  return { ...body, ...proof };
}

function signedExample(route: RouteDescription) {
  const own = sample(signedBodySchema(route)) as JsonObject;
  const ids = boundIds(route).map((id): [string, string] => [id, sampleParameter(id)]);
  const body: JsonObject = { ...own, ...Object.fromEntries(ids) };
  const { agentId, privateKey } = EXAMPLE_SIGNER;
  const action = route.actions?.[0] ?? '';
  const nonce = exampleNonce(route.operationId);
  const { signature } = signEnvelope({ agentId, action, timestamp: EXAMPLE_TIME, nonce, body }, privateKey);
  return { agentId, action, timestamp: EXAMPLE_TIME, nonce, signature, body };
}

/** A UUIDv4 that is the same in every run, so that the document is. */
function exampleNonce(text: string): string {
  const hex = createHash('sha256').update(text).digest('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}
