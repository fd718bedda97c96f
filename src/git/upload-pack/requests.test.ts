import { describe, expect, test } from 'vitest';
import { DELIM, FLUSH, ProtocolError, pktLine, RESPONSE_END } from '../pktline/index.js';
import {
  bundleUriAnswer,
  MAX_HAVES,
  parseV0Request,
  parseV2Request,
  unsupportedFeature,
  usesShallow,
} from './index.js';

const A = 'a'.repeat(40);
const B = 'b'.repeat(40);
const body = (...lines: (string | Buffer)[]) =>
  Buffer.concat(lines.map((line) => (typeof line === 'string' ? pktLine(line) : line)));
const fetch = (...args: string[]) => body('command=fetch', DELIM, ...args, FLUSH);

describe('version 2 bundle-uri', () => {
  test('takes no arguments, with or without a delimiter', () => {
    expect(parseV2Request(body('command=bundle-uri', 'agent=git/2', FLUSH))).toEqual({
      command: 'bundle-uri',
      agent: 'git/2',
    });
    expect(parseV2Request(body('command=bundle-uri', DELIM, FLUSH))).toEqual({ command: 'bundle-uri' });
    expect(() => parseV2Request(body('command=bundle-uri', DELIM, 'x', FLUSH))).toThrow("unexpected argument: 'x'");
  });

  test('is answered with a list in the words of the configuration', () => {
    expect(bundleUriAnswer([])).toEqual(FLUSH);
    const lines = ['bundle.version=1', 'bundle.mode=any', 'bundle.a-1.uri=https://x/y?z=1', FLUSH];
    expect(bundleUriAnswer([{ id: 'a-1', url: 'https://x/y?z=1' }])).toEqual(body(...lines));
  });
});

describe('version 2 fetch', () => {
  test('every argument is parsed', () => {
    const parsed = parseV2Request(
      fetch(
        `want ${A}\n`,
        `want ${A}`,
        `want ${B}`,
        `have ${B}`,
        'done',
        'thin-pack',
        'no-progress',
        'include-tag',
        'ofs-delta',
        `shallow ${A}`,
        'deepen-since 5',
        'deepen-not refs/heads/x',
        'deepen-relative',
        'filter blob:none',
        'want-ref refs/heads/y',
        'sideband-all',
        'packfile-uris https,http',
        'wait-for-done',
      ),
    );
    expect(parsed).toEqual({
      command: 'fetch',
      args: {
        ...{
          wants: [A, B],
          haves: [B],
          done: true,
          thinPack: true,
          noProgress: true,
          includeTag: true,
          ofsDelta: true,
        },
        ...{ shallow: [A], deepen: 0, deepenSince: 5, deepenNot: ['refs/heads/x'], deepenRelative: true },
        ...{ filter: 'blob:none', wantRefs: ['refs/heads/y'], sidebandAll: true, waitForDone: true },
        packfileUris: ['https', 'http'],
      },
    });
  });

  test.each<[string, Parameters<typeof unsupportedFeature>[1], string | undefined]>([
    [`want ${A}`, [], undefined],
    ['deepen 1', [], 'shallow'],
    ['deepen 1', ['shallow'], undefined],
    ['filter tree:0', ['shallow'], 'filter'],
    ['want-ref refs/heads/x', [], 'ref-in-want'],
    ['sideband-all', [], 'sideband-all'],
    ['packfile-uris https', [], 'packfile-uris'],
    ['wait-for-done', [], 'wait-for-done'],
  ])('%s with %j supported: refused is %s', (line, supported, expected) => {
    const parsed = parseV2Request(fetch(line));
    if (parsed?.command !== 'fetch') throw new Error('not fetch');
    expect(unsupportedFeature(parsed.args, supported)).toBe(expected);
    expect(usesShallow(parsed.args)).toBe(line.startsWith('deepen'));
  });

  test.each([
    [fetch('wants'), "unexpected line: 'wants'"],
    [fetch(`want ${A.slice(1)}`), 'protocol error'],
    [fetch(`want ${A.toUpperCase()}`), 'protocol error'],
    [fetch(`have ${A}x`), 'protocol error'],
    [fetch('deepen 0'), 'Invalid deepen'],
    [fetch('deepen 1x'), 'Invalid deepen'],
    [fetch('deepen 1', 'deepen-since 3'), 'cannot be used together'],
    [fetch('filter a', 'filter b'), 'cannot be combined'],
    [body('command=fetch', 'command=ls-refs', FLUSH), 'already requesting'],
    [body('command=push', FLUSH), "invalid command 'push'"],
    [body('command', FLUSH), "invalid command ''"],
    [body('agent=x', FLUSH), 'no command requested'],
    [body(DELIM, FLUSH), 'no command requested'],
    [body('command=fetch', 'push-options=1', FLUSH), "unknown capability 'push-options=1'"],
    [body('command=fetch', 'object-format=sha256', FLUSH), 'mismatched object format'],
    [body('command=ls-refs', DELIM, 'peeled', FLUSH), "unexpected line: 'peeled'"],
    [body('command=fetch', DELIM, DELIM, FLUSH), 'expected flush'],
    [body('command=fetch', DELIM, 'done'), 'expected flush'],
    [body('command=fetch', RESPONSE_END), 'response end'],
    [body('command=ls-refs', DELIM, Buffer.from('0006\xff\xfe', 'latin1'), FLUSH), 'not UTF-8'],
    [Buffer.from('0009x'), 'hung up'],
    [Buffer.from('GET / HTTP/1.1'), 'bad line length'],
  ])('wrong request %#: %s', (bytes, message) => {
    expect(() => parseV2Request(bytes)).toThrow(ProtocolError);
    expect(() => parseV2Request(bytes)).toThrow(message);
  });

  test('nothing asked, nothing answered', () => {
    expect(parseV2Request(Buffer.alloc(0))).toBeUndefined();
    expect(parseV2Request(FLUSH)).toBeUndefined();
  });
});

describe('version 0', () => {
  test('wants, capabilities, depth and groups of haves', () => {
    const request = parseV0Request(
      body(
        `want ${A} multi_ack_detailed filter agent=git/2 deepen-relative\n`,
        `want ${B}\n`,
        `shallow ${B}`,
        'deepen 3',
        'filter blob:none',
        FLUSH,
        `have ${A}\n`,
        FLUSH,
        `have ${B}\n`,
        'done\n',
      ),
    );
    expect(request).toMatchObject({
      wants: [A, B],
      haveGroups: [[A], [B]],
      done: true,
      shallow: [B],
      deepen: 3,
      deepenRelative: true,
      filter: 'blob:none',
    });
    expect(request.capabilities.get('agent')).toBe('git/2');
    expect(request.capabilities.get('multi_ack_detailed')).toBe(true);
    expect(unsupportedFeature(request, [])).toBe('shallow');
  });

  test.each([
    [Buffer.alloc(0), 'hung up'],
    [body(`want ${A}`), 'hung up'],
    [body(`want ${A}`, FLUSH, `have ${A}`), 'hung up'],
    [body(`want ${A}x`, FLUSH), 'expected to get object ID'],
    [body('want', FLUSH), 'expected to get object ID'],
    [body(`have ${A}`, FLUSH), 'expected to get object ID'],
    [body(`want ${A}`, FLUSH, 'what'), 'expected SHA1 list'],
    [body(`want ${A}`, FLUSH, 'have x', FLUSH), 'protocol error'],
    [body(`want ${A}`, 'filter blob:none', FLUSH, 'done'), 'not negotiated'],
    [body(`want ${A}`, DELIM), 'unexpected delim'],
  ])('wrong request %#: %s', (bytes, message) => {
    expect(() => parseV0Request(bytes)).toThrow(ProtocolError);
    expect(() => parseV0Request(bytes)).toThrow(message);
  });

  test('haves are bounded', () => {
    const have = pktLine(`have ${A}`);
    const many = Buffer.concat(Array.from({ length: MAX_HAVES + 1 }, () => have));
    expect(() => parseV0Request(body(`want ${A}`, FLUSH, many, 'done'))).toThrow('haves');
    expect(() => parseV2Request(body('command=fetch', DELIM, many, FLUSH))).toThrow('haves');
  });
});
