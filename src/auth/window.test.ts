import { describe, expect, it } from 'vitest';
import { checkWindow, windowProblem } from './window.js';

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

it('a refusal names both clocks', () => {
  const [signed, now] = [Date.UTC(2026, 0, 1), Date.UTC(2026, 0, 1, 1)];
  const refused = (() => {
    try {
      checkWindow(signed, now, 300);
    } catch (error) {
      return error;
    }
  })();
  expect(refused).toMatchObject({
    code: 'SIGNATURE_EXPIRED',
    message:
      "The signature is outside its time window: signed at 2026-01-01T00:00:00.000Z, and the server's clock says 2026-01-01T01:00:00.000Z.",
    details: {
      reason: 'timestamp_too_old',
      signedAt: '2026-01-01T00:00:00.000Z',
      serverTime: '2026-01-01T01:00:00.000Z',
    },
  });
});
