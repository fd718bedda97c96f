import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { matchesPattern } from './glob.js';
import { type ProtectionRule, type RefChange, refusal } from './protection.js';

describe('patterns', () => {
  it.each([
    ['main', 'main', true],
    ['main', 'Main', false],
    ['main', 'main2', false],
    ['release/*', 'release/1', true],
    ['release/*', 'release/1/a', false],
    ['release/*', 'release/', true],
    ['release/**', 'release/1/a', true],
    ['release/**', 'release', false],
    ['**', 'a/b/c', true],
    ['*', 'a/b', false],
    ['*/b', 'a/b', true],
    ['v*.*', 'v1.2', true],
    ['v*.*', 'v1', false],
    ['a.c', 'abc', false],
    ['größe-*', 'größe-\u{1f600}', true],
    ['***', 'a/b', true],
  ])('%s and %s: %s', (pattern, name, fits) => {
    expect(matchesPattern(pattern, name)).toBe(fits);
  });

  it('agree with the regular expression they stand for', () => {
    const part = fc.constantFrom('a', 'b', '/', '*', '**', '.');
    fc.assert(
      fc.property(fc.array(part, { maxLength: 6 }), fc.array(part, { maxLength: 8 }), (pattern, letters) => {
        const name = letters.join('').replaceAll('*', 'c');
        const source = pattern
          .join('')
          .replace(/[.]/g, '\\.')
          .replace(/\*\*+|\*/g, (stars) => (stars.length > 1 ? '.*' : '[^/]*'));
        expect(matchesPattern(pattern.join(''), name)).toBe(new RegExp(`^${source}$`).test(name));
      }),
      { numRuns: 2000, seed: 7 },
    );
  });

  it('take no longer for a hostile pattern', () => {
    const started = performance.now();
    expect(matchesPattern(`${'*a'.repeat(127)}b`, 'a'.repeat(255))).toBe(false);
    expect(performance.now() - started).toBeLessThan(1000);
  });
});

describe('rules', () => {
  const rule = (fields: Partial<ProtectionRule>): ProtectionRule => ({
    pattern: 'main',
    noForce: false,
    noDelete: false,
    requiredApprovals: 0,
    requiredCi: false,
    requiredPushCert: false,
    createdAt: new Date(),
    ...fields,
  });
  const change = (fields: Partial<RefChange> = {}): RefChange => ({
    refName: 'refs/heads/main',
    change: 'update',
    forced: false,
    ...fields,
  });
  const push = { kind: 'push', certified: false } as const;
  const merge = { kind: 'merge', approvals: 1, ciPassed: false } as const;

  it.each<[string, Partial<ProtectionRule>, Partial<RefChange>, RegExp | undefined]>([
    ['nothing asked', {}, { forced: true }, undefined],
    ['force', { noForce: true }, { forced: true }, /force pushes are refused; fetch, merge or rebase/],
    ['fast-forward', { noForce: true }, {}, undefined],
    ['delete', { noDelete: true }, { change: 'delete' }, /cannot be deleted/],
    ['delete of what only merges move', { requiredApprovals: 1 }, { change: 'delete' }, /cannot be deleted/],
    ['approvals', { requiredApprovals: 2 }, {}, /open a pull request, which needs 2 approvals \(rule 'main'\)$/],
    ['CI', { requiredCi: true }, {}, /open a pull request, which needs passing CI/],
    ['both', { requiredApprovals: 1, requiredCi: true }, {}, /needs 1 approval and passing CI/],
    ['first push', { requiredApprovals: 2, requiredCi: true }, { change: 'create' }, undefined],
    ['certificate', { requiredPushCert: true }, {}, /git push --signed/],
    ['another branch', { noForce: true, pattern: 'mai' }, { forced: true }, undefined],
    ['a tag', { noForce: true, pattern: '**' }, { refName: 'refs/tags/main', forced: true }, undefined],
  ])('push, %s', (_, fields, wanted, reason) => {
    const found = refusal([rule(fields)], change(wanted), push);
    if (reason === undefined) expect(found).toBeUndefined();
    else expect(found).toEqual({ rule: 'main', reason: expect.stringMatching(reason) });
  });

  it('a certified push satisfies a rule that asks for a certificate', () => {
    expect(refusal([rule({ requiredPushCert: true })], change(), { kind: 'push', certified: true })).toBeUndefined();
  });

  it('merges need approvals and CI, and nothing else', () => {
    const strict = { noForce: true, noDelete: true, requiredPushCert: true };
    expect(refusal([rule({ ...strict, requiredApprovals: 1 })], change(), merge)).toBeUndefined();
    expect(refusal([rule({ requiredApprovals: 2 })], change(), merge)?.reason).toContain('1 of 2 approvals');
    expect(refusal([rule({ requiredCi: true })], change(), merge)?.reason).toContain(
      'CI of the pull request must pass',
    );
    expect(refusal([rule({ requiredCi: true })], change(), { ...merge, ciPassed: true })).toBeUndefined();
  });

  it('the server itself is asked nothing, and every fitting rule counts', () => {
    const rules = [rule({}), rule({ pattern: 'm*', noForce: true })];
    expect(refusal(rules, change({ forced: true }), { kind: 'server' })).toBeUndefined();
    expect(refusal(rules, change({ forced: true }), push)?.rule).toBe('m*');
  });
});
