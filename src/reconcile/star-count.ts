/** Check `star_count`: the counter of a repository says how many stars it has. */
import { correctCount, findWrongCounts } from '../stars/index.js';
import { type Check, MAX_DRIFTS, ofRepository } from './contract.js';

export const starCount: Check = {
  type: 'star_count',
  everySecs: (config) => config.RECONCILE_STARS_SECS,
  pauseSecs: 0,
  async run({ db }) {
    const { wrong, repositories } = await findWrongCounts(db, MAX_DRIFTS);
    const drifts = wrong.map(({ repoId, counted, stars }) =>
      ofRepository('star_count_mismatch', repoId, { expected: counted, actual: stars }),
    );
    return { drifts, itemsChecked: repositories, cursor: '' };
  },
  fix: (tx, { resource }) => correctCount(tx, resource.id),
};
