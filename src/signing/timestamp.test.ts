import { describe, expect, it } from 'vitest';
import { isUuid4 } from './envelope.js';
import { parseTimestamp } from './timestamp.js';

describe('parseTimestamp', () => {
  it.each([
    ['2026-01-15T10:30:00Z', '2026-01-15T10:30:00Z'],
    ['2026-01-15t10:30:00z', '2026-01-15T10:30:00Z'],
    ['2026-01-15T10:30:00.000Z', '2026-01-15T10:30:00Z'],
    ['2026-01-15T10:30:00.5Z', '2026-01-15T10:30:00.500Z'],
    ['2026-01-15T10:30:00.1230Z', '2026-01-15T10:30:00.123Z'],
    ['2026-01-15T10:30:00.1234Z', '2026-01-15T10:30:00.123400Z'],
    ['2026-01-15T10:30:00.123456000Z', '2026-01-15T10:30:00.123456Z'],
    ['2026-01-15T10:30:00.123456789Z', '2026-01-15T10:30:00.123456789Z'],
    ['2026-01-15T10:30:00+00:00', '2026-01-15T10:30:00Z'],
    ['2026-01-15T10:30:00+05:30', '2026-01-15T05:00:00Z'],
    ['2026-01-01T00:30:00+01:00', '2025-12-31T23:30:00Z'],
    ['2026-12-31T23:30:00-01:00', '2027-01-01T00:30:00Z'],
    ['2024-02-29T00:00:00Z', '2024-02-29T00:00:00Z'],
    ['2016-12-31T23:59:60Z', '2017-01-01T00:00:00Z'],
    ['0001-01-01T00:00:00Z', '0001-01-01T00:00:00Z'],
  ])('%s is %s', (text, normalised) => {
    const parsed = parseTimestamp(text);
    expect(parsed?.normalised).toBe(normalised);
    expect(Math.floor(parsed!.epochMs)).toBe(Date.parse(normalised));
  });

  it.each([
    '',
    '2026-01-15',
    '2026-01-15T10:30:00',
    '2026-01-15T10:30Z',
    '2026-01-15 10:30:00Z',
    '2026-02-29T00:00:00Z',
    '2026-02-30T00:00:00Z',
    '2026-13-01T00:00:00Z',
    '2026-00-10T00:00:00Z',
    '2026-01-15T24:00:00Z',
    '2026-01-15T10:60:00Z',
    '2026-01-15T10:30:61Z',
    '2026-01-15T10:30:00.Z',
    '2026-01-15T10:30:00+0530',
    '2026-01-15T10:30:00+24:00',
    '2026-01-15T10:30:00Z ',
    '2026-01-15T10:30:00Z\n',
    '+002026-01-15T10:30:00Z',
    '1768473000',
    `2026-01-15T10:30:00.${'1'.repeat(31)}Z`,
  ])('%j is none', (text) => {
    expect(parseTimestamp(text)).toBeUndefined();
  });

  it('keeps microseconds in epochMs', () => {
    expect(parseTimestamp('1970-01-01T00:00:00.0015Z')?.epochMs).toBeCloseTo(1.5, 6);
  });
});

describe('isUuid4', () => {
  it('tells version and variant', () => {
    expect(isUuid4('AAAAAAAA-aaaa-4aaa-8aaa-aaaaaaaaaaa1')).toBe(true);
    for (const text of [
      'aaaaaaaa-aaaa-1aaa-8aaa-aaaaaaaaaaa1',
      'aaaaaaaa-aaaa-4aaa-7aaa-aaaaaaaaaaa1',
      'aaaaaaaaaaaa4aaa8aaaaaaaaaaaaaa1',
      'aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaa1\n',
      '',
    ]) {
      expect(isUuid4(text)).toBe(false);
    }
  });
});
