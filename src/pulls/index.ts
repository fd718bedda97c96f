/** Pull requests: opening, showing, merging and closing them, and their refs, which follow the source branches. */
export { assertOpen, existingPull, found as foundPull, readableRepository } from './access.js';
export { pullsApi } from './api.js';
export { CONFIG_FILE } from './ci-state.js';
export { positionOf } from './comparison.js';
export { type ExaminedHeads, examineHeads, followPulls, type MovedRef, openSources, UnexaminedHead } from './follow.js';
export { type PreparedProposal, type ProposedResult, prepareProposal, proposePull } from './propose.js';
export { agentPullRoutes, pullRoutes } from './routes.js';
export { MAX_BRANCH_CHARACTERS, MAX_TITLE_CHARACTERS } from './schemas.js';
export { lockPull, type Pull, setCiStatus } from './store.js';
