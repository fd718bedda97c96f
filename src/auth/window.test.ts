import { describe, expect, it } from 'vitest';
import { windowProblem } from './window.js';

describe('windowProblem', () => {
  it.each([
    [0, undefined],
    [-300_000, undefined],
    [-300_001, 'timestamp_too_old'],
    [30_000, undefined],
    [30_001, 'timestamp_in_future'],
  ])('%d ms from now', (offset, expected) => {
    const now = Date.parse('2026-01-15T10:30:00Z');
    expect(windowProblem(now + offset, now, 300)).toBe(expected);
  });
});
