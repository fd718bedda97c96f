/** What a PUT costs on the client's side, against an HTTP server that takes every body and answers 200. */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { LooseObject } from '../../src/packs/index.js';
import { forEachParallel } from '../../src/parallel.js';
import { CONTENT_TYPES, looseKey, openObjectStore } from '../../src/storage/index.js';
import { mean, timed } from '../support/stats.js';
import { putBySdk, type Spent } from './sdk.js';

const TURNS = 3;

/** @returns lines of text, one for each client */
export async function againstSink(objects: readonly LooseObject[], lanes: number): Promise<string[]> {
  const server = fork(fileURLToPath(new URL('./sink-server.mjs', import.meta.url)));
  try {
    const [port] = (await once(server, 'message')) as [number];
    const endpoint = `http://127.0.0.1:${port}`;
    const keys = { S3_ACCESS_KEY_ID: 'test', S3_SECRET_ACCESS_KEY: 'testtest' };
    const env = { S3_ENDPOINT: endpoint, S3_REGION: 'us-east-1', S3_BUCKET: 'sink', ...keys };
    const turns: { sdk: Spent; ours: Spent }[] = [];
    for (let turn = 0; turn < TURNS; turn++) {
      turns.push({ sdk: await putBySdk({ env }, objects, lanes), ours: await putByStore(endpoint, objects, lanes) });
    }
    return (['sdk', 'ours'] as const).map((name) => {
      const rate = mean(turns.map((turn) => objects.length / turn[name].seconds));
      const cpu = mean(turns.map((turn) => turn[name].cpu / objects.length));
      return `${name === 'sdk' ? 'AWS SDK' : 'our store'}: ${rate.toFixed(0)} /s, ${(cpu * 1e6).toFixed(0)} us of CPU each`;
    });
  } finally {
    server.kill();
  }
}

async function putByStore(endpoint: string, objects: readonly LooseObject[], lanes: number): Promise<Spent> {
  const store = await openObjectStore({
    GITCLAW_DATA_DIR: '',
    s3: {
      bucket: 'sink',
      endpoint,
      region: 'us-east-1',
      credentials: { accessKeyId: 'test', secretAccessKey: 'testtest' },
      pathStyle: true,
      autoCreateBucket: false,
      maxRetries: 3,
      retryMaxBackoffSecs: 30,
      slowOperationMs: 60_000,
    },
  });
  const before = process.cpuUsage();
  const seconds = await timed(() =>
    forEachParallel(objects, lanes, ({ oid, type, size, body }) => {
      const metadata = { 'x-git-object-type': type, 'x-git-object-size': String(size) };
      return store.put(looseKey('ours', oid), body, { contentType: CONTENT_TYPES.loose, metadata });
    }),
  );
  const { user, system } = process.cpuUsage(before);
  await store.close();
  return { seconds, cpu: (user + system) / 1e6 };
}
