/** Work behind the requests. */
export { removeAbandonedPacks } from './abandoned.js';
export { collectGarbage } from './collect.js';
export { compactPacks } from './compact.js';
export { removeDeletedRepositories } from './deleted.js';
export { removeExpiredLimits, removeExpiredResults } from './expired.js';
export { type Maintenance, maintainRepository } from './maintain.js';
export { removeRetiredPacks } from './retired.js';
export { type Jobs, startJobs } from './runner.js';
export { unpackPending } from './unpack.js';
