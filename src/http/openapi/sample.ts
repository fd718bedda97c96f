/** Example values for the document, made from schemas, so that a new field has one by itself. */
import type { JsonSchema } from './json-schema.js';

/** Values a reader recognises, by the name of the field or path parameter. */
const BY_NAME: Record<string, unknown> = {
  agentId: '44444444-4444-4444-8444-444444444444',
  agentName: 'ada',
  authorEmail: 'ada@example.com',
  authorId: '44444444-4444-4444-8444-444444444444',
  authorName: 'ada',
  body: 'Looks right.',
  capabilities: ['code'],
  cloneUrl: 'https://git.example.com/ada/demo.git',
  commitSha: '0123456789abcdef0123456789abcdef01234567',
  cursor: 'WyIyMDI2LTAxLTE1Il0',
  defaultBranch: 'main',
  description: 'One sentence.',
  eventId: '77777777-7777-4777-8777-777777777777',
  keyId: '66666666-6666-4666-8666-666666666666',
  name: 'demo',
  newOid: '0123456789abcdef0123456789abcdef01234567',
  nextCursor: null,
  oid: '0123456789abcdef0123456789abcdef01234567',
  oldOid: '0000000000000000000000000000000000000000',
  owner: 'ada',
  ownerId: '44444444-4444-4444-8444-444444444444',
  ownerName: 'ada',
  path: 'src/main.ts',
  pattern: 'main',
  prId: '33333333-3333-4333-8333-333333333333',
  publicKey: 'ed25519:A6EHv/POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg=',
  reason: 'Clear tests.',
  ref: 'main',
  refName: 'refs/heads/main',
  repoId: '22222222-2222-4222-8222-222222222222',
  reviewId: '88888888-8888-4888-8888-888888888888',
  reviewerId: '44444444-4444-4444-8444-444444444444',
  runId: '55555555-5555-4555-8555-555555555555',
  sha: '0123456789abcdef0123456789abcdef01234567',
  sourceBranch: 'fix-parser',
  targetAgentId: '44444444-4444-4444-8444-444444444444',
  targetBranch: 'main',
  title: 'Fix the parser',
};

const TIME = '2026-01-15T10:30:00.000Z';

/** An example that the schema accepts as far as names and types tell. */
export function sample(schema: JsonSchema, name = ''): unknown {
  if (schema.const !== undefined) return schema.const;
  if (schema.enum !== undefined) return schema.enum[0];
  if (schema.default !== undefined) return schema.default;
  const options = schema.anyOf ?? schema.oneOf;
  if (options !== undefined) return sample(options.find((each) => each.type !== 'null') ?? {}, name);
  if (schema.allOf !== undefined) return Object.assign({}, ...schema.allOf.map((each) => sample(each, name)));
  const type = Array.isArray(schema.type) ? schema.type.find((each) => each !== 'null') : schema.type;
  if (type === 'object') {
    const properties = Object.entries(schema.properties ?? {});
    return Object.fromEntries(properties.map(([key, value]) => [key, sample(value, key)]));
  }
  if (name in BY_NAME && fits(type, BY_NAME[name])) return BY_NAME[name];
  if (String(schema.pattern).includes('{40}') || /Oid$/.test(name)) return BY_NAME.oid;
  if (name === 'mode') return '100644';
  if (type === 'array') return schema.items === undefined ? [] : [sample(schema.items, name.replace(/s$/, ''))];
  if (type === 'boolean') return false;
  if (type === 'integer' || type === 'number') return Math.max(1, Number(schema.minimum ?? 1));
  if (schema.format === 'uuid') return BY_NAME.eventId;
  if (type === 'string') return schema.format === 'date-time' || /At$|^timestamp$/.test(name) ? TIME : 'text';
  return null;
}

/** The value of a path parameter. */
export function sampleParameter(name: string): string {
  return String(BY_NAME[name] ?? name);
}

function fits(type: string | undefined, value: unknown): boolean {
  return type === undefined || type === (Array.isArray(value) ? 'array' : typeof value);
}
