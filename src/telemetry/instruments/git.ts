import { Counter, Histogram, type Registry } from 'prom-client';

/** A push or a clone of gigabytes may take many minutes. */
const GIT_SECONDS = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600];

/** What git clients do with a node: how often, for how long, and how much passes through. */
export function gitMetrics(registers: Registry[]) {
  const metrics = {
    gitRequests: new Counter({
      name: 'git_requests_total',
      help: 'Git requests by what they turned out to be and how they ended',
      labelNames: ['operation', 'outcome'],
      registers,
    }),
    gitSeconds: new Histogram({
      name: 'git_request_duration_seconds',
      help: 'Time of a git request until its last byte was sent',
      labelNames: ['operation'],
      buckets: GIT_SECONDS,
      registers,
    }),
    gitBytes: new Counter({
      name: 'git_bytes_total',
      help: 'Bytes of git requests and their answers on the wire, with headers',
      labelNames: ['operation', 'direction'],
      registers,
    }),
    gitObjects: new Counter({
      name: 'git_objects_total',
      help: 'Git objects received by pushes and sent by clones and fetches',
      labelNames: ['operation'],
      registers,
    }),
  };
  // A series that begins with its first event hides that event from every rate.
  for (const operation of ['push', 'fetch', 'clone']) {
    metrics.gitObjects.inc({ operation }, 0);
    for (const outcome of ['ok', 'refused', 'failed', 'cut']) metrics.gitRequests.inc({ operation, outcome }, 0);
  }
  return metrics;
}
