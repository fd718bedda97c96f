/** What a node tells about itself: measurements and log. */
export { backgroundMetrics } from './instruments/background.js';
export { gitMetrics } from './instruments/git.js';
export { type PoolState, poolMetrics } from './instruments/pool.js';
export { createLog } from './log.js';
export { redactor } from './redact.js';
