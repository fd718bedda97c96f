import { GetObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';
import type { S3Config } from '../../config.js';
import { connect } from './client.js';

/** Signs links. Nothing is sent: whether there is such a key shows only when the link is used. */
export interface Linker {
  link(key: string, seconds: number): Promise<string>;
  close(): void;
}

/** The host is part of what is signed, so a service that clients reach under another name needs a client of its own. */
export function createLinker(config: S3Config, client: S3Client): Linker {
  const { publicEndpoint } = config;
  const own = publicEndpoint === undefined ? undefined : connect({ ...config, endpoint: publicEndpoint }).client;
  return {
    link: (key, seconds) =>
      getSignedUrl(own ?? client, new GetObjectCommand({ Bucket: config.bucket, Key: key }), { expiresIn: seconds }),
    close: () => own?.destroy(),
  };
}
