/** Reviews of pull requests: adding and listing them, and what they add up to. */
export { reviewsApi } from './api.js';
export { type ReviewState, reviewStates } from './review-state.js';
export { agentReviewRoutes, reviewRoutes } from './routes.js';
