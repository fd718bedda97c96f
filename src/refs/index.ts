/** Refs: the only room that reads and writes them. */

export { branchExists, copyRefs } from './copy.js';
export { matchesPattern } from './glob.js';
export { followRefs, forgetRefs, knownRefs, listRefs } from './list.js';
export { type Mover, type ProtectionRule, selectRules } from './protection.js';
export { holdRefs, movePullRefs, pullRefName, readRefs } from './pull-refs.js';
export { holdRepository, insertFormerTips, type Ref, type RepositoryVersions } from './store.js';
export {
  type HeldRefUpdates,
  holdRefUpdates,
  type RefUpdate,
  type RefUpdateResult,
  type RefVerdict,
  type UpdateOptions,
  updateRefs,
  writeRefUpdates,
} from './update.js';
