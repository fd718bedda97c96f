/** Output of a step up to a mark that the supervisor writes behind it. */
export class MarkedOutput {
  #forward: ((bytes: Buffer) => void) | undefined;
  #mark: Buffer | undefined;
  #held: Buffer = Buffer.alloc(0);
  #reached: (() => void) | undefined;

  /** Output from now on belongs to this step. */
  begin(forward: (bytes: Buffer) => void): void {
    this.#forward = forward;
    this.#mark = undefined;
    this.#held = Buffer.alloc(0);
  }

  push(bytes: Buffer): void {
    if (this.#mark === undefined) this.#forward?.(bytes);
    else {
      this.#held = Buffer.concat([this.#held, bytes]);
      this.#look();
    }
  }

  /** Resolves once all output before the mark was forwarded. Call it before the mark can have been written. */
  until(mark: string): Promise<void> {
    this.#mark = Buffer.from(`${mark}\n`);
    return new Promise((resolve) => {
      this.#reached = resolve;
    });
  }

  /** Forwards what was held back for a mark that will not come. */
  flush(): void {
    if (this.#held.length > 0) this.#forward?.(this.#held);
    this.#held = Buffer.alloc(0);
  }

  #look(): void {
    const mark = this.#mark as Buffer;
    const at = this.#held.indexOf(mark);
    if (at < 0) {
      const safe = this.#held.length - mark.length + 1;
      if (safe > 0) {
        this.#forward?.(this.#held.subarray(0, safe));
        this.#held = this.#held.subarray(safe);
      }
      return;
    }
    if (at > 0) this.#forward?.(this.#held.subarray(0, at));
    this.#held = Buffer.alloc(0);
    this.#reached?.();
  }
}
