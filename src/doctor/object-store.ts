import { randomUUID } from 'node:crypto';
import { resolve } from 'node:path';
import type { Config } from '../config.js';
import { describeStorageError, type ObjectStore, openObjectStore } from '../storage/index.js';
import { type Examination, type Finding, fail, firstLine, ok, warn } from './contract.js';

/** No repository has this id, so nobody takes the probe for one. */
const PREFIX = '__health_check__';

export const objectStore: Examination = {
  subject: 'object store',
  async run({ config }) {
    // It is looked at as it is: nothing is made, and nothing is tried twice.
    const s3 = config.s3 && { ...config.s3, autoCreateBucket: false, maxRetries: 0 };
    const asIs = { ...config, s3, GITCLAW_DATA_DIR: resolve(config.GITCLAW_DATA_DIR) };
    let store: ObjectStore | undefined;
    try {
      store = await openObjectStore(asIs);
      await store.check();
    } catch (error) {
      await store?.close();
      const isMissing = (error as { code?: string }).code === 'S3_BUCKET_NOT_FOUND';
      if (isMissing && config.s3?.autoCreateBucket)
        return [warn('object store', `bucket ${config.s3.bucket} is not there`, 'the next start of a node makes it')];
      return [failure('object store', error, asIs)];
    }
    try {
      return [ok('object store', placeOf(asIs)), ...(await probe(store, asIs))];
    } finally {
      await store.close();
    }
  },
};

/** Everything a node does to objects, on one key, with the permission that each step needs. */
async function probe(store: ObjectStore, config: Config): Promise<Finding[]> {
  const key = `${PREFIX}/doctor-${randomUUID()}`;
  const body = Buffer.from(key);
  const options = { contentType: 'application/octet-stream' };
  const steps: [string, () => Promise<boolean>][] = [
    ['write', () => store.put(key, body, options).then(() => true)],
    ['read', async () => (await store.get(key))?.equals(body) === true],
    ['list', async () => (await listed(store)).includes(key)],
    ['delete', async () => store.delete([key]).then(async () => (await store.head(key)) === undefined)],
  ];
  const bad: Finding[] = [];
  for (const [name, step] of steps) {
    try {
      if (await step()) continue;
      bad.push(fail(`objects: ${name}`, 'the store does not give back what was written', 'do not use this service'));
    } catch (error) {
      bad.push(failure(`objects: ${name}`, error, config));
    }
  }
  if (bad.length > 0) await store.delete([key]).catch(() => {});
  return bad.length > 0 ? bad : [ok('objects', 'written, read, listed and deleted')];
}

async function listed(store: ObjectStore): Promise<string[]> {
  const keys: string[] = [];
  for await (const { key } of store.list(`${PREFIX}/`)) keys.push(key);
  return keys;
}

function failure(subject: string, error: unknown, config: Config): Finding {
  const line = describeStorageError(error, config);
  const [detail = '', hint = 'check the settings of the object store'] = (line ?? firstLine(error)).split(/(?<=\)): /);
  return fail(subject, detail, hint);
}

function placeOf({ s3, GITCLAW_DATA_DIR }: Config): string {
  return s3 === undefined
    ? `files in ${GITCLAW_DATA_DIR}`
    : `bucket ${s3.bucket} at ${s3.endpoint ?? `AWS, ${s3.region}`}`;
}
