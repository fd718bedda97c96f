import { Counter, Gauge, type Registry } from 'prom-client';

/** How busy a pool of connections is. */
export interface PoolState {
  /** Connections at work. */
  active: number;
  idle: number;
  max: number;
  /** Queries and transactions that wait for a connection. */
  waiting: number;
  /** Sum over all connections of the time they were at work, since the start. */
  busySeconds: number;
}

/** @param state asked at each scrape; undefined = there is no pool to tell of */
export function poolMetrics(registers: Registry[], state: (() => PoolState) | undefined) {
  return {
    poolConnections: new Gauge({
      name: 'db_pool_connections',
      help: 'Connections to Postgres by state (active, idle, max), and what waits for one (waiting)',
      labelNames: ['state'],
      registers,
      collect() {
        if (state === undefined) return;
        const { active, idle, max, waiting } = state();
        for (const [name, count] of Object.entries({ active, idle, max, waiting })) this.set({ state: name }, count);
      },
    }),
    // A gauge that is read every few seconds misses what happens between; the rate of this does not.
    poolBusy: new Counter({
      name: 'db_pool_busy_seconds_total',
      help: 'Time that connections to Postgres were at work, summed over all of them',
      registers,
      collect() {
        if (state === undefined) return;
        this.reset();
        this.inc(state().busySeconds);
      },
    }),
  };
}
