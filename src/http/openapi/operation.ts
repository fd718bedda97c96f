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

/** The envelope in the JSON body, which OpenAPI has no scheme for; or nothing at all. */
const NO_SCHEME = {};
const HEADERS_SIGNED = { agentId: [], timestamp: [], nonce: [], signature: [] };

const SECURITY: Record<RouteDescription['auth'], Record<string, string[]>[]> = {
  open: [],
  signed: [NO_SCHEME, HEADERS_SIGNED],
  'signed-optional': [NO_SCHEME, HEADERS_SIGNED, { gitToken: [] }, { basicToken: [] }],
  admin: [{ adminSession: [] }],
};

/** The routes of one address, told apart by the type of the request; the first one names the operation. */
export type Forms = [RouteDescription, ...RouteDescription[]];

/** @param path the path itself or one of its aliases; only the path itself keeps the operationId */
export function operation(forms: Forms, path: string): Operation {
  const [route] = forms;
  const isAlias = path !== route.path;
  const actions = unique(forms.flatMap((form) => form.actions ?? []));
  return {
    operationId: isAlias ? `${route.operationId}__${(route.aliases ?? []).indexOf(path) + 1}` : route.operationId,
    tags: [route.tag],
    summary: route.summary,
    description: describe(forms, isAlias),
    parameters: [...pathParameters(path), ...queryParameters(route)],
    ...requestBodies(forms),
    responses: responses(forms),
    security: unique(forms.flatMap(({ auth }) => SECURITY[auth])),
    'x-auth': route.auth,
    ...(actions.length === 0 ? {} : { 'x-actions': actions }),
    ...(route.role === undefined ? {} : { 'x-role': route.role }),
  };
}

function unique<T>(values: T[]): T[] {
  return [...new Set(values)];
}

const AUTH_WORDS: Record<RouteDescription['auth'], string> = {
  open: 'Open to everybody.',
  signed: 'Must be signed.',
  'signed-optional': 'Open for public repositories; private ones exist only for signers who may read them.',
  admin: 'Needs the session of an operator.',
};

function describe(forms: Forms, isAlias: boolean): string {
  const [route, ...others] = forms;
  const words = [describeOne(route)];
  for (const other of others) {
    words.push(`As \`${other.requestType ?? JSON_BODY}\`: ${other.summary}. ${describeOne(other)}`);
  }
  if (isAlias) words.push(`The same as \`${route.path}\`.`);
  return words.join(' ');
}

function describeOne({ auth, actions, role }: RouteDescription): string {
  const words = [AUTH_WORDS[auth]];
  if (actions !== undefined) words.push(`Action: ${actions.map((action) => `\`${action}\``).join(' or ')}.`);
  if (role === 'author') words.push('Needs the role `write`, or to be the author.');
  else if (role !== undefined) words.push(`Needs the role \`${role}\`.`);
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

const JSON_BODY = 'application/json';

/** The bodies of all forms, by their types. */
function requestBodies(forms: Forms): { requestBody?: Part } {
  const bodies = forms.map((form) => requestBody(form).requestBody).filter((body) => body !== undefined);
  if (bodies.length === 0) return {};
  const content: Part = Object.assign({}, ...bodies.map((body) => body.content));
  return { requestBody: { ...bodies[0], content } };
}

function requestBody(route: RouteDescription): { requestBody?: Part } {
  if (route.requestType !== undefined) return { requestBody: { required: true, content: { [route.requestType]: {} } } };
  if (route.auth === 'signed') return { requestBody: signedRequestBody(route) };
  if (route.body === undefined) return {};
  const schema = inputSchema(route.body);
  const content = { 'application/json': { schema, example: sample(schema) } };
  return { requestBody: { required: true, content } };
}

function responses(forms: Forms): Record<string, Part> {
  const byStatus = new Map<number, string[]>();
  for (const code of unique(forms.flatMap(errorsOf))) {
    byStatus.set(statusOf(code), [...(byStatus.get(statusOf(code)) ?? []), code]);
  }
  const refusals = [...byStatus].sort(([a], [b]) => a - b);
  return {
    ...successes(forms),
    ...Object.fromEntries(refusals.map(([status, codes]) => [String(status), refusal(status, codes)])),
  };
}

/** What each form answers, together where the status is the same. */
function successes(forms: Forms): Record<string, Part> {
  const found: Record<string, Part> = {};
  for (const form of forms) {
    const { headers: sent, content, ...rest } = success(form);
    const known = found[form.status];
    const all = { ...(known?.headers as Part | undefined), ...(sent as Part | undefined) };
    found[form.status] = {
      ...rest,
      ...(Object.keys(all).length === 0 ? {} : { headers: all }),
      content: { ...(known?.content as Part | undefined), ...(content as Part) },
    };
  }
  return found;
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
