/** Keeping a lease while a run is worked on, and noticing that it is gone. */
import type { AppContext } from '../context.js';
import { type ClaimedRun, LEASE_SECS, renewLease } from './lease-store.js';

/** Why work on a run ends before its steps do. */
export type EndReason = 'lost' | 'outdated' | 'stopping' | 'timeout';

const RENEW_MS = 4_000;
/** Without a sign from the database work ends 4 seconds before anybody else may begin. */
const GIVE_UP_MS = (LEASE_SECS - 4) * 1000;

export class Lease {
  readonly #ctx: AppContext;
  readonly #run: ClaimedRun;
  readonly #controller = new AbortController();
  readonly #timer: NodeJS.Timeout;
  #deadline: NodeJS.Timeout;
  #reason: EndReason | undefined;

  constructor(ctx: AppContext, run: ClaimedRun) {
    this.#ctx = ctx;
    this.#run = run;
    this.#timer = setInterval(() => void this.check(), RENEW_MS);
    this.#deadline = this.#giveUpAfter(GIVE_UP_MS);
  }

  /** Aborted once work on the run has to end. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** The first reason wins. */
  get reason(): EndReason | undefined {
    return this.#reason;
  }

  end(reason: EndReason): void {
    this.#reason ??= reason;
    this.#controller.abort();
  }

  /** Prolongs the lease and looks whether the run was cancelled. */
  async check(): Promise<void> {
    const askedAt = performance.now();
    try {
      const state = await renewLease(this.#ctx.db, this.#run);
      if (state !== 'held') return this.end(state);
      clearTimeout(this.#deadline);
      this.#deadline = this.#giveUpAfter(GIVE_UP_MS - (performance.now() - askedAt));
    } catch (error) {
      this.#ctx.log.warn({ runId: this.#run.runId, err: error }, 'the lease of a CI run could not be prolonged');
    }
  }

  /** To be called at the end of the work. */
  release(): void {
    clearInterval(this.#timer);
    clearTimeout(this.#deadline);
  }

  #giveUpAfter(ms: number): NodeJS.Timeout {
    return setTimeout(() => this.end('lost'), ms).unref();
  }
}
