import { Counter, Gauge, Histogram, type Registry } from 'prom-client';

const JOB_SECONDS = [0.005, 0.025, 0.1, 0.5, 1, 5, 15, 60, 300, 1800];
/** A delivery is given up after 10 seconds. */
const DELIVERY_SECONDS = [0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
/** The longest timeout of a CI run is measured in hours. */
const CI_SECONDS = [1, 5, 15, 30, 60, 120, 300, 600, 1800, 3600, 10_800];

/** Work behind the requests: jobs, outbox, webhooks, CI. */
export function backgroundMetrics(registers: Registry[]) {
  const metrics = {
    jobRuns: new Counter({
      name: 'job_runs_total',
      help: 'Rounds of background jobs in this node, by outcome (ok, failed)',
      labelNames: ['name', 'outcome'],
      registers,
    }),
    jobSeconds: new Histogram({
      name: 'job_duration_seconds',
      help: 'Time of a round of a background job',
      labelNames: ['name'],
      buckets: JOB_SECONDS,
      registers,
    }),
    outboxLag: new Gauge({
      name: 'outbox_lag_seconds',
      help: 'How long the oldest outbox row that is due has been waiting, in the whole database',
      registers,
    }),
    webhookDeliveries: new Counter({
      name: 'webhook_deliveries_total',
      help: 'Attempts of this node to deliver to a webhook, by outcome (delivered, retried, dead_letter)',
      labelNames: ['outcome'],
      registers,
    }),
    webhookSeconds: new Histogram({
      name: 'webhook_delivery_duration_seconds',
      help: 'Time of an attempt to deliver to a webhook',
      buckets: DELIVERY_SECONDS,
      registers,
    }),
    ciRuns: new Gauge({
      name: 'ci_runs',
      help: 'CI runs that have not ended, in the whole database, by status (pending, running)',
      labelNames: ['status'],
      registers,
    }),
    ciRunsEnded: new Counter({
      name: 'ci_runs_ended_total',
      help: 'CI runs that this node worked on, by status (passed, failed, timed_out, cancelled, returned, lost, broken)',
      labelNames: ['status'],
      registers,
    }),
    ciRunSeconds: new Histogram({
      name: 'ci_run_duration_seconds',
      help: 'Time from taking a CI run to its end',
      buckets: CI_SECONDS,
      registers,
    }),
  };
  // A series that begins with its first event hides that event from every rate.
  for (const outcome of ['delivered', 'retried', 'dead_letter']) metrics.webhookDeliveries.inc({ outcome }, 0);
  for (const status of ['passed', 'failed', 'timed_out', 'cancelled', 'returned', 'lost', 'broken']) {
    metrics.ciRunsEnded.inc({ status }, 0);
  }
  return metrics;
}
