/** Ways to damage a good signed request so that it must be refused. */
import { randomUUID } from 'node:crypto';
import type { JsonObject } from '../../src/signing/index.js';
import type { Random } from '../support/random.js';

/** A request as it would be sent: nested JSON. */
export interface Damaged {
  body: string | Buffer;
  path: string;
  headers?: Record<string, string>;
}

type Mutate = (envelope: JsonObject, path: string, random: Random) => Damaged;

const ODD_VALUES: unknown[] = [
  null,
  true,
  0,
  -1,
  1e308,
  '',
  ' ',
  '\u0000',
  'x'.repeat(70_000),
  [],
  {},
  [[]],
  { a: {} },
  '🦀',
  "'; --",
];
const FIELDS = ['agentId', 'action', 'timestamp', 'nonce', 'signature'] as const;

const json = (envelope: unknown, path: string): Damaged => ({ body: JSON.stringify(envelope), path });

function odd(random: Random, than: unknown): unknown {
  const value = random.pick(ODD_VALUES);
  return JSON.stringify(value) === JSON.stringify(than) ? 'different' : value;
}

function bodyOf(envelope: JsonObject): JsonObject {
  return envelope.body as JsonObject;
}

/** Each one breaks the signature, the form of the envelope, or the JSON itself. */
export const MUTATIONS: Record<string, Mutate> = {
  'an envelope field has another value': (envelope, path, random) => {
    const field = random.pick(FIELDS);
    return json({ ...envelope, [field]: odd(random, envelope[field]) }, path);
  },
  'an envelope field is gone': (envelope, path, random) => {
    const { [random.pick(FIELDS)]: _gone, ...rest } = envelope;
    return json(rest, path);
  },
  'the signature has another bit': (envelope, path, random) => {
    const bytes = Buffer.from(String(envelope.signature), 'base64');
    const at = random.below(bytes.length);
    bytes[at] = (bytes[at] ?? 0) ^ (1 << random.below(8));
    return json({ ...envelope, signature: bytes.toString('base64') }, path);
  },
  'another nonce': (envelope, path) => {
    const { nonceHash: _hash, ...rest } = envelope;
    return json({ ...rest, nonce: randomUUID() }, path);
  },
  'a second later': (envelope, path) => {
    const time = new Date(Date.parse(String(envelope.timestamp)) + 1000);
    return json({ ...envelope, timestamp: `${time.toISOString().slice(0, 19)}Z` }, path);
  },
  'a wrong nonceHash': (envelope, path, random) => json({ ...envelope, nonceHash: odd(random, null) || 'x' }, path),
  'a field of the body has another value': (envelope, path, random) => {
    const body = bodyOf(envelope);
    const names = Object.keys(body);
    const name = names.length === 0 ? 'x' : random.pick(names);
    return json({ ...envelope, body: { ...body, [name]: odd(random, body[name]) } }, path);
  },
  'a field more in the body': (envelope, path, random) =>
    json({ ...envelope, body: { ...bodyOf(envelope), [random.words(1)]: odd(random, undefined) } }, path),
  'the body is no object': (envelope, path, random) =>
    json({ ...envelope, body: random.pick([null, 1, 'text', [], true]), signature: 'AAAA' }, path),
  'a repeated key': (envelope, path, random) => {
    const text = JSON.stringify(envelope);
    const field = random.pick(FIELDS);
    return { body: `${text.slice(0, -1)},${JSON.stringify(field)}:${JSON.stringify(envelope[field])}}`, path };
  },
  'a prototype': (envelope, path) => ({
    body: `{"__proto__":{"admin":true},${JSON.stringify(envelope).slice(1)}`,
    path,
  }),
  'cut off': (envelope, path, random) => {
    const text = JSON.stringify(envelope);
    return { body: text.slice(0, 1 + random.below(text.length - 2)), path };
  },
  'bytes that are no UTF-8': (envelope, path, random) => {
    const bytes = Buffer.from(JSON.stringify(envelope));
    bytes[random.below(bytes.length)] = 0xff;
    return { body: bytes, path };
  },
  'half a surrogate pair': (envelope, path) => ({
    body: JSON.stringify(envelope).replace(/"body":\{/, '"body":{"x":"\\ud800",'),
    path,
  }),
  nested: (envelope, path, random) => ({
    body: `${'{"a":'.repeat(1 + random.below(20_000))}${JSON.stringify(envelope)}`,
    path,
  }),
  noise: (_envelope, path, random) => ({ body: random.bytes(1 + random.below(300)), path }),
  'two proofs': (envelope, path) => ({
    ...json(envelope, path),
    headers: { 'x-agent-id': randomUUID(), 'x-signature': 'AAAA', 'x-nonce': randomUUID(), 'x-timestamp': 'now' },
  }),
};

/** Damage to the address; for requests that change nothing however they are answered. */
export function oddPath(path: string, random: Random): string {
  const segments = path.split('/');
  const at = segments.length - 1 - random.below(Math.min(2, segments.length - 1));
  segments[at] = random.pick([
    '%00',
    '..%2f..',
    '%zz',
    '%ff',
    'x'.repeat(3000),
    '%F0%9F%A6%80',
    "'",
    '%25',
    '-1',
    'NaN',
  ]);
  return segments.join('/');
}

/** A query of names that routes know and values that they do not. */
export function oddQuery(random: Random): string {
  const names = [
    'page',
    'perPage',
    'limit',
    'offset',
    'cursor',
    'search',
    'status',
    'window',
    'ref',
    'path',
    'from',
    'agent_id',
    'signature',
    'nonce',
  ];
  const values = [
    '',
    '-1',
    '1e9',
    'NaN',
    '%00',
    '%zz',
    'a%20b',
    '999999999999999999999',
    '%F0%9F%A6%80',
    '../..',
    'e30',
    '%5B%5D',
    "'",
  ];
  const pairs = Array.from({ length: 1 + random.below(3) }, () => `${random.pick(names)}=${random.pick(values)}`);
  return `?${pairs.join('&')}`;
}
