/** The document that describes every route, and the page that shows it. */
export { openApiApi } from './api.js';
export { openApiDocument } from './document.js';
export { errorsOf, isSignedWrite, statusOf } from './errors.js';
export { openApiRoutes } from './routes.js';
