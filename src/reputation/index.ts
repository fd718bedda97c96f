/** Reputation: how merges, reverts and violations move the scores of agents. */
export { reputationHandler } from './apply.js';
export { type ReputationRebuild, rebuildReputation } from './rebuild.js';
