import { randomUUID } from 'node:crypto';
import { mkdir, open, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { type Examination, fail, ok, warn } from './contract.js';

const MiB = 1024 * 1024;
const LOW_BYTES = 2 * 1024 * MiB;
const EMPTY_BYTES = 100 * MiB;

/** Codes of a disk, or of a user's share of it, without room. */
const FULL = new Set(['ENOSPC', 'EDQUOT']);

/** Pushes are spooled here whatever the object store is, and fetched packs are cached. */
export const dataDir: Examination = {
  subject: 'data folder',
  async run({ config, freeBytes }) {
    const folder = resolve(config.GITCLAW_DATA_DIR);
    const probe = join(folder, `doctor-${randomUUID()}`);
    try {
      await mkdir(folder, { recursive: true });
      const file = await open(probe, 'wx');
      await file.writeFile('probe').then(() => file.sync());
      await file.close();
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      const hint = FULL.has(String(code))
        ? 'make room, or set GITCLAW_DATA_DIR to a folder of another disk'
        : 'give the user of the server the folder, or set GITCLAW_DATA_DIR to another one';
      return [fail('data folder', `${folder} cannot be written (${code})`, hint)];
    } finally {
      await rm(probe, { force: true }).catch(() => {});
    }
    return [ok('data folder', folder), examineSpace(await freeBytes(folder))];
  },
};

function examineSpace(free: number) {
  const detail = `${Math.floor(free / MiB)} MiB free`;
  const hint = 'make room: a push is written to disk whole before it is stored';
  if (free < EMPTY_BYTES) return fail('disk space', detail, hint);
  return free < LOW_BYTES ? warn('disk space', detail, hint) : ok('disk space', detail);
}
