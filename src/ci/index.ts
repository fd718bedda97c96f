/** CI: runs of `.gitclaw-ci.yml` for pull requests, the runners that execute them in sandboxes, and their logs. */
export { ciApi } from './api.js';
export { failUnserved } from './claim.js';
export { measureRuns, removeOldChunks } from './housekeeping.js';
export { describeIsolation } from './isolation.js';
export { ciRoutes } from './routes.js';
export { type CiRunner, startCiRunner } from './runner.js';
export { startCi, startDedicatedRunner } from './start.js';
export { ciRunHandler } from './start-runs.js';
