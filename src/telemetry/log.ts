import { type DestinationStream, type Logger, pino } from 'pino';
import type { Config } from '../config.js';
import { redactor } from './redact.js';

/**
 * The log of a process: one line of JSON per event, without the secrets of its configuration and of its clients.
 * @param destination default: standard output
 */
export function createLog(config: Config, destination?: DestinationStream): Logger {
  const redact = redactor(secretsOf(config));
  const options = { level: config.logLevel, hooks: { streamWrite: redact } };
  return destination === undefined ? pino(options) : pino(options, destination);
}

function secretsOf({ DATABASE_URL, s3, ADMIN_PASSWORD_HASH }: Config): string[] {
  const encoded = DATABASE_URL === undefined ? '' : new URL(DATABASE_URL).password;
  const keys = [s3?.credentials?.accessKeyId, s3?.credentials?.secretAccessKey];
  return [encoded, decoded(encoded), ...keys, ADMIN_PASSWORD_HASH].filter((secret) => secret !== undefined);
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
