/** Wakes one sleeper; a ring while nobody sleeps is kept for the next one. */
export class Bell {
  #rung = false;
  #wake: (() => void) | undefined;

  ring(): void {
    this.#rung = true;
    this.#wake?.();
  }

  /** Resolves at the next ring, after `ms` milliseconds, or when `stop` is set. @returns whether it was rung */
  async sleep(ms: number, stop: AbortSignal): Promise<boolean> {
    if (!this.#rung && !stop.aborted) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, ms);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
        stop.addEventListener('abort', this.#wake, { once: true });
      });
      if (this.#wake !== undefined) stop.removeEventListener('abort', this.#wake);
      this.#wake = undefined;
    }
    const rung = this.#rung;
    this.#rung = false;
    return rung;
  }
}
