import { spawnSync } from 'node:child_process';
import { describe, expect, test } from 'vitest';
import { isPushableRef, isValidRefName, MAX_REF_NAME_BYTES } from './refname.js';

/** The names that `git check-ref-format` accepts; asked in one shell, since a process per name would take minutes. */
function acceptedByGit(names: string[]): Set<string> {
  const script = 'for name in "$@"; do git check-ref-format "$name" && printf "%s\\n" "$name"; done; true';
  const accepted = new Set<string>();
  for (let at = 0; at < names.length; at += 500) {
    const run = spawnSync('bash', ['-c', script, 'bash', ...names.slice(at, at + 500)]);
    expect(run.status).toBe(0);
    for (const name of run.stdout.toString().split('\n')) accepted.add(name);
  }
  accepted.delete('');
  return accepted;
}

const TABLE = [
  'refs/heads/main',
  'refs/heads/a/b/c',
  'heads/main',
  'main',
  '',
  '/',
  '@',
  'a/@',
  'refs/heads/@',
  'refs/heads/a@{b',
  'refs/heads/a@b',
  'refs/heads/.a',
  'refs/.heads/a',
  'refs/heads/a.',
  'refs/heads/a./b',
  'refs/heads/a..b',
  'refs/heads/a.lock',
  'refs/heads/a.lock/b',
  'refs/heads/.lock',
  'refs/heads/alock',
  'refs/heads/a.LOCK',
  'refs//heads',
  '/refs/heads',
  'refs/heads/',
  'refs/heads/a b',
  'refs/heads/a~b',
  'refs/heads/a^b',
  'refs/heads/a:b',
  'refs/heads/a?b',
  'refs/heads/a*b',
  'refs/heads/a[b',
  'refs/heads/a]b',
  'refs/heads/a\\b',
  'refs/heads/a\x7fb',
  'refs/heads/a\x01b',
  'refs/heads/a\tb',
  'refs/heads/ä',
  'refs/heads/日本',
  'refs/heads/\u0085',
  'refs/heads/\u200c',
  '-a/b',
  'refs/heads/-a',
  'refs/heads/a{b',
  'refs/heads/{',
  'HEAD',
  'refs/HEAD',
  "refs/heads/a'b",
  'refs/heads/a"b',
  'refs/heads/$(x)',
  'refs/heads/a\nb',
  'a/b',
  './a',
  'a/..',
  'a/.b',
  'a/b.',
  '@/a',
  '@{/a',
  'a/b.lock.',
  'x/y.lockz',
];

function randomNames(count: number): string[] {
  let seed = 20_240_229;
  const random = (below: number) => {
    seed = (Math.imul(seed, 1103515245) + 12345) & 0x7fffffff;
    return (seed >>> 8) % below;
  };
  const pieces = [
    'a',
    'b',
    '/',
    '/',
    '.',
    '.',
    '@',
    '{',
    '.lock',
    'lock',
    '-',
    '~',
    '^',
    ':',
    '?',
    '*',
    '[',
    ' ',
    '\\',
    '\x7f',
    '\x1f',
    'é',
    '日',
    'refs/',
    'heads/',
    '😀',
  ];
  return Array.from({ length: count }, () => {
    const length = random(7) + 1;
    const prefix = random(2) === 0 ? 'refs/heads/a' : '';
    return prefix + Array.from({ length }, () => pieces[random(random(3) === 0 ? pieces.length : 6)]!).join('');
  });
}

describe('isValidRefName', () => {
  // A first "-" would be read as an option by the command, not as a name.
  const names = [...TABLE, ...randomNames(2_500)].filter((name) => !name.startsWith('-') && !name.includes('\n'));

  test(`agrees with git check-ref-format on ${names.length} names`, () => {
    const accepted = acceptedByGit(names);
    const differing = names.filter((name) => isValidRefName(name) !== accepted.has(name));
    expect(differing).toEqual([]);
    expect(names.filter((name) => accepted.has(name)).length).toBeGreaterThan(200);
    expect(names.filter((name) => !accepted.has(name)).length).toBeGreaterThan(200);
  });

  test('judges what a command line cannot carry', () => {
    expect(isValidRefName('refs/heads/a\nb')).toBe(false);
    expect(isValidRefName('refs/heads/a\0b')).toBe(false);
    expect(isValidRefName('-a/b')).toBe(true);
  });
});

describe('isPushableRef', () => {
  test.each([
    ['refs/heads/main', true],
    ['refs/tags/v1', true],
    ['refs/notes/commits', true],
    ['refs/heads', false],
    ['refs/heads/', false],
    ['refs/stash', false],
    ['HEAD', false],
    ['heads/main/x', false],
    ['refs/pull/1/head', false],
    ['refs/pull/x', false],
    ['refs/pulls/x', true],
    ['refs/heads/\ud800', false],
    ['refs/heads/😀', true],
  ])('%j: %s', (name, expected) => {
    expect(isPushableRef(name)).toBe(expected);
  });

  test('limits the length in bytes, not characters', () => {
    const room = MAX_REF_NAME_BYTES - 'refs/heads/'.length;
    expect(isPushableRef(`refs/heads/${'a'.repeat(room)}`)).toBe(true);
    expect(isPushableRef(`refs/heads/${'a'.repeat(room + 1)}`)).toBe(false);
    expect(isPushableRef(`refs/heads/${'é'.repeat(room / 2)}`)).toBe(true);
    expect(isPushableRef(`refs/heads/${'é'.repeat(room / 2 + 1)}`)).toBe(false);
  });
});
