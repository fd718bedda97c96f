import { describe, expect, it } from 'vitest';
import { type Cost, capacity, costOf, OPERATIONS, type Prices, type Usage } from './model.js';

const one = costOf(() => 1);
const none = costOf(() => 0);
const all = <T>(value: T) => Object.fromEntries(OPERATIONS.map((name) => [name, value])) as Record<string, T>;
const prices: Prices = {
  putsPerThousand: 1000,
  getsPerThousand: 0,
  storedPerGbMonth: 0,
  sentPerGb: 0,
  cpuHour: 0,
  databasePerGbMonth: 0,
};

describe('the capacity model', () => {
  it('adds up what every agent does', () => {
    const costs = { ...all(none), push: one, fetch: { ...one, puts: 0 } } as Record<keyof Usage, Cost>;
    const usage = { ...all(0), push: 3, fetch: 2, poll: 100 } as Usage;
    const { perDay, peak, monthly } = capacity(costs, usage, prices, 10);
    expect(perDay).toEqual({ ...costOf(() => 50), puts: 30 });
    expect(peak.pushes).toBeCloseTo((30 * 4) / 86_400);
    expect(peak.operations).toBeCloseTo((1050 * 4) / 86_400);
    expect(monthly).toMatchObject({ requests: 900, total: 900, stored: 0 });
  });

  it('prices each kind by its own unit', () => {
    const costs = {
      ...all(none),
      clone: { ...none, cpu: 3600, sentBytes: 1e9, storedBytes: 2e9, databaseBytes: 3e9, gets: 1000 },
    };
    const usage = { ...all(0), clone: 1 } as Usage;
    const unit = {
      putsPerThousand: 1,
      getsPerThousand: 1,
      storedPerGbMonth: 1,
      sentPerGb: 1,
      cpuHour: 1,
      databasePerGbMonth: 1,
    };
    const { monthly } = capacity(costs as Record<keyof Usage, Cost>, usage, unit, 1);
    expect(monthly).toEqual({ requests: 30, stored: 60, sent: 30, cpu: 30, database: 90, total: 240 });
  });
});
