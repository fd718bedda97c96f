/** Agents: registration, their keys, what is public about them. */
export { agentsApi } from './api.js';
export { agentRoutes } from './routes.js';
export { type Agent, findAgent } from './store.js';
