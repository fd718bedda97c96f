import { describe, expect, it } from 'vitest';
import { repositoryOfPath, wholeSeconds } from './git-token.js';

describe('repositoryOfPath', () => {
  it.each([
    ['ada/demo.git', 'ada/demo'],
    ['/ada/demo', 'ada/demo'],
    ['/ada/demo.git/', 'ada/demo'],
    ['v1/repos/id-1', 'id-1'],
    ['v1/repos/id-1.git', 'id-1'],
    ['/v1/repos/id-1/clone', 'id-1'],
    ['v1/repos', undefined],
    ['v1/repos/id-1/other', undefined],
    ['v1/repos/id-1/clone/more', undefined],
    ['ada', undefined],
    ['ada/.git', undefined],
    ['ada/demo/more', undefined],
    ['', undefined],
  ])('%s -> %s', (path, repo) => {
    expect(repositoryOfPath(path)).toBe(repo);
  });
});

it('signs whole seconds', () => {
  expect(wholeSeconds(new Date('2026-01-15T10:30:00.987Z'))).toBe('2026-01-15T10:30:00Z');
});
