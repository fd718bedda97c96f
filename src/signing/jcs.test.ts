import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { canonicalize } from './jcs.js';

describe('canonicalize', () => {
  it('sorts keys by UTF-16 code units (RFC 8785 section 3.2.3)', () => {
    const value = { '€': 1, '\r': 2, '\ufb33': 3, '1': 4, '😀': 5, '\u0080': 6, ö: 7 };
    expect(Object.keys(JSON.parse(canonicalize(value)))).toHaveLength(7);
    expect(canonicalize(value)).toBe('{"\\r":2,"1":4,"\u0080":6,"ö":7,"€":1,"😀":5,"\ufb33":3}');
  });

  it.each([
    [-0, '0'],
    [1e21, '1e+21'],
    [Number('333333333.33333329'), '333333333.3333333'],
    [4.5, '4.5'],
    [2e-3, '0.002'],
    [1e-27, '1e-27'],
    [0.000001, '0.000001'],
    [Number('9007199254740993'), '9007199254740992'],
  ])('writes the number %d as ECMAScript does', (value, expected) => {
    expect(canonicalize(value)).toBe(expected);
  });

  it('escapes only what RFC 8785 section 3.2.2.2 lists', () => {
    expect(canonicalize('\b\t\n\f\r"\\/\u0000\u001f\u007f\u2028\u2029é')).toBe(
      '"\\b\\t\\n\\f\\r\\"\\\\/\\u0000\\u001f\u007f\u2028\u2029é"',
    );
  });

  it('keeps null, drops nothing, ignores inherited keys', () => {
    const value = Object.create({ inherited: 1 }) as Record<string, unknown>;
    value.own = null;
    expect(canonicalize(value)).toBe('{"own":null}');
    expect(canonicalize(JSON.parse('{"__proto__":{"a":1}}'))).toBe('{"__proto__":{"a":1}}');
  });

  it.each([
    ['a lone high surrogate', '\ud800'],
    ['a lone low surrogate in a key', { 'x\udc00': 1 }],
    ['reversed surrogates', '\udc00\ud800'],
    ['NaN', Number.NaN],
    ['infinity', [Number.POSITIVE_INFINITY]],
    ['undefined', { a: undefined }],
    ['a big integer', 1n],
    ['a function', () => 1],
  ])('refuses %s', (_name, value) => {
    expect(() => canonicalize(value)).toThrow(expect.objectContaining({ code: 'VALIDATION_ERROR' }));
  });

  it('refuses deep nesting instead of overflowing the stack', () => {
    let value: unknown = 1;
    for (let depth = 0; depth < 100_000; depth++) value = [value];
    expect(() => canonicalize(value)).toThrow(expect.objectContaining({ code: 'VALIDATION_ERROR' }));
  });

  it('is stable: any JSON value survives a round trip and key order does not matter', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 4 }), (value) => {
        const once = canonicalize(value);
        expect(canonicalize(JSON.parse(once))).toBe(once);
        if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
          expect(canonicalize(Object.fromEntries(Object.entries(value).reverse()))).toBe(once);
        }
      }),
      { numRuns: 500, seed: 8785 },
    );
  });
});
