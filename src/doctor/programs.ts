import { access, constants } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { describeIsolation } from '../ci/index.js';
import { type Examination, ok, warn } from './contract.js';

export const programs: Examination = {
  subject: 'git',
  async run({ path }) {
    for (const folder of path.split(delimiter).filter(Boolean)) {
      const file = join(folder, 'git');
      if (await isExecutable(file)) return [ok('git', file)];
    }
    return [warn('git', 'not on the PATH', 'the server needs none; install it where agents use `gitclaw setup`')];
  },
};

export const isolation: Examination = {
  subject: 'CI runs',
  async run({ config }) {
    if (!config.CI_ENABLED) return [ok('CI runs', 'not run on this node (CI_ENABLED)')];
    const found = await describeIsolation(config);
    if ('driver' in found) return [ok('CI runs', `isolated by ${found.driver}`)];
    const hint = 'install bubblewrap or docker, set CI_ENABLED=false, or run `gitclaw worker --ci` on another machine';
    return [warn('CI runs', found.reason, hint)];
  },
};

async function isExecutable(file: string): Promise<boolean> {
  return access(file, constants.X_OK).then(
    () => true,
    () => false,
  );
}
