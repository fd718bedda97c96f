import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MAX_JSON_DEPTH, parseJson } from './json.js';

const refused = expect.objectContaining({ code: 'VALIDATION_ERROR' });

describe('parseJson', () => {
  it.each([
    ['a repeated key', '{"a":1,"a":2}'],
    ['a repeated key with white space', '{"a" : 1 ,\n "b":2, "a"\t:2}'],
    ['a repeated key in other spelling', '{"a":1,"\\u0061":2}'],
    ['a repeated key further down', '[{"x":{"k":[],"y":{"k":1},"k":2}}]'],
    ['__proto__', '{"__proto__":{"admin":true}}'],
    ['escaped __proto__', '{"\\u005f_proto__":1}'],
    ['U+0000', '{"a":"x\\u0000y"}'],
    ['U+0000 in a key', '{"a\\u0000":1}'],
    ['a trailing comma', '{"a":1,}'],
    ['text after the value', '{} {}'],
    ['nothing', ''],
    ['a comment', '{/**/}'],
    ['NaN', '{"a":NaN}'],
    ['a raw control character', '"\n"'],
    ['deep nesting', '['.repeat(MAX_JSON_DEPTH + 1) + ']'.repeat(MAX_JSON_DEPTH + 1)],
    ['very deep nesting', '['.repeat(500_000) + ']'.repeat(500_000)],
  ])('refuses %s', (_name, source) => {
    expect(() => parseJson(source)).toThrow(refused);
  });

  it('refuses bytes that are not UTF-8', () => {
    expect(() => parseJson(Buffer.from('{"a":"\xff"}', 'latin1'))).toThrow(refused);
    expect(() => parseJson(Buffer.from([0x22, 0xed, 0xa0, 0x80, 0x22]))).toThrow(refused);
  });

  it.each([
    '{"a":{"a":{"a":1}},"b":[{"a":1},{"a":1}]}',
    '{"quote\\"":"{\\"a\\":1,\\"a\\":2}","\\\\":"\\\\","x":"\\\\\\""}',
    '{"a":"a","b":"a","c":["a","a"]}',
    '"\\\\u0000"',
    '[1e400]',
    '\ufeff{"a":1}',
  ])('reads %s', (source) => {
    expect(parseJson(Buffer.from(source))).toEqual(JSON.parse(source.replace('\ufeff', '')));
  });

  it('agrees with JSON.parse on any value without those keys', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 5 }), fc.integer({ min: 0, max: 3 }), (value, indent) => {
        const source = JSON.stringify(value, null, indent);
        if (source.includes('__proto__') || source.includes('\\u0000')) return;
        expect(parseJson(source)).toEqual(JSON.parse(source));
      }),
      { numRuns: 500, seed: 8259 },
    );
  });

  it('takes a string of 64 MiB', () => {
    const source = JSON.stringify({ packfile: 'A'.repeat(64 << 20), refUpdates: [] });
    expect(Object.keys(parseJson(source) as object)).toEqual(['packfile', 'refUpdates']);
  });
});
