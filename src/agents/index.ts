/** Agents: registration, their keys, what is public about them. */
export { agentRoutes } from './routes.js';
