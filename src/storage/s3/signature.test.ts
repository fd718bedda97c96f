import { createHash } from 'node:crypto';
import { S3Client } from '@aws-sdk/client-s3';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeKey, formatAmzDate, Signer } from './signature.js';

describe("the examples of Amazon's documentation", () => {
  const identity = { accessKeyId: 'AKIAIOSFODNN7EXAMPLE', secretAccessKey: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY' };
  const host = 'examplebucket.s3.amazonaws.com';
  const amzDate = '20130524T000000Z';
  const ofNothing = sha256('');
  const signed = { host, 'x-amz-date': amzDate };
  const signer = new Signer('us-east-1');

  it.each([
    [
      'PUT object',
      {
        method: 'PUT',
        path: `/${encodeKey('test$file.text')}`,
        headers: {
          ...signed,
          date: 'Fri, 24 May 2013 00:00:00 GMT',
          'x-amz-content-sha256': sha256('Welcome to Amazon S3.'),
          'x-amz-storage-class': 'REDUCED_REDUNDANCY',
        },
        payloadHash: sha256('Welcome to Amazon S3.'),
      },
      '98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd',
    ],
    [
      'GET object',
      {
        method: 'GET',
        path: '/test.txt',
        headers: { ...signed, range: 'bytes=0-9', 'x-amz-content-sha256': ofNothing },
        payloadHash: ofNothing,
      },
      'f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41',
    ],
    [
      'GET bucket lifecycle',
      {
        method: 'GET',
        path: '/',
        query: 'lifecycle=',
        headers: { ...signed, 'x-amz-content-sha256': ofNothing },
        payloadHash: ofNothing,
      },
      'fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543',
    ],
    [
      'list objects',
      {
        method: 'GET',
        path: '/',
        query: 'max-keys=2&prefix=J',
        headers: { ...signed, 'x-amz-content-sha256': ofNothing },
        payloadHash: ofNothing,
      },
      '34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7',
    ],
  ])('%s', (_name, request, signature) => {
    const value = signer.authorization(request, identity, amzDate);
    expect(value.split('Signature=')[1]).toBe(signature);
    expect(value).toMatch(/^AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE\/20130524\/us-east-1\/s3\/aws4_request, /);
  });
});

describe("against the SDK's signer", () => {
  const segment = fc.oneof(
    fc.stringMatching(/^[\x20-\x2e\x30-\x7e]{1,12}$/),
    fc.constantFrom('%2F', '+ +', "*'()!", '~'),
  );
  const keys = fc.array(segment, { minLength: 1, maxLength: 4 }).map((names) => names.join('/'));
  const values = fc.stringMatching(/^[\x20-\x7e]{0,30}$/);

  it('gives the same for any key, header, body, time and identity', async () => {
    await fc.assert(
      fc.asyncProperty(
        keys,
        fc.dictionary(fc.stringMatching(/^x-amz-meta-[a-z0-9-]{1,10}$/), values, { maxKeys: 4 }),
        fc.uint8Array({ maxLength: 200 }),
        fc.date({ min: new Date('2001-01-01'), max: new Date('2099-12-31'), noInvalidDate: true }),
        fc.record({
          accessKeyId: fc.stringMatching(/^[A-Z0-9]{4,20}$/),
          secretAccessKey: fc.stringMatching(/^[\x21-\x7e]{1,40}$/),
          sessionToken: fc.option(fc.stringMatching(/^[\w+/=]{1,60}$/), { nil: undefined }),
        }),
        fc.constantFrom('us-east-1', 'eu-central-1', 'auto'),
        async (key, metadata, body, date, identity, region) => {
          const headers = { host: 'bucket.example:9000', 'content-type': 'a/b', ...metadata };
          const path = `/bucket/${encodeKey(key)}`;
          const theirs = await signBySdk(region, identity, date, { path, headers, body });
          const amzDate = formatAmzDate(date.getTime());
          const payloadHash = sha256(body);
          const ours = new Signer(region).authorization(
            {
              method: 'PUT',
              path,
              headers: {
                ...headers,
                'x-amz-date': amzDate,
                'x-amz-content-sha256': payloadHash,
                ...(identity.sessionToken !== undefined && { 'x-amz-security-token': identity.sessionToken }),
              },
              payloadHash,
            },
            identity,
            amzDate,
          );
          expect(ours).toBe(theirs.headers.authorization);
        },
      ),
      { numRuns: 300 },
    );
  });

  it('goes along with a new day and with new credentials', async () => {
    const signer = new Signer('us-east-1');
    const request = { method: 'PUT', path: '/k', headers: { host: 'h' }, payloadHash: sha256('') };
    const answers = new Set<string>();
    for (const secretAccessKey of ['one', 'two', 'one']) {
      for (const day of ['20260101', '20260102']) {
        const value = signer.authorization(request, { accessKeyId: 'A', secretAccessKey }, `${day}T000000Z`);
        expect(value).toBe(
          new Signer('us-east-1').authorization(request, { accessKeyId: 'A', secretAccessKey }, `${day}T000000Z`),
        );
        answers.add(value);
      }
    }
    expect(answers.size).toBe(4);
  });
});

interface SdkIdentity {
  accessKeyId: string;
  secretAccessKey: string;
  sessionToken?: string | undefined;
}

/** The request with the headers that the S3 client's own signer adds. */
async function signBySdk(
  region: string,
  { sessionToken, ...pair }: SdkIdentity,
  signingDate: Date,
  { path, headers, body }: { path: string; headers: Record<string, string>; body: Uint8Array },
) {
  const credentials = sessionToken === undefined ? pair : { ...pair, sessionToken };
  const client = new S3Client({ region, credentials });
  const signer = await client.config.signer({
    name: 'sigv4',
    signingName: 's3',
    signingRegion: region,
    properties: {},
  });
  const query = {};
  const hostname = 'bucket.example';
  return signer.sign(
    { method: 'PUT', protocol: 'http:', hostname, path, query, headers: { ...headers }, body },
    { signingDate },
  );
}

function sha256(data: string | Uint8Array): string {
  return createHash('sha256').update(data).digest('hex');
}
