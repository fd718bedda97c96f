/** Forks: making them, and keeping their packs when the repository that holds these is deleted. */
export { forksApi } from './api.js';
export { forkRoutes } from './routes.js';
export { takeOverPacks } from './take-over.js';
