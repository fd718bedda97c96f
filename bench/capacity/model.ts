/** What a number of agents needs: measured cost per operation times how often agents do it. Arithmetic only. */

export const OPERATIONS = ['push', 'fetch', 'clone', 'poll', 'read', 'write', 'pull'] as const;
export type Operation = (typeof OPERATIONS)[number];

/** What one operation costs, as measured. */
export interface Cost {
  /** Processor seconds of the node. */
  cpu: number;
  /** HTTP requests to the node. */
  requests: number;
  /** Rows inserted into Postgres, and growth of the database in bytes. */
  rows: number;
  databaseBytes: number;
  /** Calls to the object store that write or list, and that read. */
  puts: number;
  gets: number;
  /** Bytes that stay in the object store, and bytes sent to the client. */
  storedBytes: number;
  sentBytes: number;
}

export type Costs = Record<Operation, Cost>;

/** How often one agent does each a day. */
export type Usage = Record<Operation, number>;

/** Money per unit; defaults are list prices of one large provider in one region, to be replaced by the reader's own. */
export interface Prices {
  putsPerThousand: number;
  getsPerThousand: number;
  storedPerGbMonth: number;
  sentPerGb: number;
  cpuHour: number;
  databasePerGbMonth: number;
}

export const USAGE: Usage = { push: 40, fetch: 60, clone: 5, poll: 300, read: 300, write: 60, pull: 5 };

export const PRICES: Prices = {
  putsPerThousand: 0.005,
  getsPerThousand: 0.0004,
  storedPerGbMonth: 0.023,
  sentPerGb: 0.09,
  cpuHour: 0.04,
  databasePerGbMonth: 0.115,
};

export interface Capacity {
  /** Per day, all agents together. */
  perDay: Cost;
  /** Operations a second in the busiest hour. */
  peak: { operations: number; pushes: number; cores: number };
  /** A month of 30 days, in the currency of the prices; what is stored is counted at the end of the first month. */
  monthly: { requests: number; stored: number; sent: number; cpu: number; database: number; total: number };
}

const DAYS = 30;
const GB = 1e9;
/** The busiest hour carries this many times the average hour. */
export const PEAK_FACTOR = 4;

export function capacity(costs: Costs, usage: Usage, prices: Prices, agents: number): Capacity {
  const perDay = sum(OPERATIONS.map((operation) => times(costs[operation], usage[operation] * agents)));
  const perSecond = (perDayCount: number) => (perDayCount * PEAK_FACTOR) / 86_400;
  const operations = OPERATIONS.reduce((total, operation) => total + usage[operation] * agents, 0);
  const month = times(perDay, DAYS);
  const parts = {
    requests: (month.puts / 1000) * prices.putsPerThousand + (month.gets / 1000) * prices.getsPerThousand,
    stored: (month.storedBytes / GB) * prices.storedPerGbMonth,
    sent: (month.sentBytes / GB) * prices.sentPerGb,
    cpu: (month.cpu / 3600) * prices.cpuHour,
    database: (month.databaseBytes / GB) * prices.databasePerGbMonth,
  };
  return {
    perDay,
    peak: { operations: perSecond(operations), pushes: perSecond(usage.push * agents), cores: perSecond(perDay.cpu) },
    monthly: { ...parts, total: Object.values(parts).reduce((total, part) => total + part, 0) },
  };
}

const KEYS = ['cpu', 'requests', 'rows', 'databaseBytes', 'puts', 'gets', 'storedBytes', 'sentBytes'] as const;

/** A cost made of a value per kind. */
export function costOf(value: (key: keyof Cost) => number): Cost {
  return Object.fromEntries(KEYS.map((key) => [key, value(key)])) as unknown as Cost;
}

function times(cost: Cost, factor: number): Cost {
  return costOf((key) => cost[key] * factor);
}

function sum(costs: readonly Cost[]): Cost {
  return costOf((key) => costs.reduce((total, cost) => total + cost[key], 0));
}
