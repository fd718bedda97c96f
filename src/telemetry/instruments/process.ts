/** What a process takes and how it is doing, under the names that prom-client gives it. */
import { type IntervalHistogram, monitorEventLoopDelay } from 'node:perf_hooks';
import { collectDefaultMetrics, Gauge, type Registry } from 'prom-client';

/** Time between two samples of the event loop, ms. Each wakes the process: a hundred a second cost an idle node most. */
const STEP_MS = 100;

/** More does not fit into a timer; no process lives so long. */
const NEVER_MS = 2 ** 31 - 1;

const FIGURES = ['min', 'max', 'mean', 'stddev', 'p50', 'p90', 'p99'] as const;

type Lag = Record<(typeof FIGURES)[number], number>;

/** All default metrics of prom-client, but how late the event loop is comes from fewer samples. */
export function processMetrics(registry: Registry): void {
  collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: NEVER_MS });
  const delays = monitorEventLoopDelay({ resolution: STEP_MS });
  delays.enable();
  let lag = lagOf(delays);
  FIGURES.forEach((figure, index) => {
    const name = `nodejs_eventloop_lag_${figure}_seconds`;
    registry.removeSingleMetric(name);
    registry.registerMetric(
      new Gauge({
        name,
        help: `How late the event loop was since the last scrape: ${figure}.`,
        registers: [],
        collect() {
          // Metrics are collected in the order of their registration: the first reads for all.
          if (index === 0) {
            lag = lagOf(delays);
            delays.reset();
          }
          this.set(lag[figure]);
        },
      }),
    );
  });
}

/** Seconds. A sample is the time since the last one (Node's documentation, perf_hooks.monitorEventLoopDelay). */
function lagOf(delays: IntervalHistogram): Lag {
  if (delays.count === 0) return { min: 0, max: 0, mean: 0, stddev: 0, p50: 0, p90: 0, p99: 0 };
  const late = (ns: number) => Math.max(0, ns / 1e9 - STEP_MS / 1000);
  const { min, max, mean, stddev } = delays;
  const percentile = (share: number) => late(delays.percentile(share));
  return {
    ...{ min: late(min), max: late(max), mean: late(mean), stddev: stddev / 1e9 },
    ...{ p50: percentile(50), p90: percentile(90), p99: percentile(99) },
  };
}
