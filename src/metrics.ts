/** All metrics of a node, in one registry of its own (names: operators' dashboards depend on them). */
import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import { backgroundMetrics, gitMetrics, type PoolState, poolMetrics, processMetrics } from './telemetry/index.js';

const HTTP_SECONDS = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];
const S3_SECONDS = [
  1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000, 15000, 20000, 25000, 30000, 45000, 60000,
].map((ms) => ms / 1000);

export type Metrics = ReturnType<typeof createMetrics>;

/** @param pool how busy the database's connections are; undefined = there is no database */
export function createMetrics(pool?: () => PoolState) {
  const registry = new Registry();
  const registers = [registry];
  processMetrics(registry);
  return {
    registry,
    ...gitMetrics(registers),
    ...backgroundMetrics(registers),
    ...poolMetrics(registers, pool),
    httpSeconds: new Histogram({
      name: 'http_request_duration_seconds',
      help: 'Time to answer an HTTP request',
      labelNames: ['method', 'route', 'status'],
      buckets: HTTP_SECONDS,
      registers,
    }),
    httpRequests: new Counter({
      name: 'http_requests_total',
      help: 'HTTP requests answered',
      labelNames: ['method', 'route', 'status'],
      registers,
    }),
    storageSeconds: new Histogram({
      name: 's3_request_duration_seconds',
      help: 'Time of an object store call',
      labelNames: ['operation'],
      buckets: S3_SECONDS,
      registers,
    }),
    storageRequests: new Counter({
      name: 's3_request_total',
      help: 'Object store calls',
      labelNames: ['operation'],
      registers,
    }),
    storageErrors: new Counter({
      name: 's3_error_total',
      help: 'Failed object store calls',
      labelNames: ['operation', 'error_type'],
      registers,
    }),
    cacheHits: new Counter({ name: 'cache_hit_total', help: 'Packs found in the local cache', registers }),
    cacheMisses: new Counter({ name: 'cache_miss_total', help: 'Packs fetched into the local cache', registers }),
    cacheEvictions: new Counter({
      name: 'cache_evictions_total',
      help: 'Packs dropped from the local cache',
      registers,
    }),
    cacheBytes: new Gauge({ name: 'cache_size_bytes', help: 'Bytes in the local pack cache', registers }),
    auditEvents: new Counter({
      name: 'audit_events_total',
      help: 'Audit events committed, counted once by the node that puts them in order',
      labelNames: ['action'],
      registers,
    }),
    outboxEvents: new Gauge({
      name: 'outbox_events',
      help: 'Outbox rows that are not processed, in the whole database',
      labelNames: ['topic', 'status'],
      registers,
    }),
    drifts: new Counter({
      name: 'reconciliation_drifts_total',
      help: 'Findings of reconciliation checks, each time they are found',
      labelNames: ['kind'],
      registers,
    }),
    outboxHandled: new Counter({
      name: 'outbox_handled_total',
      help: 'Outbox rows this node has dealt with',
      labelNames: ['topic', 'outcome'],
      registers,
    }),
  };
}
