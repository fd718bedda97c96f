/** One route as OpenAPI operation object (OpenAPI 3.1.0, section 4.8.10). */
import type { RouteDescription } from '../../routing/index.js';
import { errorsOf, isSignedWrite, statusOf } from './errors.js';
import { inputSchema, outputSchema, type Part } from './json-schema.js';
import { sample, sampleParameter } from './sample.js';
import { signedRequestBody } from './signing.js';

export interface Operation {
  operationId: string;
  tags: string[];
  summary: string;
  description?: string;
  parameters: Part[];
  requestBody?: Part;
  responses: Record<string, Part>;
  security: Record<string, string[]>[];
  [extension: `x-${string}`]: unknown;
}

const HEADERS_SIGNED = { agentId: [], timestamp: [], nonce: [], signature: [] };

const SECURITY: Record<RouteDescription['auth'], Record<string, string[]>[]> = {
  open: [],
  // The empty alternative is the envelope in the JSON body, which OpenAPI has no scheme for.
  signed: [{}, HEADERS_SIGNED],
  'signed-optional': [{}, HEADERS_SIGNED, { gitToken: [] }, { basicToken: [] }],
  admin: [{ adminSession: [] }],
};

/** @param path the path itself or one of its aliases; only the path itself keeps the operationId */
export function operation(route: RouteDescription, path: string): Operation {
  const isAlias = path !== route.path;
  return {
    operationId: isAlias ? `${route.operationId}__${(route.aliases ?? []).indexOf(path) + 1}` : route.operationId,
    tags: [route.tag],
    summary: route.summary,
    description: describe(route, isAlias),
    parameters: [...pathParameters(path), ...queryParameters(route)],
    ...requestBody(route),
    responses: responses(route),
    security: SECURITY[route.auth],
    'x-auth': route.auth,
    ...(route.actions === undefined ? {} : { 'x-actions': route.actions }),
    ...(route.role === undefined ? {} : { 'x-role': route.role }),
  };
}

const AUTH_WORDS: Record<RouteDescription['auth'], string> = {
  open: 'Open to everybody.',
  signed: 'Must be signed.',
  'signed-optional': 'Open for public repositories; private ones exist only for signers who may read them.',
  admin: 'Needs the session of an operator.',
};

function describe({ auth, actions, role, path }: RouteDescription, isAlias: boolean): string {
  const words = [AUTH_WORDS[auth]];
  if (actions !== undefined) words.push(`Action: ${actions.map((action) => `\`${action}\``).join(' or ')}.`);
  if (role === 'author') words.push('Needs the role `write`, or to be the author.');
  else if (role !== undefined) words.push(`Needs the role \`${role}\`.`);
  if (isAlias) words.push(`The same as \`${path}\`.`);
  return words.join(' ');
}

function pathParameters(path: string): Part[] {
  return [...path.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => ({
    name,
    in: 'path',
    required: true,
    schema: { type: 'string' },
    example: sampleParameter(name),
  }));
}

function queryParameters(route: RouteDescription): Part[] {
  if (route.query === undefined) return [];
  const schema = inputSchema(route.query);
  return Object.entries(schema.properties ?? {}).map(([name, { description, ...each }]) => ({
    name,
    in: 'query',
    required: schema.required?.includes(name) ?? false,
    schema: each,
    ...(description === undefined ? {} : { description }),
  }));
}

function requestBody(route: RouteDescription): { requestBody?: Part } {
  if (route.requestType !== undefined) return { requestBody: { required: true, content: { [route.requestType]: {} } } };
  if (route.auth === 'signed') return { requestBody: signedRequestBody(route) };
  if (route.body === undefined) return {};
  const schema = inputSchema(route.body);
  const content = { 'application/json': { schema, example: sample(schema) } };
  return { requestBody: { required: true, content } };
}

function responses(route: RouteDescription): Record<string, Part> {
  const byStatus = new Map<number, string[]>();
  for (const code of errorsOf(route)) byStatus.set(statusOf(code), [...(byStatus.get(statusOf(code)) ?? []), code]);
  const refusals = [...byStatus].sort(([a], [b]) => a - b);
  return {
    [String(route.status)]: success(route),
    ...Object.fromEntries(refusals.map(([status, codes]) => [String(status), refusal(status, codes)])),
  };
}

function success(route: RouteDescription): Part {
  if (route.contentType !== undefined) return { description: 'Success', content: { [route.contentType]: {} } };
  const data = outputSchema(route.data);
  const meta = { $ref: '#/components/schemas/Meta' };
  const schema = route.bare
    ? data
    : { type: 'object', required: ['data', 'meta'], properties: { data, meta }, additionalProperties: false };
  const example = sample(data);
  const names = ['X-Request-Id', ...(isSignedWrite(route) ? ['Idempotency-Replayed', ...RATE_HEADERS] : [])];
  const value = route.bare ? example : { data: example, meta: { requestId: '99999999-9999-4999-8999-999999999999' } };
  return {
    description: 'Success',
    headers: headers(names),
    content: { 'application/json': { schema, example: value } },
  };
}

const RATE_HEADERS = ['X-RateLimit-Limit', 'X-RateLimit-Remaining', 'X-RateLimit-Reset'];

function refusal(status: number, codes: string[]): Part {
  // On the wire 413 has the code of 400: clients read only status and code.
  const wire = status === 413 ? ['VALIDATION_ERROR'] : codes;
  const names = ['X-Request-Id'];
  if (status === 429) names.push('Retry-After', ...RATE_HEADERS);
  if (status === 503) names.push('Retry-After');
  const code = { type: 'object', properties: { error: { type: 'object', properties: { code: { enum: wire } } } } };
  return {
    description: wire.join(', '),
    headers: headers(names),
    content: { 'application/json': { schema: { allOf: [{ $ref: '#/components/schemas/Error' }, code] } } },
  };
}

function headers(names: string[]): Part {
  return Object.fromEntries(names.map((name) => [name, { $ref: `#/components/headers/${name}` }]));
}
