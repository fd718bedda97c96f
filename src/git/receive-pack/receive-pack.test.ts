import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { FLUSH, ProtocolError, pktLine } from '../pktline/index.js';
import { MAX_COMMANDS, MAX_PUSH_OPTIONS, ReceivePackParser, reportStatus } from './index.js';
import { MAX_SENT_NAME_BYTES } from './limits.js';

const A = 'a'.repeat(40);
const B = 'b'.repeat(40);
const ZERO = '0'.repeat(40);
const body = (...lines: (string | Buffer)[]) =>
  Buffer.concat(lines.map((line) => (typeof line === 'string' ? pktLine(line) : line)));
const parse = (bytes: Uint8Array, pushOptions = true) => {
  const parser = new ReceivePackParser({ pushOptions, certificates: true });
  parser.feed(bytes);
  parser.end();
  return parser;
};

describe('the start of a push', () => {
  const lists = body(
    `shallow ${B}\n`,
    `${ZERO} ${A} refs/heads/main\0 report-status-v2 push-options object-format=sha1 agent=git/2.39\n`,
    `${A} ${ZERO} refs/heads/ä\n`,
    FLUSH,
    'ci.skip\n',
    'reviewer=b',
    FLUSH,
  );
  const bytes = Buffer.concat([lists, Buffer.from('PACK0123')]);

  test('is parsed whatever the chunks', () => {
    for (let size = 1; size <= bytes.length; size++) {
      const parser = new ReceivePackParser({ pushOptions: true, certificates: false });
      const rest: Uint8Array[] = [];
      for (let at = 0; at < bytes.length; at += size) {
        const complete = parser.feed(bytes.subarray(at, at + size));
        expect(complete).toBe(at + size >= lists.length);
        rest.push(parser.rest());
      }
      parser.end();
      expect(parser.commands).toEqual([
        { oldOid: ZERO, newOid: A, refName: 'refs/heads/main' },
        { oldOid: A, newOid: ZERO, refName: 'refs/heads/ä' },
      ]);
      expect(parser.shallow).toEqual([B]);
      expect(parser.pushOptions).toEqual(['ci.skip', 'reviewer=b']);
      expect(parser.capabilities.get('agent')).toBe('git/2.39');
      expect(parser.capabilities.get('report-status-v2')).toBe(true);
      expect(Buffer.concat(rest).toString()).toBe('PACK0123');
    }
  });

  test('without the capability there is no option list', () => {
    expect(Buffer.from(parse(bytes, false).rest()).toString('latin1', 0, 11)).toBe('000cci.skip');
    const none = parse(body(`${ZERO} ${A} refs/heads/main\0report-status\n`, FLUSH, Buffer.from('PACK')));
    expect(Buffer.from(none.rest()).toString()).toBe('PACK');
  });

  test('a flush alone is a probe', () => {
    const probe = parse(FLUSH);
    expect([probe.complete, probe.commands.length, probe.rest().length]).toEqual([true, 0, 0]);
  });

  test('odd names are handed on, for a result of their own', () => {
    expect(parse(body(`${ZERO} ${A} refs/heads/a b\n`, FLUSH)).commands[0]!.refName).toBe('refs/heads/a b');
  });

  const line = (name: string) => `${ZERO} ${A} ${name}`;
  test.each([
    ['no id', body(`x ${A} refs/heads/a`, FLUSH), 'expected old/new/ref'],
    ['upper case', body(`${A.toUpperCase()} ${A} refs/heads/a`, FLUSH), 'expected old/new/ref'],
    ['no name', body(`${ZERO} ${A} `, FLUSH), 'expected old/new/ref'],
    ['no space', body(`${ZERO} ${A}refs/heads/a`, FLUSH), 'expected old/new/ref'],
    ['a name twice', body(line('refs/heads/a'), line('refs/heads/a'), FLUSH), 'multiple updates for ref'],
    ['long name', body(line('a'.repeat(MAX_SENT_NAME_BYTES + 1)), FLUSH), 'too long'],
    ['shallow', body('shallow x', FLUSH), 'expected shallow sha'],
    ['format', body(`${line('refs/heads/a')}\0object-format=sha256`, FLUSH), 'unsupported object format'],
    [
      'not UTF-8',
      body(Buffer.concat([Buffer.from('0058'), Buffer.from(line('a')), Buffer.of(0xff)]), FLUSH),
      'not UTF-8',
    ],
    ['delim', body(line('refs/heads/a'), Buffer.from('0001'), FLUSH), 'unexpected delim'],
    [
      'too many',
      body(...Array.from({ length: MAX_COMMANDS + 1 }, (_, i) => line(`refs/heads/${i}`)), FLUSH),
      'at most',
    ],
    [
      'options',
      body(`${line('a')}\0push-options`, FLUSH, ...Array.from({ length: MAX_PUSH_OPTIONS + 1 }, () => 'x'), FLUSH),
      'push options',
    ],
    [
      'long options',
      body(`${line('a')}\0push-options`, FLUSH, ...Array.from({ length: 5 }, () => 'x'.repeat(60_000)), FLUSH),
      'push options',
    ],
    ['cut off', body(line('refs/heads/a')), 'hung up'],
    ['garbage', Buffer.from('POST / HTTP/1.1'), 'bad line length'],
  ])('%s is refused', (_name, bytes, message) => {
    expect(() => parse(bytes)).toThrow(ProtocolError);
    expect(() => parse(bytes)).toThrow(message);
  });
});

describe('a push certificate', () => {
  const command = `${ZERO} ${A} refs/heads/main\n`;
  const head = ['certificate version 0.1\n', 'pusher key 1700000000 +0000\n'];
  const signature = ['-----BEGIN SSH SIGNATURE-----\n', 'U1NI\n', '-----END SSH SIGNATURE-----\n'];
  const signed = (lines: string[], after: (string | Buffer)[] = [FLUSH]) =>
    body('push-cert\0report-status push-options\n', ...lines, 'push-cert-end\n', ...after);
  const whole = [...head, 'pushee http://host/a/b\n', 'nonce 1-2\n', 'push-option a=b\n', '\n', command, ...signature];

  test('is taken apart whatever the chunks, and its updates are those of the push', () => {
    const bytes = Buffer.concat([signed(whole), body('a=b', FLUSH), Buffer.from('PACK')]);
    for (const size of [1, 7, bytes.length]) {
      const parser = new ReceivePackParser({ pushOptions: true, certificates: true });
      for (let at = 0; at < bytes.length; at += size) parser.feed(bytes.subarray(at, at + size));
      expect(parser.complete).toBe(true);
      expect(parser.commands).toEqual([{ oldOid: ZERO, newOid: A, refName: 'refs/heads/main' }]);
      expect(parser.pushOptions).toEqual(['a=b']);
      expect({ ...parser.certificate, signed: Buffer.from(parser.certificate!.signed).toString() }).toEqual({
        text: whole.join(''),
        signed: whole.slice(0, -3).join(''),
        signature: signature.join(''),
        pusher: 'key 1700000000 +0000',
        pushee: 'http://host/a/b',
        nonce: '1-2',
        pushOptions: ['a=b'],
        commands: parser.commands,
      });
    }
  });

  test('may have no signature, pushee or nonce; who judges it says so', () => {
    const { certificate } = parse(signed([...head, '\n', command], [FLUSH, FLUSH]));
    expect([certificate?.signature, certificate?.pushee, certificate?.nonce]).toEqual(['', undefined, undefined]);
  });

  test('is refused where it was not asked for', () => {
    const parser = new ReceivePackParser({ pushOptions: true, certificates: false });
    expect(() => parser.feed(signed(whole))).toThrow('takes no push certificates');
  });

  test.each([
    ['commands behind it', signed(whole, [command, FLUSH]), 'both push certificate and unsigned commands'],
    ['commands before it', body(`${command}\0report-status`, 'push-cert', FLUSH), 'both push certificate'],
    ['two of them', signed(whole, ['push-cert', FLUSH]), 'both push certificate'],
    ['a flush inside', body('push-cert\0report-status', ...whole, FLUSH), 'unexpected flush'],
    [
      'another version',
      signed(['certificate version 0.2\n', ...whole.slice(1)]),
      "must begin with 'certificate version",
    ],
    ['no pusher', signed([head[0]!, '\n', command]), 'names no pusher'],
    ['no blank line', signed([...head, ...signature]), 'blank line'],
    ['a header twice', signed([...head, head[1]!, '\n', command]), "two lines 'pusher'"],
    ['an unknown header', signed([...head, 'x y\n', '\n', command]), 'unknown header'],
    ['a ref twice', signed([...head, '\n', command, command]), 'multiple updates'],
    ['no command', signed([...head, '\n', 'hello\n']), 'expected old/new/ref'],
    ['no UTF-8', body('push-cert\0report-status', Buffer.from('0005ÿ', 'latin1'), 'push-cert-end\n'), 'not UTF-8'],
    [
      'too long',
      signed([...head, ...Array.from({ length: 20 }, () => `push-option ${'x'.repeat(60_000)}\n`)]),
      'at most 1048576 bytes; push fewer refs',
    ],
    ['cut off', body('push-cert\0report-status', ...whole), 'hung up'],
    ['an option with a control character', signed(whole, [FLUSH, 'a\tb', FLUSH]), 'control character'],
  ])('%s', (_name, bytes, message) => {
    expect(() => parse(bytes)).toThrow(ProtocolError);
    expect(() => parse(bytes)).toThrow(message);
  });
});

describe('report-status', () => {
  test('equals what git receive-pack writes', () => {
    const repo = mkdtempSync(join(tmpdir(), 'gitclaw-receive-'));
    const git = (args: string[], input: Uint8Array | string = '') =>
      execFileSync('git', args, { cwd: repo, stdio: 'pipe', input });
    git(['init', '-q', '--bare', '-b', 'main', '.']);
    const env = ['-c', 'user.name=A', '-c', 'user.email=a@b'];
    const tree = git(['mktree']).toString().trim();
    const oid = git([...env, 'commit-tree', '-m', 'x', tree])
      .toString()
      .trim();
    git(['update-ref', 'refs/heads/gone', oid]);
    const request = body(
      `${oid} ${ZERO} refs/heads/gone\0report-status\n`,
      `${ZERO} ${oid} refs/heads/bad..name\n`,
      FLUSH,
    );
    const pack = git(['pack-objects', '--stdout', '-q'], `${oid}\n${tree}\n`);
    const theirs = git(['receive-pack', '--stateless-rpc', '.'], Buffer.concat([request, pack]));
    const results = parse(request).commands.map(({ refName }) =>
      refName.includes('..')
        ? { refName, ok: false as const, reason: 'funny refname' }
        : { refName, ok: true as const },
    );
    expect(reportStatus({ unpack: 'ok', results }, 1)).toEqual(theirs);
    rmSync(repo, { recursive: true, force: true });
  });

  test('version 2 has options, version 1 has not', () => {
    const options = { refName: 'refs/heads/z', oldOid: A, newOid: B, forcedUpdate: true };
    const report = { unpack: 'ok', results: [{ refName: 'refs/heads/a', ok: true as const, options }] };
    expect(reportStatus(report, 2)).toEqual(
      body(
        'unpack ok\n',
        'ok refs/heads/a\n',
        'option refname refs/heads/z\n',
        `option old-oid ${A}\n`,
        `option new-oid ${B}\n`,
        'option forced-update\n',
        FLUSH,
      ),
    );
    expect(reportStatus(report, 1)).toEqual(body('unpack ok\n', 'ok refs/heads/a\n', FLUSH));
  });

  test('nothing a client sent can break a line', () => {
    const results = [
      { refName: 'a\nok b', ok: false as const, reason: 'x\ny' },
      { refName: 'c', ok: false as const, reason: '' },
    ];
    expect(reportStatus({ unpack: 'bad\n', results }, 2)).toEqual(
      body('unpack bad?\n', 'ng a?ok b x?y\n', 'ng c failed\n', FLUSH),
    );
    const huge = reportStatus(
      { unpack: 'ok', results: [{ refName: 'n'.repeat(99_999), ok: false, reason: 'r'.repeat(99_999) }] },
      2,
    );
    expect(huge.length).toBeLessThan(6_000);
  });
});
