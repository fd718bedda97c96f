import { describe, expect, it } from 'vitest';
import { ConfigError, readConfig } from './config.js';

const lineOf = (env: Record<string, string>): string => {
  try {
    readConfig(env);
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError);
    return (error as ConfigError).message;
  }
  throw new Error(`accepted ${JSON.stringify(env)}`);
};

describe('readConfig', () => {
  it('needs nothing at all', () => {
    expect(readConfig({})).toMatchObject({
      HOST: '127.0.0.1',
      PORT: 8080,
      DATABASE_MAX_CONNECTIONS: 10,
      GITCLAW_DATA_DIR: './.gitclaw-data',
      SIGNATURE_EXPIRY_SECS: 300,
      IDEMPOTENCY_TTL_HOURS: 24,
      UNPACK_LIMIT: 100,
      GITCLAW_PACK_GRACE_SECS: 3600,
      GITCLAW_GC_AFTER_SECS: 86_400,
      GITCLAW_GC_GRACE_SECS: 1_209_600,
      logLevel: 'info',
      s3: undefined,
    });
    expect(readConfig({}).DATABASE_URL).toBeUndefined();
  });

  it('offers links only where S3 serves them', () => {
    expect(
      readConfig({ S3_BUCKET: 'objects', GITCLAW_BUNDLE_URI: 'true', S3_PUBLIC_ENDPOINT: 'https://s3.example/' }),
    ).toMatchObject({
      ...{ GITCLAW_BUNDLE_URI: true, GITCLAW_PACKFILE_URIS: false, GITCLAW_LINK_SECS: 3600 },
      s3: { publicEndpoint: 'https://s3.example' },
    });
    expect(lineOf({ GITCLAW_BUNDLE_URI: 'true' })).toBe(
      'GITCLAW_BUNDLE_URI needs S3_BUCKET: only S3 can serve the links',
    );
    expect(lineOf({ GITCLAW_PACKFILE_URIS: 'true' })).toMatch(/^GITCLAW_PACKFILE_URIS needs S3_BUCKET/);
    expect(lineOf({ GITCLAW_LINK_SECS: '5' })).toBe('GITCLAW_LINK_SECS must be a whole number from 60 to 604800');
  });

  it('runs CI unless told otherwise, in what the operator names', () => {
    expect(readConfig({ HOME: '/h', OTHER: 'x' })).toMatchObject({
      ...{ CI_ENABLED: true, CI_DRIVER: 'auto', CI_CONCURRENCY: 2, CI_IMAGE: 'debian:stable-slim' },
      dockerEnv: { HOME: '/h' },
    });
    expect(readConfig({ CI_ENABLED: 'no', CI_DRIVER: 'docker', CI_IMAGE: 'node:22' })).toMatchObject({
      ...{ CI_ENABLED: false, CI_DRIVER: 'docker', CI_IMAGE: 'node:22' },
    });
    expect(lineOf({ CI_DRIVER: 'chroot' })).toBe('CI_DRIVER must be auto, bubblewrap, docker or kubernetes');
    expect(lineOf({ CI_CONCURRENCY: '0' })).toBe('CI_CONCURRENCY must be a whole number from 1 to 64');
  });

  it('lets workers listen where the operator says, and nowhere else', () => {
    expect(readConfig({}).WORKER_PORT).toBeUndefined();
    expect(readConfig({ WORKER_PORT: ' 8081 ' }).WORKER_PORT).toBe(8081);
    expect(readConfig({ WORKER_PORT: '0' }).WORKER_PORT).toBe(0);
    for (const wrong of ['65536', '-1', '80.5', 'any'])
      expect(lineOf({ WORKER_PORT: wrong })).toBe('WORKER_PORT must be a whole number from 0 to 65535');
  });

  it('takes an empty value for an absent one', () => {
    expect(readConfig({ PORT: '', DATABASE_URL: '', S3_BUCKET: '' })).toMatchObject({ PORT: 8080, s3: undefined });
  });

  it('reads S3 with both spellings of the keys and every spelling of true', () => {
    const s3 = { S3_BUCKET: 'my-bucket', S3_ENDPOINT: 'http://127.0.0.1:9000/', S3_REGION: 'auto' };
    for (const yes of ['true', '1', 'YES']) {
      const env = { ...s3, S3_ACCESS_KEY: 'a', S3_SECRET_KEY: 'b', S3_USE_PATH_STYLE: yes, S3_AUTO_CREATE_BUCKET: yes };
      expect(readConfig(env).s3).toMatchObject({
        bucket: 'my-bucket',
        endpoint: 'http://127.0.0.1:9000',
        region: 'auto',
        credentials: { accessKeyId: 'a', secretAccessKey: 'b' },
        pathStyle: true,
        autoCreateBucket: true,
        maxRetries: 3,
        retryMaxBackoffSecs: 30,
      });
    }
    expect(readConfig(s3).s3?.credentials).toBeUndefined();
  });

  it('takes the level of gitclaw from RUST_LOG, unless LOG_LEVEL says otherwise', () => {
    expect(readConfig({ RUST_LOG: 'debug' }).logLevel).toBe('debug');
    expect(readConfig({ RUST_LOG: 'warn,gitclaw=trace,sqlx=error' }).logLevel).toBe('trace');
    expect(readConfig({ RUST_LOG: 'sqlx=error,actix_web=debug' }).logLevel).toBe('info');
    expect(readConfig({ RUST_LOG: 'debug', LOG_LEVEL: 'error' }).logLevel).toBe('error');
  });

  it.each([
    [{ PORT: 'http' }, /^PORT must be a whole number/],
    [{ PORT: '65536' }, /^PORT /],
    [{ DATABASE_URL: 'mysql://x' }, /^DATABASE_URL must be a URL that starts with postgres:\/\//],
    [{ PUBLIC_URL: 'example.com' }, /^PUBLIC_URL /],
    [{ DATABASE_MAX_CONNECTIONS: '0' }, /^DATABASE_MAX_CONNECTIONS /],
    [{ SIGNATURE_EXPIRY_SECS: '-1' }, /^SIGNATURE_EXPIRY_SECS /],
    [{ GITCLAW_STRICT_BINDING: 'maybe' }, /^GITCLAW_STRICT_BINDING must be true or false/],
    [{ LOG_LEVEL: 'loud' }, /^LOG_LEVEL /],
    [{ S3_BUCKET: 'Not_A_Bucket' }, /^S3_BUCKET /],
    [{ S3_BUCKET: 'ok-bucket', S3_ENDPOINT: 'ftp://x' }, /^S3_ENDPOINT /],
    [{ S3_BUCKET: 'ok-bucket', S3_ACCESS_KEY_ID: 'only-one' }, /S3_SECRET_ACCESS_KEY/],
    [{ S3_BUCKET: 'ok-bucket', S3_MAX_RETRIES: '11' }, /^S3_MAX_RETRIES /],
  ])('names the variable that is wrong: %o', (env, line) => {
    const message = lineOf(env);
    expect(message).toMatch(line);
    expect(message).not.toContain('\n');
  });

  it('tells all that is wrong at once, one line each', () => {
    expect(lineOf({ PORT: 'x', SIGNATURE_EXPIRY_SECS: 'y' }).split('\n')).toHaveLength(2);
  });

  it('sends traces when a collector is named, unless told not to', () => {
    const OTEL_EXPORTER_OTLP_ENDPOINT = 'http://collector:4318/';
    expect(readConfig({}).tracing).toBeUndefined();
    expect(readConfig({ OTEL_ENABLED: 'false', OTEL_EXPORTER_OTLP_ENDPOINT }).tracing).toBeUndefined();
    const named = { endpoint: 'http://collector:4318', serviceName: 'gitclaw-storage' };
    expect(readConfig({ OTEL_EXPORTER_OTLP_ENDPOINT }).tracing).toEqual(named);
    expect(readConfig({ OTEL_ENABLED: '1', OTEL_SERVICE_NAME: 'x' }).tracing).toEqual({
      endpoint: 'http://localhost:4318',
      serviceName: 'x',
    });
    expect(lineOf({ OTEL_ENABLED: 'maybe' })).toBe('OTEL_ENABLED must be true or false');
    expect(lineOf({ OTEL_EXPORTER_OTLP_ENDPOINT: 'collector' })).toMatch(/^OTEL_EXPORTER_OTLP_ENDPOINT must be a URL/);
  });
});
