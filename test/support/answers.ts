/** Holds every JSON answer that a test gets against what the description of its route promises. */
import { isDeepStrictEqual } from 'node:util';
import { z } from 'zod';
import { AppError, ERROR_CODES, type ErrorCode } from '../../src/errors.js';
import { api } from '../../src/http/index.js';
import { errorsOf, statusOf } from '../../src/http/openapi/index.js';
import type { RouteDescription } from '../../src/routing/index.js';

export interface JsonAnswer {
  status: number;
  json: unknown;
}

const meta = z.strictObject({ requestId: z.uuid() });
const errorBody = z.strictObject({
  error: z.strictObject({
    code: z.enum(ERROR_CODES),
    message: z.string().min(1),
    details: z.record(z.string(), z.unknown()).optional(),
  }),
  meta,
});

/** Codes of addresses and methods that no route has, and of bodies that are refused before a route is asked. */
const UNROUTED: ErrorCode[] = ['NOT_FOUND', 'METHOD_NOT_ALLOWED', 'VALIDATION_ERROR', 'SERVER_BUSY', 'INTERNAL_ERROR'];

const JSON_TYPE = 'application/json';

interface Matcher {
  pattern: RegExp;
  /** Literal segments; the address with more of them is the more special one. */
  literals: number;
  method: string;
  route: RouteDescription;
}

const matchers: Matcher[] = api
  .flatMap((route) =>
    [route.path, ...(route.aliases ?? [])].map((path) => ({ ...compile(path), method: route.method, route })),
  )
  .sort((a, b) => b.literals - a.literals);

/** The description of the route that a request goes to, undefined when none has one. */
export function describedRoute(method: string, path: string, requestType?: string): RouteDescription | undefined {
  return match(method, path, requestType)?.route;
}

/**
 * @param path with or without query
 * @param requestType type of the request body, which chooses where an address has several routes
 * @throws Error that says what the answer has and the description has not
 */
export function checkAnswer(
  method: string,
  path: string,
  { status, json }: JsonAnswer,
  requestType: string = JSON_TYPE,
): void {
  if (json === undefined || method === 'HEAD' || method === 'OPTIONS') return;
  const found = match(method, path, requestType);
  const where = `${method} ${path} answered ${status}`;
  if (found?.route.bare && isPromised(found.route.data, json)) return;
  if (status >= 400) {
    checkError(where, found, status, json);
    return;
  }
  if (found === undefined) throw new Error(`${where}, and no description has this route`);
  const { route } = found;
  if (status !== route.status) throw new Error(`${where}; ${route.operationId} promises ${route.status}`);
  if (route.bare) throw new Error(`${where}: ${difference(route.data, json)}`);
  const envelope = z.strictObject({ data: z.unknown(), meta }).safeParse(json);
  if (!envelope.success) throw new Error(`${where} outside the envelope: ${z.prettifyError(envelope.error)}`);
  if (isPromised(route.data, envelope.data.data)) return;
  throw new Error(`${where}; data of ${route.operationId}: ${difference(route.data, envelope.data.data)}`);
}

function checkError(where: string, found: Matcher | undefined, status: number, json: unknown): void {
  const parsed = errorBody.safeParse(json);
  if (!parsed.success) throw new Error(`${where}, not an error of ours: ${z.prettifyError(parsed.error)}`);
  const { code } = parsed.data.error;
  // 413 shares the code of 400.
  const own: ErrorCode = status === 413 ? 'PAYLOAD_TOO_LARGE' : code;
  if (statusOf(own) !== status) throw new Error(`${where} with ${code}, which is ${new AppError(own).status}`);
  const declared = found === undefined ? UNROUTED : errorsOf(found.route);
  if (declared.includes(own)) return;
  throw new Error(`${where} with ${own}, which ${found?.route.operationId ?? 'an unknown address'} does not declare`);
}

/** Parsing drops keys that the schema does not know, so what is promised comes out as it went in. */
function isPromised(schema: z.ZodType, value: unknown): boolean {
  const parsed = schema.safeParse(value);
  return parsed.success && isDeepStrictEqual(parsed.data, value);
}

function difference(schema: z.ZodType, value: unknown): string {
  const parsed = schema.safeParse(value);
  if (!parsed.success) return z.prettifyError(parsed.error);
  return `has more than is described: ${JSON.stringify(value)} instead of ${JSON.stringify(parsed.data)}`;
}

function match(method: string, path: string, requestType: string = JSON_TYPE): Matcher | undefined {
  const asked = withoutDots(path.split('?')[0] ?? '').replace(/%3A/gi, ':');
  const found = matchers.filter((each) => each.method === method.toLowerCase() && each.pattern.test(asked));
  const [first] = found;
  const forms = found.filter((each) => each.pattern.source === first?.pattern.source);
  return forms.find(({ route }) => (route.requestType ?? JSON_TYPE) === requestType.split(';')[0]?.trim()) ?? first;
}

/** The server reads an address as a URL, where `..` leads elsewhere (RFC 3986 section 5.2.4). */
function withoutDots(path: string): string {
  return /\/(?:\.|%2e){1,2}(?:\/|$)/i.test(path) ? new URL(path, 'http://host').pathname : path;
}

function compile(path: string): { pattern: RegExp; literals: number } {
  const segments = path.split('/').slice(1);
  const source = segments.map((segment) =>
    segment
      .split(/(\{\w+\})/)
      .map(parameterOrText)
      .join(''),
  );
  return {
    pattern: new RegExp(`^/${source.join('/')}$`),
    literals: segments.filter((each) => !each.includes('{')).length,
  };
}

function parameterOrText(part: string): string {
  if (part === '{path}' || part === '{pattern}') return '.+';
  return part.startsWith('{') ? '[^/]+' : part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}
