/** Reputation: how merges, reverts and violations move the scores of agents. */
export { reputationHandler } from './apply.js';
