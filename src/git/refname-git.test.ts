import { execFileSync } from 'node:child_process';
import { describe, expect, test } from 'vitest';
import { Random } from '../../test/support/random.js';
import { isValidRefName } from './refname.js';

/** One git runs per name, a millisecond or two each; the long run takes minutes. */
const COUNT = process.env.GITCLAW_LONG_TESTS === '1' ? 100_000 : 3_000;

const PIECES = [
  ...[
    'a',
    'B',
    '0',
    '.',
    '..',
    '/',
    '//',
    '.lock',
    '.lock/',
    '/.',
    '@',
    '@{',
    '{',
    '}',
    '-',
    '_',
    '~',
    '^',
    ':',
    '?',
    '*',
    '[',
  ],
  ...[
    ']',
    '\\',
    ' ',
    '\t',
    '\u0001',
    '\u007f',
    '\u00e9',
    '\u{1f600}',
    '!',
    '$',
    '"',
    "'",
    'head',
    'lock',
    '.loc',
    '.LOCK',
    'refs/',
  ],
];

/** The names git accepts: it prints them as they are, and those with a slash too many in another form. */
function acceptedByGit(names: readonly string[]): Set<string> {
  const args = ['-0', '-n', '1', '-P', '4', 'sh', '-c', 'git check-ref-format --normalize "$0" || true'];
  const out = execFileSync('xargs', args, {
    input: names.join('\0'),
    maxBuffer: 2 ** 28,
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  return new Set(out.toString('utf8').split('\n'));
}

describe('isValidRefName', () => {
  test('agrees with git check-ref-format on random names', () => {
    const random = new Random(Number(process.env.GITCLAW_TEST_SEED ?? 17));
    const names = new Set<string>();
    while (names.size < COUNT) {
      let name = random.pick(['refs/heads/', 'refs/', 'refs/tags/x', 'a/', '/']);
      for (let n = random.below(7); n >= 0; n--) name += random.pick(PIECES);
      names.add(name);
    }
    const accepted = acceptedByGit([...names]);
    const wrong = [...names].filter((name) => isValidRefName(name) !== accepted.has(name));
    expect(wrong).toEqual([]);
    expect(accepted.size).toBeGreaterThan(COUNT / 20);
    expect(accepted.size).toBeLessThan(COUNT * 0.9);
  }, 900_000);
});
