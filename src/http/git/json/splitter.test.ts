import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AppError } from '../../../errors.js';
import { Base64Decoder } from './base64.js';
import { PackfileSplitter } from './splitter.js';

/** Feeds text in pieces of the given length. */
function split(text: string, step: number): { rest: string; pack: Buffer; found: boolean } {
  const bytes = Buffer.from(text);
  const splitter = new PackfileSplitter(1000);
  const decoder = new Base64Decoder();
  const parts: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += step) {
    for (const piece of splitter.feed(bytes.subarray(at, at + step))) parts.push(decoder.feed(piece));
  }
  decoder.end();
  return { rest: splitter.rest().toString(), pack: Buffer.concat(parts), found: splitter.found };
}

describe('PackfileSplitter', () => {
  const pack = Buffer.from('PACK and ÿ \u0000 bytes');
  const base64 = pack.toString('base64');

  it.each([
    ['first', `{"packfile":"${base64}","a":[1,{"b":"x"}]}`, '{"packfile":"","a":[1,{"b":"x"}]}'],
    ['last, with blanks', `{ "a" : 1 ,\n "packfile"\t: "${base64}" }`, '{ "a" : 1 ,\n "packfile"\t: "" }'],
    ['under an escaped key', `{"p\\u0061ckfile":"${base64}"}`, '{"p\\u0061ckfile":""}'],
    [
      'behind strings with quotes',
      `{"x":"\\"packfile\\":\\\\","packfile":"${base64}"}`,
      '{"x":"\\"packfile\\":\\\\","packfile":""}',
    ],
  ])('takes out a packfile that comes %s', (_, text, rest) => {
    for (const step of [1, 2, 3, 7, 1000]) expect(split(text, step)).toEqual({ rest, pack, found: true });
  });

  it('understands the escapes that writers of JSON use in base64', () => {
    const text = Buffer.from([0xfb, 0xff, 0xbf, 0xfb]).toString('base64');
    expect(text).toBe('+/+/+w==');
    const escaped = text.replaceAll('/', '\\/').replaceAll('+', '\\u002b').replaceAll('=', '\\u003D');
    for (const step of [1, 3, 5, 100]) {
      expect(split(`{"packfile":"${escaped}"}`, step).pack.equals(Buffer.from(text, 'base64'))).toBe(true);
    }
  });

  it.each([
    ['null', '{"packfile":null,"a":1}'],
    ['a number', '{"packfile":12}'],
    ['an object', '{"packfile":{"packfile":"QUJD"}}'],
    ['deeper down', '{"body":{"packfile":"QUJD"}}'],
    ['a value, not a key', '{"a":"packfile","b":"QUJD"}'],
    ['part of a longer key', '{"packfiles":"QUJD","xpackfile":"QUJD"}'],
    ['in an array', '["packfile","QUJD"]'],
  ])('leaves alone what is %s', (_, text) => {
    for (const step of [1, 4, 100])
      expect(split(text, step)).toEqual({ rest: text, pack: Buffer.alloc(0), found: false });
  });

  it('leaves both keys of a doubled packfile to the parser', () => {
    expect(split('{"packfile":"QUJD","packfile":"QUJD"}', 5).rest).toBe('{"packfile":"","packfile":""}');
  });

  it('is the parser of JSON in all else', () => {
    const value = fc.dictionary(fc.oneof(fc.string({ unit: 'binary' }), fc.constant('packfiles')), fc.jsonValue());
    fc.assert(
      fc.property(
        value,
        fc.uint8Array(),
        fc.integer({ min: 1, max: 40 }),
        fc.boolean(),
        (fields, bytes, step, first) => {
          const { packfile: _, ...others } = fields as Record<string, unknown>;
          const packfile = Buffer.from(bytes).toString('base64');
          const text = JSON.stringify(first ? { packfile, ...others } : { ...others, packfile });
          fc.pre(Buffer.byteLength(text) < 900);
          const result = split(text, step);
          expect(JSON.parse(result.rest)).toEqual(JSON.parse(JSON.stringify({ ...others, packfile: '' })));
          expect(result.pack.equals(Buffer.from(bytes))).toBe(true);
        },
      ),
      { numRuns: 200 },
    );
  });

  it('caps what is not the pack', () => {
    const splitter = new PackfileSplitter(20);
    splitter.feed(Buffer.from(`{"packfile":"${'A'.repeat(500)}"`));
    expect(() => splitter.feed(Buffer.from(`,"a":"${'A'.repeat(30)}"`))).toThrow(AppError);
  });
});

describe('Base64Decoder', () => {
  it.each(['QUJ', 'QUJD=', 'Q===', 'QQ==QUJD', 'QUJD\n', 'QU-_', 'QU D', '=QUJ', 'QUJ\u00e4'])('refuses %j', (text) => {
    for (const step of [1, 3, 4, 9]) {
      const decoder = new Base64Decoder();
      const bytes = Buffer.from(text, 'latin1');
      const feed = () => {
        for (let at = 0; at < bytes.length; at += step) decoder.feed(bytes.subarray(at, at + step));
        decoder.end();
      };
      expect(feed).toThrow('not padded standard base64');
    }
  });
});
