/** Following the audit log as it grows. */
export { eventsApi } from './api.js';
export { endEventStreams } from './hub.js';
export { eventRoutes, repoEventRoutes } from './routes.js';
