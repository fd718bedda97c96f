/** Working files of the driver. They lie on the same file system as the bodies, so that a rename is atomic. */
import { randomUUID } from 'node:crypto';
import { constants, copyFile, link, mkdir, open, readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { syncPath } from './durable.js';
import { isMissing, systemCode } from './failure.js';

/** Begins with a dot, which no key may. */
export const TEMP_FOLDER = '.tmp';

/** Another process may share the folder, so only files that nobody can still be writing are removed. */
const STALE_MS = 3_600_000;

const NO_LINK = new Set(['EXDEV', 'EPERM', 'EMLINK', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EACCES']);

export class TempFiles {
  readonly #folder: string;

  constructor(root: string) {
    this.#folder = join(root, TEMP_FOLDER);
  }

  /** Makes the folder and removes what a killed process left behind. */
  async open(now: number): Promise<void> {
    await mkdir(this.#folder, { recursive: true });
    for (const name of await readdir(this.#folder)) {
      const path = join(this.#folder, name);
      const file = await stat(path).catch(() => undefined);
      if (file !== undefined && now - file.ctimeMs > STALE_MS) await rm(path, { force: true, recursive: true });
    }
  }

  /** Writes and syncs a body, hands its path to `use`, and leaves nothing behind. */
  async withBody(body: Uint8Array, use: (temp: string) => Promise<void>): Promise<void> {
    await this.#with(async (temp) => {
      const handle = await open(temp, 'wx');
      try {
        await handle.writeFile(body);
        await handle.sync();
      } finally {
        await handle.close();
      }
      await use(temp);
    });
  }

  /** The same with the body of a file: a hard link where the system allows one, otherwise a copy. */
  async withFile(source: string, use: (temp: string) => Promise<void>): Promise<void> {
    await this.#with(async (temp) => {
      try {
        await link(source, temp);
      } catch (error) {
        if (!NO_LINK.has(systemCode(error))) throw error;
        await copyFile(source, temp, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE);
      }
      await syncPath(temp);
      await use(temp);
    });
  }

  async #with(work: (temp: string) => Promise<void>): Promise<void> {
    const temp = join(this.#folder, randomUUID());
    try {
      await work(temp);
    } catch (error) {
      await rm(temp, { force: true });
      // The folder itself may have been removed by hand; the next write then works again.
      if (isMissing(error)) await mkdir(this.#folder, { recursive: true });
      throw error;
    }
  }
}
