import { describe, expect, it } from 'vitest';
import { readConfig } from '../config.js';
import { isOwnAudience, namesRepo } from './git-target.js';

const own = (audience: string, env: Record<string, string>) => isOwnAudience(audience, readConfig(env));

describe('isOwnAudience', () => {
  it.each([
    ['127.0.0.1:8080', {}, true],
    ['localhost:8080', {}, true],
    ['LOCALHOST:8080', {}, true],
    ['[::1]:8080', {}, true],
    ['localhost', {}, false],
    ['localhost:8081', {}, false],
    ['localhost:9000', { PORT: '9000' }, true],
    ['localhost', { PORT: '80' }, true],
    ['10.0.0.5:8080', { HOST: '10.0.0.5' }, true],
    ['[fd00::5]:8080', { HOST: 'fd00::5' }, true],
    ['0.0.0.0:8080', { HOST: '0.0.0.0' }, false],
    ['[::]:8080', { HOST: '::' }, false],
    ['', {}, false],
    ['git.example', { PUBLIC_URL: 'https://git.example' }, true],
    ['git.example:443', { PUBLIC_URL: 'https://git.example/base/' }, true],
    ['git.example:80', { PUBLIC_URL: 'https://git.example' }, false],
    ['git.example:80', { PUBLIC_URL: 'http://Git.Example' }, true],
    ['git.example:8443', { PUBLIC_URL: 'https://git.example:8443' }, true],
    ['git.example', { PUBLIC_URL: 'https://git.example:8443' }, false],
    ['localhost:8080', { PUBLIC_URL: 'https://git.example' }, false],
    ['evil.example', { PUBLIC_URL: 'https://git.example' }, false],
    ['inner:3000', { PUBLIC_URL: 'https://git.example', ALLOWED_HOSTS: 'inner:3000, alias' }, true],
    ['alias', { ALLOWED_HOSTS: 'inner:3000, alias' }, true],
    ['alias:443', { ALLOWED_HOSTS: 'inner:3000, alias' }, true],
    ['inner', { ALLOWED_HOSTS: 'inner:3000, alias' }, false],
    ['[fd00::5]', { ALLOWED_HOSTS: '[fd00::5]' }, true],
  ])('%s with %j: %s', (audience, env, expected) => {
    expect(own(audience, env)).toBe(expected);
  });
});

describe('namesRepo', () => {
  const repo = { repoId: 'r1', ownerName: 'o', ownerId: 'a1', name: 'n' };
  it.each(['r1', 'o/n', 'a1/n', '/o/n.git', 'o/n.git'])('%s', (text) => {
    expect(namesRepo(text, repo)).toBe(true);
  });
  it.each(['', 'r2', 'o', 'o/m', 'O/n', 'o/n/', '../o/n', 'undefined/n', 'o/undefined'])('not %j', (text) => {
    expect(namesRepo(text, repo)).toBe(false);
    expect(namesRepo(text, { ownerName: 'o' })).toBe(false);
  });
});
