/** A look at one thing a node depends on. */
import type { Config } from '../config.js';

export type Status = 'ok' | 'warn' | 'fail';

export interface Finding {
  /** What was looked at, in two or three words. */
  subject: string;
  status: Status;
  /** What was found. One line, without secrets. */
  detail: string;
  /** What to do about it; set unless all is well. */
  hint?: string;
}

export interface Surroundings {
  config: Config;
  /** PATH of the process that asks. */
  path: string;
  /** What a user may still write to the disk of a folder. */
  freeBytes(folder: string): Promise<number>;
}

export interface Examination {
  subject: string;
  run(surroundings: Surroundings): Promise<Finding[]>;
}

export function ok(subject: string, detail: string): Finding {
  return { subject, status: 'ok', detail };
}

export function warn(subject: string, detail: string, hint: string): Finding {
  return { subject, status: 'warn', detail, hint };
}

export function fail(subject: string, detail: string, hint: string): Finding {
  return { subject, status: 'fail', detail, hint };
}

/** The first line of what was thrown. */
export function firstLine(error: unknown): string {
  return (error instanceof Error ? error.message || error.name : String(error)).split('\n', 1)[0] ?? '';
}
