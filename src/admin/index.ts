/** Operators: their sessions, the API and the page with which they watch and repair the server. */
export { adminApi } from './api.js';
export { adminPage } from './page.js';
export { adminRoutes } from './routes.js';
export { removeOldSessions, requireAdmin } from './session.js';
