/** What an operator can do about an object store that cannot be used. */
import type { Config } from '../config.js';
import { AppError, type ErrorCode } from '../errors.js';

/** The permissions that the S3 driver needs, and no others. */
export const S3_ACTIONS = ['s3:GetObject', 's3:PutObject', 's3:DeleteObject', 's3:ListBucket', 's3:GetBucketLocation'];

const ADVICE: Partial<Record<ErrorCode, string>> = {
  S3_ACCESS_DENIED: `check S3_ACCESS_KEY_ID and S3_SECRET_ACCESS_KEY, this machine's clock, and that the policy allows ${S3_ACTIONS.join(', ')}`,
  S3_BUCKET_NOT_FOUND: 'check S3_BUCKET and S3_REGION, make the bucket, or set S3_AUTO_CREATE_BUCKET=true',
  S3_CONNECTION_ERROR: 'check S3_ENDPOINT, and that this machine reaches it',
  S3_RATE_LIMITED: 'the service asks to slow down; try again later',
};

/**
 * One line: what is wrong, with which store, and what to do. Undefined for errors that are not the store's.
 * @param config of the store; no secret of it is told
 */
export function describeStorageError(
  error: unknown,
  { s3, GITCLAW_DATA_DIR }: Pick<Config, 's3' | 'GITCLAW_DATA_DIR'>,
): string | undefined {
  if (!(error instanceof AppError)) return undefined;
  const place =
    s3 === undefined ? `files in ${GITCLAW_DATA_DIR}` : `bucket ${s3.bucket} at ${s3.endpoint ?? `AWS, ${s3.region}`}`;
  const advice = ADVICE[error.code] ?? (s3 === undefined ? 'check the folder and its permissions' : undefined);
  return `${error.message.replace(/\.$/, '')} (${place})${advice === undefined ? '' : `: ${advice}`}`;
}
