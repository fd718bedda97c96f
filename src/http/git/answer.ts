/** Writing a git answer on the node response, with backpressure and keepalives. */
import type { ServerResponse } from 'node:http';
import type { ByteSink } from '../../fetch/index.js';

/**
 * Proxies cut answers that stay silent; git's own servers send something every 5 s (receive.keepAlive). Node's own HTTP
 * agent gives a socket up after 5 s of silence, and with it clients such as isomorphic-git, so ours comes well before.
 */
const KEEPALIVE_MS = 2_000;

const NO_CACHE = 'no-cache, max-age=0, must-revalidate';

/** A side-band packet on channel 1 without content: clients ignore it, connections stay open. */
const EMPTY_BAND_PACKET = Buffer.from('0005\u0001', 'latin1');

/** The client went away while we were answering. */
export class ClientGone extends Error {
  override readonly name = 'ClientGone';
}

export class GitAnswer implements ByteSink {
  readonly #outgoing: ServerResponse;
  readonly #headers: Record<string, string | number>;

  /** @param headers further ones */
  constructor(outgoing: ServerResponse, contentType: string, headers: Record<string, string | number> = {}) {
    this.#outgoing = outgoing;
    this.#headers = { 'content-type': contentType, 'cache-control': NO_CACHE, ...headers };
  }

  get started(): boolean {
    return this.#outgoing.headersSent;
  }

  /** Writes bytes; the first write sends the headers. @throws ClientGone */
  async write(bytes: Uint8Array): Promise<void> {
    const outgoing = this.#outgoing;
    if (outgoing.destroyed || outgoing.socket?.destroyed) throw new ClientGone();
    this.#writeHead();
    if (outgoing.write(bytes)) return;
    await new Promise<void>((resolve, reject) => {
      const settle = (error?: Error) => {
        outgoing.off('drain', drained).off('close', closed);
        if (error === undefined) resolve();
        else reject(error);
      };
      const drained = () => settle();
      const closed = () => settle(new ClientGone());
      outgoing.on('drain', drained).on('close', closed);
    });
  }

  async hand(bytes: Uint8Array): Promise<void> {
    const outgoing = this.#outgoing;
    if (outgoing.destroyed || outgoing.socket?.destroyed) throw new ClientGone();
    this.#writeHead();
    await new Promise<void>((resolve, reject) => {
      const closed = () => reject(new ClientGone());
      outgoing.once('close', closed);
      outgoing.write(bytes, (error) => {
        outgoing.off('close', closed);
        if (error == null) resolve();
        else closed();
      });
    });
  }

  async end(bytes?: Uint8Array): Promise<void> {
    if (bytes !== undefined && bytes.length > 0) await this.write(bytes);
    this.#writeHead();
    this.#outgoing.end();
  }

  /**
   * Keeps the connection alive with empty side-band packets until `work` is done. Only for answers in a side-band.
   * @param mayStart false as long as nothing may be written, such as while the client is still sending
   * @param opening what stands in front of the first packet of the side-band; written here only if the work takes long
   */
  async whileWaiting<T>(
    work: Promise<T>,
    mayStart: () => boolean = () => true,
    opening: () => Uint8Array = () => new Uint8Array(),
  ): Promise<T> {
    const timer = setInterval(() => {
      if (!mayStart()) return;
      const packet = this.started ? EMPTY_BAND_PACKET : Buffer.concat([opening(), EMPTY_BAND_PACKET]);
      this.write(packet).catch(() => clearInterval(timer));
    }, KEEPALIVE_MS);
    try {
      return await work;
    } finally {
      clearInterval(timer);
    }
  }

  #writeHead(): void {
    if (this.#outgoing.headersSent) return;
    this.#outgoing.writeHead(200, this.#headers);
  }
}
