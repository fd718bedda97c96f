/** Looks at everything a node depends on. No part's failure keeps the others from being looked at. */
import { statfs } from 'node:fs/promises';
import { ConfigError, readConfig, withEnvFile } from '../config.js';
import { address } from './address.js';
import { type Examination, type Finding, fail, firstLine, ok, type Surroundings } from './contract.js';
import { dataDir } from './data-dir.js';
import { database } from './database.js';
import { examineNodeVersion } from './node-version.js';
import { objectStore } from './object-store.js';
import { isolation, programs } from './programs.js';
import { storeClock } from './store-clock.js';

/** Above the time in which a client gives up by itself. */
const LIMIT_MS = 20_000;

const ALL: readonly Examination[] = [dataDir, database, objectStore, storeClock, isolation, programs, address];

/**
 * @param env settings as a node would get them
 * @param folder where a node would be started, and look for `.env`
 * @param freeBytes what may still be written to the disk of a folder
 * @returns in order; with settings that cannot be read nothing else can be looked at
 */
export async function examineAll(
  env: Readonly<Record<string, string | undefined>>,
  folder: string,
  freeBytes = freeBytesOf,
): Promise<Finding[]> {
  const version = examineNodeVersion(process.versions.node);
  let surroundings: Surroundings;
  try {
    surroundings = { config: readConfig(withEnvFile(env, folder)), path: env.PATH ?? '', freeBytes };
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    const wrong = error.message.split('\n').map((line) => fail('settings', line, 'correct the variable'));
    return [version, ...wrong];
  }
  const found = await Promise.all(ALL.map((each) => within(each, surroundings)));
  return [version, ok('settings', 'all can be read'), ...found.flat()];
}

/** @param limitMs how long it may take */
export async function within(
  examination: Examination,
  surroundings: Surroundings,
  limitMs = LIMIT_MS,
): Promise<Finding[]> {
  const { subject } = examination;
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<Finding[]>((done) => {
    const detail = `no answer within ${limitMs / 1000} s`;
    timer = setTimeout(
      () => done([fail(subject, detail, 'check that it runs and that this machine reaches it')]),
      limitMs,
    );
  });
  const looked = examination
    .run(surroundings)
    .catch((error: unknown) => [fail(subject, firstLine(error), 'see the log of the server')]);
  try {
    return await Promise.race([looked, late]);
  } finally {
    clearTimeout(timer);
  }
}

async function freeBytesOf(folder: string): Promise<number> {
  const { bavail, bsize } = await statfs(folder);
  return bavail * bsize;
}
