/** The AWS SDK as anybody would use it for many small objects: one client, kept connections, so many calls at once. */
import { Agent } from 'node:http';
import { PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { NodeHttpHandler } from '@smithy/node-http-handler';
import type { LooseObject } from '../../src/packs/index.js';
import { forEachParallel } from '../../src/parallel.js';
import { CONTENT_TYPES, looseKey } from '../../src/storage/index.js';
import type { Deployment } from '../../test/support/deployment.js';
import { timed } from '../support/stats.js';

export interface Spent {
  seconds: number;
  /** Processor seconds of the client. */
  cpu: number;
}

export async function putBySdk(
  { env }: Pick<Deployment, 'env'>,
  objects: readonly LooseObject[],
  lanes: number,
): Promise<Spent> {
  const client = new S3Client({
    region: env.S3_REGION!,
    endpoint: env.S3_ENDPOINT!,
    forcePathStyle: true,
    credentials: { accessKeyId: env.S3_ACCESS_KEY_ID!, secretAccessKey: env.S3_SECRET_ACCESS_KEY! },
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    requestHandler: new NodeHttpHandler({ httpAgent: new Agent({ keepAlive: true, maxSockets: lanes }) }),
  });
  const before = process.cpuUsage();
  const seconds = await timed(() =>
    forEachParallel(objects, lanes, async ({ oid, type, size, body }) => {
      const Metadata = { 'x-git-object-type': type, 'x-git-object-size': String(size) };
      const Key = looseKey('sdk', oid);
      const Bucket = env.S3_BUCKET!;
      await client.send(new PutObjectCommand({ Bucket, Key, Body: body, ContentType: CONTENT_TYPES.loose, Metadata }));
    }),
  );
  const { user, system } = process.cpuUsage(before);
  client.destroy();
  return { seconds, cpu: (user + system) / 1e6 };
}
