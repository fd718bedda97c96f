/** What a running node hands to every verb. Everything with an effect is behind an interface, so tests can replace it. */
import type { Logger } from 'pino';
import type { Config } from './config.js';
import type { Database } from './db/index.js';
import type { Metrics } from './metrics.js';
import type { PackCache, PackEngine, Spool } from './packs/index.js';
import type { ObjectStore } from './storage/index.js';
import type { Tracing } from './telemetry/index.js';

/** Wall clock of this node; where time decides something the database's clock is asked instead. */
export interface Clock {
  now(): Date;
}

/** Named places at which a test may kill the process; in production nothing listens. */
export type FaultPoint =
  | 'push.pack-received'
  | 'push.pack-indexed'
  | 'push.pack-stored'
  | 'push.before-commit'
  | 'push.after-commit'
  | 'compact.merged'
  | 'compact.stored'
  | 'compact.exchanged'
  | 'collect.stored'
  | 'collect.exchanged'
  | 'retire.noted'
  | 'delete.after-commit'
  | 'take-over.copied';

export interface AppContext {
  readonly config: Config;
  readonly db: Database;
  readonly objects: ObjectStore;
  readonly engine: PackEngine;
  readonly packCache: PackCache;
  readonly spool: Spool;
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: Metrics;
  /** Undefined = nobody wants traces. */
  readonly tracing?: Tracing | undefined;
  /** Resolves when the named place may be passed. */
  readonly faultPoint: (point: FaultPoint) => Promise<void>;
}
