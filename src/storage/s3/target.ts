import { PutObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import { AppError } from '../../errors.js';

/** Where requests for the keys of a bucket go. */
export interface Target {
  protocol: 'http:' | 'https:';
  hostname: string;
  port: number | undefined;
  /** Value of the Host header. */
  host: string;
  /** Comes before the encoded key. */
  prefix: string;
  /** For the signature. */
  region: string;
}

/**
 * Asks the SDK where it would put an object, so that the many rules for hosts, buckets and regions are its own.
 * @returns undefined when the bucket wants another way to sign than Signature Version 4 for S3
 */
export async function resolveTarget(client: S3Client, bucket: string): Promise<Target | undefined> {
  const key = 'key';
  let target: Target | undefined;
  const command = new PutObjectCommand({ Bucket: bucket, Key: key, Body: new Uint8Array(0) });
  // At this step the request has its address, and nothing was signed or sent.
  command.middlewareStack.add(
    (_next, context) => async (args) => {
      const request = args.request as { protocol: string; hostname: string; port?: number; path: string };
      const scheme = context.endpointV2?.properties?.authSchemes?.[0];
      if (scheme?.name === 'sigv4' && scheme.signingName === 's3' && scheme.signingRegion !== undefined) {
        const { protocol, hostname, port } = request;
        if (protocol !== 'http:' && protocol !== 'https:') throw new AppError('OBJECT_STORAGE_ERROR');
        const host = port === undefined ? hostname : `${hostname}:${port}`;
        const prefix = request.path.slice(0, -key.length);
        target = { protocol, hostname, port, host, prefix, region: scheme.signingRegion };
      }
      return { response: undefined, output: { $metadata: {} } };
    },
    { step: 'build', priority: 'high', name: 'readTarget' },
  );
  await client.send(command);
  return target;
}
