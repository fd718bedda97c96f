/** Pull requests: opening, showing, merging and closing them, and their refs, which follow the source branches. */
export { pullsApi } from './api.js';
export { type ExaminedHeads, examineHeads, followPulls, type MovedRef, UnexaminedHead } from './follow.js';
export { agentPullRoutes, pullRoutes } from './routes.js';
