export { beginDraining } from './draining.js';
export { serviceRoutes } from './routes.js';
