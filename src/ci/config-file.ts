/** The file `.gitclaw-ci.yml`: what it may say, and its defaults. YAML 1.2, core schema. */
import { parseDocument } from 'yaml';
import { z } from 'zod';
import { AppError } from '../errors.js';
import { text } from '../routing/index.js';

const MiB = 1024 * 1024;
const GiB = 1024 * MiB;

/** Far more than anybody writes by hand; it is kept with every run. */
export const MAX_CONFIG_BYTES = 64 * 1024;
const MAX_STEPS = 100;
/** A run holds a place at a runner for at most this long, seconds. */
const MAX_TIMEOUT_SECS = 3600;
/** Aliases may not blow a small file up ("billion laughs"). */
const MAX_ALIASES = 100;

const whole = (fallback: number, min: number, max: number) => z.int().min(min).max(max).default(fallback);

/** `max` counts code points, as the column does. */
const name = (max: number) =>
  text
    .min(1)
    .refine((value) => [...value].length <= max && !/[\r\n]/.test(value), `must be one line of 1-${max} characters`);

/** Names as POSIX has them; YAML numbers and booleans count as what they look like. */
const env = z
  .record(
    z.string().regex(/^[A-Za-z_][A-Za-z0-9_]{0,255}$/, 'must be a name of letters, digits and "_"'),
    z.union([text, z.number(), z.boolean()]).transform(String),
  )
  .nullish()
  .transform((value) => value ?? {});

const workingDir = text
  .max(1024)
  .default('.')
  .refine((path) => !path.startsWith('/') && !path.split('/').includes('..'), 'must be a folder inside the checkout');

const step = z.object({
  name: name(256),
  run: text.min(1),
  working_dir: workingDir,
  env,
  continue_on_error: z.boolean().default(false),
});

/** Unknown keys are left out, so that a file with the keys of a newer server still runs. */
export const ciConfig = z.object({
  name: name(256).default('default'),
  timeout: whole(600, 1, MAX_TIMEOUT_SECS),
  env,
  resources: z
    .object({
      memory: whole(512 * MiB, 16 * MiB, 8 * GiB),
      cpu_shares: whole(1024, 2, 262_144),
      disk: whole(1 * GiB, 1 * MiB, 16 * GiB),
    })
    .prefault({}),
  steps: z.array(step).min(1).max(MAX_STEPS),
});

export type CiConfig = z.output<typeof ciConfig>;
export type CiStep = CiConfig['steps'][number];

/**
 * Reads a configuration.
 * @param bytes content of the file
 * @throws AppError INVALID_CI_CONFIG with a message that says where and why
 */
export function parseConfig(bytes: Uint8Array): CiConfig {
  if (bytes.length > MAX_CONFIG_BYTES) throw unreadable(`it has more than ${MAX_CONFIG_BYTES} bytes`);
  const parsed = ciConfig.safeParse(readYaml(decode(bytes)));
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw unreadable(`${issue?.path.join('.') || 'the file'}: ${issue?.message}`);
}

/** @param why in words that follow a colon */
export function unreadable(why: string): AppError {
  return new AppError('INVALID_CI_CONFIG', { message: `.gitclaw-ci.yml cannot be read: ${why}.` });
}

function decode(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw unreadable('it is not UTF-8 text');
  }
}

function readYaml(source: string): unknown {
  const document = parseDocument(source, { merge: true, prettyErrors: true, logLevel: 'silent' });
  const [error] = document.errors;
  if (error !== undefined) throw unreadable(firstLine(error.message));
  try {
    return document.toJS({ maxAliasCount: MAX_ALIASES });
  } catch (error) {
    throw unreadable(firstLine(error instanceof Error ? error.message : String(error)));
  }
}

/** The parser adds the source with a caret below its message. */
function firstLine(message: string): string {
  return (message.split('\n')[0] ?? '').replace(/[:.]\s*$/, '');
}
