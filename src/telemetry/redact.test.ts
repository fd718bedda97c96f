import { describe, expect, it } from 'vitest';
import { readConfig } from '../config.js';
import { createLog, redactor } from './index.js';

describe('redactor', () => {
  const redact = redactor(['p@ss"word/1', 'AKIAEXAMPLEKEY', 'short']);

  it.each([
    ['a value, plain', 'key AKIAEXAMPLEKEY.', 'key [redacted].'],
    ['a value as JSON', JSON.stringify({ a: 'p@ss"word/1' }), '{"a":"[redacted]"}'],
    ['a value in a URL', '"/x?p%40ss%22word%2F1&y"', '"/x?[redacted]&y"'],
    ['the password of a URL', '"postgres://me:hunter2@db:5432/x"', '"postgres://me:[redacted]@db:5432/x"'],
    ['a header', '{"authorization":"Basic YWxpY2U6c2VjcmV0"}', '{"authorization":"[redacted]"}'],
    ['a header in a text', '"header GitClaw gct1.abc.def sent"', '"header GitClaw [redacted] sent"'],
    ['a member of JSON', '{"Signature":"MEUCIQ==","nonce":"n-1"}', '{"Signature":"[redacted]","nonce":"[redacted]"}'],
    ['JSON in JSON', JSON.stringify({ body: '{"secret":"abc"}' }), String.raw`{"body":"{\"secret\":\"[redacted]\"}"}`],
    [
      'a query',
      '"GET /v1/repos?signature=abc%3D&nonce=1 x"',
      '"GET /v1/repos?signature=[redacted]&nonce=[redacted] x"',
    ],
    ['a token', '"gct1.eyJh.sig_-x"', '"gct1.[redacted]"'],
    ['a webhook secret', '"whsec_AbC-_1"', '"whsec_[redacted]"'],
    [
      'parameters of SQL',
      String.raw`{"stack":"Failed query: x\nparams: a,b\n    at y"}`,
      String.raw`{"stack":"Failed query: x\nparams: [redacted]\n    at y"}`,
    ],
    [
      'a private key',
      String.raw`"-----BEGIN PRIVATE KEY-----\nMC4C\n-----END PRIVATE KEY-----"`,
      '"-----BEGIN PRIVATE KEY-----[redacted]-----END PRIVATE KEY-----"',
    ],
  ])('takes out %s', (_, line, expected) => {
    expect(redact(line)).toBe(expected);
  });

  it('leaves everything else alone, short secrets that could be any word included', () => {
    const line = '{"route":"/v1/repos/:repo/stars","agent":"a-1","ms":3,"msg":"a short request at http://host:80/a@b"}';
    expect(redact(line)).toBe(line);
  });

  it('leaves lines readable as JSON', () => {
    const nasty = { err: { stack: 'Failed query: x\nparams: "a","}\\\n    at y', note: 'Bearer abcdefghijkl"' }, n: 1 };
    expect(JSON.parse(redact(JSON.stringify(nasty)))).toMatchObject({ n: 1 });
  });
});

it('keeps the secrets of the configuration out of the log', () => {
  const lines: string[] = [];
  const config = readConfig({
    DATABASE_URL: 'postgres://u:se%23cret-db@127.0.0.1/x',
    S3_BUCKET: 'bucket',
    S3_ACCESS_KEY_ID: 'the-access-key',
    S3_SECRET_ACCESS_KEY: 'the/secret+key',
    ADMIN_USERNAME: 'op',
    ADMIN_PASSWORD_HASH: 'ab'.repeat(32),
  });
  const log = createLog(config, { write: (line) => lines.push(line) });
  log.warn({ err: new Error('se#cret-db', { cause: new Error('se%23cret-db') }), s3: config.s3 }, config.DATABASE_URL);
  log.info({ hash: config.ADMIN_PASSWORD_HASH }, 'the/secret+key');
  log.debug('not at this level');
  expect(lines.map((line) => JSON.parse(line).level)).toEqual([40, 30]);
  expect(lines.join('')).not.toMatch(/cret-db|access-key|secret\+key|abab/);
});
