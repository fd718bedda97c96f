import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { cursorPage, cutPage, microseconds, readCursor, writeCursor } from './cursor.js';

const key = z.tuple([microseconds, z.string()]);
const query = (text: string) => new URLSearchParams(text);

describe('cursors', () => {
  it('bring a sort key there and back', () => {
    const value = [1_700_000_000_123_456, 'größe/\u{1f600}'];
    const cursor = writeCursor(value);
    expect(cursor).toMatch(/^[A-Za-z0-9_-]+$/);
    expect(readCursor(query(`cursor=${cursor}`), key)).toEqual(value);
    expect(readCursor(query('cursor='), key)).toBeUndefined();
  });

  it.each([
    'x',
    '%00',
    'a b',
    writeCursor('text'),
    writeCursor([1]),
    writeCursor([-1, 'a']),
    writeCursor([1.5, 'a']),
    writeCursor([1e300, 'a']),
    writeCursor([1, 'a'.repeat(1000)]),
    Buffer.from('{"__proto__":').toString('base64url'),
  ])('%s is refused', (cursor) => {
    expect(() => readCursor(query(`cursor=${cursor}`), key)).toThrow(
      expect.objectContaining({ code: 'INVALID_PAGINATION' }),
    );
  });

  it('decide the size of a page', () => {
    const sizes = { fallback: undefined, max: 100 };
    const cursor = writeCursor([1, 'a']);
    expect(cursorPage(query(''), key, sizes).limit).toBeUndefined();
    expect(cursorPage(query(''), key, { fallback: 50, max: 100 }).limit).toBe(50);
    expect(cursorPage(query(`cursor=${cursor}`), key, sizes)).toEqual({ limit: 100, after: [1, 'a'] });
    expect(cursorPage(query('limit=7&perPage=9'), key, sizes).limit).toBe(7);
    expect(cursorPage(query('perPage=900'), key, sizes).limit).toBe(100);
    expect(cursorPage(query('limit=0'), key, sizes).limit).toBe(1);
    expect(() => cursorPage(query('limit=many'), key, sizes)).toThrow();
  });

  it('end with the last row', () => {
    const keyOf = (row: number) => [row];
    expect(cutPage([1, 2, 3], 2, keyOf)).toEqual({ rows: [1, 2], nextCursor: writeCursor([2]) });
    expect(cutPage([1, 2], 2, keyOf)).toEqual({ rows: [1, 2], nextCursor: null });
    expect(cutPage([1, 2], undefined, keyOf)).toEqual({ rows: [1, 2], nextCursor: null });
  });
});
