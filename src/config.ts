/**
 * The only reader of the environment. One row per variable: name, default, rule, one sentence.
 *
 * A wrong value stops the start with one line that names the variable; see {@link ConfigError}.
 */
import { z } from 'zod';
import { readEnvFile } from './env-file.js';
import { type RateLimits, readRateLimits } from './rate-limits.js';
import { DEFAULT_RECEIVE_LIMITS as LIMITS, type ReceiveLimits, receiveLimits } from './receive-limits.js';

/** Thrown with a single printable line per wrong variable. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

const flag = (fallback: boolean) =>
  z
    .string()
    .default(fallback ? 'true' : 'false')
    .transform((text, context) => {
      const value = text.trim().toLowerCase();
      if (['true', '1', 'yes'].includes(value)) return true;
      if (['false', '0', 'no', ''].includes(value)) return false;
      context.addIssue({ code: 'custom', message: 'must be true or false' });
      return z.NEVER;
    });

const whole = (fallback: number, min: number, max: number) =>
  z
    .string()
    .default(String(fallback))
    .transform((text, context) => {
      const value = Number(text.trim());
      if (/^\d+$/.test(text.trim()) && value >= min && value <= max) return value;
      context.addIssue({ code: 'custom', message: `must be a whole number from ${min} to ${max}` });
      return z.NEVER;
    });

const optional = z
  .string()
  .optional()
  .transform((text) => (text === undefined || text.trim() === '' ? undefined : text.trim()));

const optionalPort = optional
  .refine(
    (text) => text === undefined || (/^\d+$/.test(text) && Number(text) <= 65535),
    'must be a whole number from 0 to 65535',
  )
  .transform((text) => (text === undefined ? undefined : Number(text)));

const url = (schemes: string[]) =>
  optional.transform((text, context) => {
    if (text === undefined) return undefined;
    try {
      if (schemes.includes(new URL(text).protocol)) return text.replace(/\/+$/, '');
    } catch {}
    context.addIssue({
      code: 'custom',
      message: `must be a URL that starts with ${schemes.map((s) => `${s}//`).join(' or ')}`,
    });
    return z.NEVER;
  });

const list = optional.transform((text) =>
  (text ?? '')
    .split(',')
    .map((part) => part.trim())
    .filter(Boolean),
);

/** What an operator's password is compared with, in the forms that password.ts of the admin room can check. */
const passwordHash = optional.refine(
  (text) =>
    text === undefined ||
    /^[0-9a-f]{64}$/.test(text) ||
    /^\$scrypt\$ln=([1-9]|1\d|20),r=([1-9]|[12]\d|3[0-2]),p=([1-9]|1[0-6])(\$[A-Za-z0-9+/]{8,}){2}$/.test(text) ||
    /^\$argon2(?:id|i|d)\$v=19\$m=[1-9]\d{1,6},t=[1-9]\d{0,2},p=[1-9]\d{0,2}(\$[A-Za-z0-9+/]{8,}){2}$/.test(text),
  'must be the lower-case hex SHA-256 of the password, $scrypt$ln=,r=,p=$salt$hash or $argon2id$v=19$m=,t=,p=$salt$hash',
);

const userName = optional.refine(
  (text) => text === undefined || /^[\x21-\x7e]{1,64}$/.test(text),
  'must be 1-64 printable ASCII characters without spaces',
);

const LOG_LEVELS = ['error', 'warn', 'info', 'debug', 'trace'] as const;
type LogLevel = (typeof LOG_LEVELS)[number];

const KiB = 1024;
const MiB = 1024 * KiB;
const GiB = 1024 * MiB;

const schema = z.object({
  /** `postgres://` URL; unset = an embedded Postgres under GITCLAW_DATA_DIR. */
  DATABASE_URL: url(['postgres:', 'postgresql:']),
  /** Connections of this node to Postgres, at most 5 to the embedded one; above 2 one of them listens for background work. */
  DATABASE_MAX_CONNECTIONS: whole(10, 2, 1000),
  /** `false` leaves migrations to `gitclaw migrate run`. */
  DATABASE_MIGRATE_ON_START: flag(true),
  /** Address to listen on. */
  HOST: z.string().trim().min(1).default('127.0.0.1'),
  /** Port to listen on; 0 lets the system choose. */
  PORT: whole(8080, 0, 65535),
  /** Port on HOST where `gitclaw worker` answers /metrics and /health; 0 lets the system choose, unset = it listens nowhere. */
  WORKER_PORT: optionalPort,
  /** Base of clone URLs and of accepted token audiences; default `http://HOST:PORT`. */
  PUBLIC_URL: url(['http:', 'https:']),
  /** Further host[:port] names accepted as token audience. */
  ALLOWED_HOSTS: list,
  /** Proxies (addresses) whose X-Forwarded-For is believed. */
  TRUSTED_PROXIES: list,
  /** Where the embedded Postgres, the filesystem object store and working files live. */
  GITCLAW_DATA_DIR: z.string().trim().min(1).default('./.gitclaw-data'),
  /** Oldest signature accepted, seconds. */
  SIGNATURE_EXPIRY_SECS: whole(300, 1, 86_400),
  /** How long a stored result answers a repeated nonce, hours. */
  IDEMPOTENCY_TTL_HOURS: whole(24, 1, 8760),
  /** `true` refuses nested bodies that lack the ids of the path. */
  GITCLAW_STRICT_BINDING: flag(false),
  /** error, warn, info, debug or trace. */
  LOG_LEVEL: optional,
  /** Older name of LOG_LEVEL, `level` or `target=level` list; only the level of `gitclaw` counts. */
  RUST_LOG: optional,
  /** `false` hides GET /metrics. */
  METRICS_ENABLED: flag(true),
  /** `true` sends traces to the default collector when none is named; `false` sends none. */
  OTEL_ENABLED: optional,
  /** Base URL of a collector that takes OTLP over HTTP; set = traces are sent. */
  OTEL_EXPORTER_OTLP_ENDPOINT: url(['http:', 'https:']),
  /** What the node is called in traces. */
  OTEL_SERVICE_NAME: z.string().trim().min(1).default('gitclaw-storage'),
  /** How long a node that was told to stop goes on serving once /health/ready says 503, if anybody asks that; seconds. */
  SHUTDOWN_DELAY_SECS: whole(5, 0, 600),
  /** Bucket; set = objects live in S3, unset = on disk. */
  S3_BUCKET: optional,
  /** Endpoint of an S3-compatible service; unset = AWS. */
  S3_ENDPOINT: url(['http:', 'https:']),
  /** Region; `auto` for R2. */
  S3_REGION: z.string().trim().min(1).default('us-east-1'),
  /** Static key; unset = the default AWS chain. */
  S3_ACCESS_KEY_ID: optional,
  /** Secret of the static key. */
  S3_SECRET_ACCESS_KEY: optional,
  /** Alias of S3_ACCESS_KEY_ID. */
  S3_ACCESS_KEY: optional,
  /** Alias of S3_SECRET_ACCESS_KEY. */
  S3_SECRET_KEY: optional,
  /** Where clients reach the S3 service, for links; unset = S3_ENDPOINT. */
  S3_PUBLIC_ENDPOINT: url(['http:', 'https:']),
  /** `http://endpoint/bucket/key` instead of `http://bucket.endpoint/key`. */
  S3_USE_PATH_STYLE: flag(false),
  /** Create the bucket at start when it is missing. */
  S3_AUTO_CREATE_BUCKET: flag(false),
  /** Repeats after a failed call. */
  S3_MAX_RETRIES: whole(3, 0, 10),
  /** Longest pause between repeats, seconds. */
  S3_RETRY_MAX_BACKOFF: whole(30, 1, 300),
  /** Calls slower than this are logged as a warning, milliseconds. */
  S3_SLOW_OPERATION_THRESHOLD_MS: whole(1000, 1, 600_000),
  /** `true` keeps fetched packs on disk across restarts. */
  GITCLAW_CACHE_ENABLED: flag(false),
  /** Folder of the kept packs. */
  GITCLAW_CACHE_DIR: z.string().trim().min(1).default('.gitclaw-cache'),
  /** Cap of the local pack cache, bytes. */
  GITCLAW_MAX_CACHE_SIZE_BYTES: whole(1 * GiB, 16 * MiB, Number.MAX_SAFE_INTEGER),
  /** Largest pack one push may carry, bytes. */
  GITCLAW_MAX_PACK_BYTES: whole(2 * GiB, 1 * KiB, Number.MAX_SAFE_INTEGER),
  /** Most objects in one push. */
  GITCLAW_MAX_PACK_OBJECTS: whole(LIMITS.maxObjects, 1, 50_000_000),
  /** Most bytes that one push may inflate to. */
  GITCLAW_MAX_INFLATED_BYTES: whole(LIMITS.maxInflatedBytes, 1 * KiB, Number.MAX_SAFE_INTEGER),
  /** Largest object, bytes. */
  GITCLAW_MAX_OBJECT_BYTES: whole(LIMITS.maxObjectBytes, 1 * KiB, 64 * GiB),
  /** Inflated bytes allowed for each byte of a pack, beyond 256 MiB that are always allowed. */
  GITCLAW_MAX_INFLATION_RATIO: whole(LIMITS.maxInflationRatio, 1, 1_000_000),
  /** Longest chain of deltas. */
  GITCLAW_MAX_DELTA_DEPTH: whole(LIMITS.maxDeltaDepth, 1, 4095),
  /** Deepest nesting of folders in one push. */
  GITCLAW_MAX_TREE_DEPTH: whole(LIMITS.maxTreeDepth, 1, 2048),
  /** Longest path in one push, bytes. */
  GITCLAW_MAX_PATH_BYTES: whole(LIMITS.maxPathBytes, 16, 1_000_000),
  /** Most entries of one folder. */
  GITCLAW_MAX_TREE_ENTRIES: whole(LIMITS.maxTreeEntries, 1, 1_000_000),
  /** Longest message of a commit or tag, bytes. */
  GITCLAW_MAX_MESSAGE_BYTES: whole(LIMITS.maxMessageBytes, 1, 16 * MiB),
  /** Most refs that one push may change. */
  GITCLAW_MAX_PUSH_REFS: whole(20_000, 1, 20_000),
  /** `false` receives objects without looking for SHA-1 collision attacks, which costs about 3 ns a byte. */
  GITCLAW_SHA1_COLLISION_CHECK: flag(true),
  /** `true` offers clones a bundle of each repository by a link to S3 (git's transfer.bundleURI); needs S3_BUCKET. */
  GITCLAW_BUNDLE_URI: flag(false),
  /** `true` sends clients that ask for it to S3 for whole packs (git's fetch.uriprotocols); needs S3_BUCKET. */
  GITCLAW_PACKFILE_URIS: flag(false),
  /** How long a link to S3 is good, seconds. */
  GITCLAW_LINK_SECS: whole(3600, 60, 604_800),
  /** Smaller packs and repositories are served without links, bytes. */
  GITCLAW_LINK_MIN_BYTES: whole(8 * MiB, 1, Number.MAX_SAFE_INTEGER),
  /** Pushes of up to this many objects are also stored loose within the push; larger ones by the unpack job. */
  UNPACK_LIMIT: whole(100, 0, 100_000),
  /** How long packs that were merged stay readable for requests that began before; longer than any clone takes, seconds. */
  GITCLAW_PACK_GRACE_SECS: whole(3600, 0, 31_536_000),
  /** How long what refs no longer reach still counts as reachable; longer than any push takes, seconds. */
  GITCLAW_GC_AFTER_SECS: whole(86_400, 0, 31_536_000),
  /** How long objects that no ref reaches can be brought back after they left the repository's packs, seconds. */
  GITCLAW_GC_GRACE_SECS: whole(1_209_600, 0, 31_536_000),
  /** `true` lets webhooks point to any address and port: for development only. */
  WEBHOOK_ALLOW_PRIVATE: flag(false),
  /** Name of the operator; admin access is off unless this and ADMIN_PASSWORD_HASH are set. */
  ADMIN_USERNAME: userName,
  /** Hash of the operator's password: hex SHA-256, or better the $scrypt$ or $argon2id$ form. */
  ADMIN_PASSWORD_HASH: passwordHash,
  /** `false` starts no CI runner in this node; runs wait for those of other nodes. */
  CI_ENABLED: flag(true),
  /** What isolates CI runs: bubblewrap, docker, kubernetes, or auto = the first of the first two that works. */
  CI_DRIVER: z
    .enum(['auto', 'bubblewrap', 'docker', 'kubernetes'], 'must be auto, bubblewrap, docker or kubernetes')
    .default('auto'),
  /** Namespace of the jobs of the kubernetes driver; the cluster is the one of KUBECONFIG or around this process. */
  CI_KUBERNETES_NAMESPACE: z
    .string()
    .regex(/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/, 'must be a name of lower-case letters, digits and "-"')
    .default('gitclaw-ci'),
  /** Image of the containers of the docker and kubernetes drivers; it must have sh, tar and (kubernetes) bash or python3. */
  CI_IMAGE: z.string().trim().min(1).default('debian:stable-slim'),
  /** Seconds between checks of star counts; 0 = never. */
  RECONCILE_STARS_SECS: whole(300, 0, 604_800),
  /** Seconds between checks of pull requests; 0 = never. */
  RECONCILE_PULLS_SECS: whole(300, 0, 604_800),
  /** Seconds between checks that refs point at stored objects; 0 = never. */
  RECONCILE_REFS_SECS: whole(600, 0, 604_800),
  /** Seconds between comparisons of the catalog with the object store; 0 = never. */
  RECONCILE_STORAGE_SECS: whole(86_400, 0, 604_800),
  /** Stored objects that are read and hashed again each day; 0 = none. */
  RECONCILE_SCRUB_OBJECTS: whole(10_000, 0, 100_000_000),
  /** `true` also corrects wrong star counts. */
  RECONCILE_AUTO_FIX: flag(false),
  /** CI runs at the same time in this node. */
  CI_CONCURRENCY: whole(2, 1, 64),
});

type Raw = z.output<typeof schema>;

export interface S3Config {
  bucket: string;
  endpoint: string | undefined;
  /** Where clients reach the service, when that is another address. */
  publicEndpoint?: string | undefined;
  region: string;
  credentials: { accessKeyId: string; secretAccessKey: string } | undefined;
  pathStyle: boolean;
  autoCreateBucket: boolean;
  maxRetries: number;
  retryMaxBackoffSecs: number;
  slowOperationMs: number;
}

export interface TracingConfig {
  /** Without `/v1/traces`. */
  endpoint: string;
  serviceName: string;
}

export interface Config extends Omit<Raw, `S3_${string}` | `OTEL_${string}` | 'LOG_LEVEL' | 'RUST_LOG'> {
  logLevel: LogLevel;
  /** Undefined = the filesystem driver under GITCLAW_DATA_DIR. */
  s3: S3Config | undefined;
  /** Undefined = no traces. */
  tracing: TracingConfig | undefined;
  /** From the variables GITCLAW_MAX_*, see receive-limits.ts. */
  receiveLimits: ReceiveLimits;
  /** From the variables RATE_LIMIT_*, see rate-limits.ts. */
  rateLimits: RateLimits;
  /** DOCKER_HOST, DOCKER_CONTEXT, DOCKER_CONFIG and HOME as far as they are set, for the docker command line. */
  dockerEnv: Record<string, string>;
}

/**
 * The environment and the file `.env` of a folder. A variable that is set, even to nothing, does not count in the file.
 * @throws ConfigError when the file is there and cannot be read
 */
export function withEnvFile(
  env: Record<string, string | undefined> = process.env,
  folder = process.cwd(),
): Record<string, string | undefined> {
  try {
    return { ...readEnvFile(folder), ...env };
  } catch (cause) {
    throw new ConfigError((cause as Error).message, { cause });
  }
}

/**
 * Reads a configuration.
 * @param env the environment of this process unless given
 * @throws ConfigError with one line per wrong variable, each starting with the variable's name
 */
export function readConfig(env: Record<string, string | undefined> = process.env): Config {
  const present = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== undefined && value !== ''));
  const parsed = schema.safeParse(present);
  const { limits: rateLimits, problems } = readRateLimits(present);
  const issues = parsed.success ? [] : parsed.error.issues;
  const lines = [...issues.map((issue) => `${String(issue.path[0])} ${issue.message}`), ...problems];
  if (!parsed.success || lines.length > 0) throw new ConfigError(lines.join('\n'));
  const { LOG_LEVEL, RUST_LOG, ...raw } = parsed.data;
  return {
    ...raw,
    logLevel: logLevel(LOG_LEVEL, RUST_LOG),
    s3: s3Config(raw),
    tracing: tracingConfig(raw),
    receiveLimits: receiveLimits(raw),
    rateLimits,
    dockerEnv: dockerEnv(present),
  };
}

function dockerEnv(env: Record<string, string | undefined>): Record<string, string> {
  const names = ['DOCKER_HOST', 'DOCKER_CONTEXT', 'DOCKER_CONFIG', 'HOME'];
  return Object.fromEntries(names.flatMap((name) => (env[name] === undefined ? [] : [[name, env[name]]])));
}

/** Where collectors listen unless told otherwise (opentelemetry.io, "OTLP Exporter Configuration"). */
const DEFAULT_COLLECTOR = 'http://localhost:4318';

function tracingConfig(raw: Pick<Raw, `OTEL_${string}` & keyof Raw>): TracingConfig | undefined {
  const enabled = flag(raw.OTEL_EXPORTER_OTLP_ENDPOINT !== undefined).safeParse(raw.OTEL_ENABLED);
  if (!enabled.success) throw new ConfigError('OTEL_ENABLED must be true or false');
  if (!enabled.data) return undefined;
  return { endpoint: raw.OTEL_EXPORTER_OTLP_ENDPOINT ?? DEFAULT_COLLECTOR, serviceName: raw.OTEL_SERVICE_NAME };
}

function s3Config(raw: Omit<Raw, 'LOG_LEVEL' | 'RUST_LOG'>): S3Config | undefined {
  if (raw.S3_BUCKET === undefined) {
    const name = raw.GITCLAW_BUNDLE_URI ? 'GITCLAW_BUNDLE_URI' : 'GITCLAW_PACKFILE_URIS';
    if (!raw[name]) return undefined;
    throw new ConfigError(`${name} needs S3_BUCKET: only S3 can serve the links`);
  }
  if (!/^(?!\d+\.\d+\.\d+\.\d+$)(?!.*\.\.)[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/.test(raw.S3_BUCKET)) {
    throw new ConfigError(
      'S3_BUCKET must be 3-63 lower-case letters, digits, "-" or ".", starting and ending with a letter or digit',
    );
  }
  const accessKeyId = raw.S3_ACCESS_KEY_ID ?? raw.S3_ACCESS_KEY;
  const secretAccessKey = raw.S3_SECRET_ACCESS_KEY ?? raw.S3_SECRET_KEY;
  if (accessKeyId !== undefined && secretAccessKey === undefined) {
    throw new ConfigError('S3_SECRET_ACCESS_KEY must be set because S3_ACCESS_KEY_ID is');
  }
  if (accessKeyId === undefined && secretAccessKey !== undefined) {
    throw new ConfigError('S3_ACCESS_KEY_ID must be set because S3_SECRET_ACCESS_KEY is');
  }
  return {
    bucket: raw.S3_BUCKET,
    endpoint: raw.S3_ENDPOINT,
    publicEndpoint: raw.S3_PUBLIC_ENDPOINT,
    region: raw.S3_REGION,
    credentials: accessKeyId && secretAccessKey ? { accessKeyId, secretAccessKey } : undefined,
    pathStyle: raw.S3_USE_PATH_STYLE,
    autoCreateBucket: raw.S3_AUTO_CREATE_BUCKET,
    maxRetries: raw.S3_MAX_RETRIES,
    retryMaxBackoffSecs: raw.S3_RETRY_MAX_BACKOFF,
    slowOperationMs: raw.S3_SLOW_OPERATION_THRESHOLD_MS,
  };
}

function logLevel(own: string | undefined, alias: string | undefined): LogLevel {
  if (own !== undefined) {
    const level = own.toLowerCase();
    if (isLevel(level)) return level;
    throw new ConfigError(`LOG_LEVEL must be one of ${LOG_LEVELS.join(', ')}`);
  }
  let level: LogLevel = 'info';
  let exact = false;
  for (const part of (alias ?? '').split(',')) {
    const [left, right] = part.trim().toLowerCase().split('=');
    if (right === undefined && left && isLevel(left) && !exact) level = left;
    if (left === 'gitclaw' && right && isLevel(right)) {
      level = right;
      exact = true;
    }
  }
  return level;
}

function isLevel(text: string): text is LogLevel {
  return (LOG_LEVELS as readonly string[]).includes(text);
}
