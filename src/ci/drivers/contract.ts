/** What isolates a run from the machine, from the network and from other runs. */
import type { CiConfig, CiStep } from '../config-file.js';
import type { StreamName } from '../log-store.js';

export interface SandboxRequest {
  runId: string;
  config: CiConfig;
  /** A tar stream of the checkout; it is unpacked inside the sandbox, where no path of it leads out. */
  checkout: AsyncIterable<Uint8Array>;
  /** Ends the sandbox with everything in it. */
  signal: AbortSignal;
}

export interface Sandbox {
  /**
   * Runs the step at this position of the configuration; what it left running is ended with it.
   * @returns its exit code, null when the sandbox ended before the step did
   */
  run(step: CiStep, order: number, output: (stream: StreamName, bytes: Buffer) => void): Promise<number | null>;
  /** Ends whatever still runs and frees everything. */
  close(): Promise<void>;
}

/**
 * A sandbox has a writable folder /workspace with the checkout, no network, no variable of this process, no file of its
 * owner, and limits for memory, processors, processes and disk. Nothing in it runs as root.
 */
export interface SandboxDriver {
  readonly name: 'bubblewrap' | 'docker' | 'kubernetes';
  /** Tries whether sandboxes work here. @returns undefined, or a sentence that says why not */
  probe(): Promise<string | undefined>;
  /** @throws SandboxError when the checkout cannot be unpacked or the sandbox does not start */
  open(request: SandboxRequest): Promise<Sandbox>;
}

/** A message fit for the log of the run. */
export class SandboxError extends Error {
  override readonly name = 'SandboxError';
}

/** Processes and threads of one run. */
export const MAX_PROCESSES = 512;
export const WORKSPACE = '/workspace';
/** All that steps find in their environment besides their own variables. */
export const BASE_ENV: Record<string, string> = {
  CI: 'true',
  HOME: WORKSPACE,
  LANG: 'C.UTF-8',
  PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
  TMPDIR: '/tmp',
};

/** Variables of a step: its own win over those of the run. */
export function stepEnv(config: CiConfig, step: CiStep): Record<string, string> {
  return { ...BASE_ENV, ...config.env, ...step.env };
}

/** Absolute folder of a step inside the sandbox. */
export function stepFolder(step: CiStep): string {
  return step.working_dir === '.' ? WORKSPACE : `${WORKSPACE}/${step.working_dir}`;
}
