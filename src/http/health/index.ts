export { beginDraining, markDraining } from './draining.js';
export { serviceRoutes } from './routes.js';
