/** Stars: giving them, taking them back, who gave them. */
export { agentStarRoutes } from './agent-routes.js';
export { starsApi } from './api.js';
export { correctCount, findWrongCounts } from './correct-count.js';
export { rebuildStars, type StarRebuild } from './rebuild.js';
export { starRoutes } from './routes.js';
