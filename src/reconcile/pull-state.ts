/** Check `pr_state_invariants`: a pull request is merged exactly when it says when. */
import { type Check, type Drift, MAX_DRIFTS } from './contract.js';
import { selectInconsistentPulls } from './store.js';

export const pullState: Check = {
  type: 'pr_state_invariants',
  everySecs: (config) => config.RECONCILE_PULLS_SECS,
  pauseSecs: 0,
  async run({ db }) {
    const { pulls, total } = await selectInconsistentPulls(db, MAX_DRIFTS);
    const drifts = pulls.map(({ prId, repoId, status, hasMergedAt }): Drift => {
      const resource = { type: 'pull_request' as const, id: prId };
      return status === 'merged'
        ? { kind: 'merged_pr_missing_timestamp', detail: { repo_id: repoId, pr_id: prId }, resource }
        : {
            kind: 'pr_status_inconsistent',
            detail: { repo_id: repoId, pr_id: prId, status, has_merged_at: hasMergedAt },
            resource,
          };
    });
    return { drifts, itemsChecked: total, cursor: '' };
  },
};
