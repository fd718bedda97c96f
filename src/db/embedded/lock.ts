/** One node per data dir. Postgres guards its own files, but reports a second start late and in its own words. */
import { link, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseStartError } from '../errors.js';
import { isAlive, startMark } from './processes.js';

const LOCK_FILE = 'gitclaw.lock';

/**
 * Takes the data dir for this process; a lock left by a dead one is taken over.
 * @returns releases the lock
 * @throws DatabaseStartError naming the process that holds it
 */
export async function lockDataDir(dataDir: string): Promise<() => Promise<void>> {
  const path = join(dataDir, LOCK_FILE);
  const own = `${process.pid} ${await startMark(process.pid)}\n`;
  const draft = `${path}.${process.pid}`;
  await writeFile(draft, own, { mode: 0o600 });
  try {
    for (let attempt = 0; attempt < 5; attempt++) {
      // A link appears with its content, so no one ever reads an empty lock.
      const taken = await link(draft, path).then(
        () => true,
        (error: NodeJS.ErrnoException) => {
          if (error.code === 'EEXIST') return false;
          throw error;
        },
      );
      if (taken) return () => rm(path, { force: true });
      const holder = await readFile(path, 'utf8').catch(() => '');
      const pid = await livePid(holder);
      if (pid !== undefined) throw inUse(dataDir, pid);
      await rm(path, { force: true });
    }
  } finally {
    await rm(draft, { force: true });
  }
  throw inUse(dataDir);
}

/** The living process that uses the data dir, undefined when there is none. */
export async function dataDirHolder(dataDir: string): Promise<number | undefined> {
  return livePid(await readFile(join(dataDir, LOCK_FILE), 'utf8').catch(() => ''));
}

export function inUse(dataDir: string, pid?: number): DatabaseStartError {
  const who = pid === undefined ? 'another GitClaw' : `another GitClaw (process ${pid})`;
  return new DatabaseStartError(
    `${dataDir} is in use by ${who}: give each its own GITCLAW_DATA_DIR, or let them share one DATABASE_URL`,
  );
}

async function livePid(holder: string): Promise<number | undefined> {
  const [text = '', mark = ''] = holder.trim().split(' ');
  const pid = Number(text);
  if (!Number.isSafeInteger(pid) || pid <= 0 || !isAlive(pid)) return undefined;
  return (await startMark(pid)) === mark ? pid : undefined;
}
