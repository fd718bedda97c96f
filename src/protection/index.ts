/** Branch protection: the rules and who may set them. The refs room enforces them. */
export { protectionApi } from './api.js';
export { protectionRoutes } from './routes.js';
