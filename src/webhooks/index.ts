/** Webhooks: who wants to be told of what, and telling them. */
export { webhooksApi } from './api.js';
export { removeOldDeliveries, sendDeliveries } from './deliver.js';
export { webhookEvents, webhookHandler } from './fan-out.js';
export { webhookRoutes } from './routes.js';
