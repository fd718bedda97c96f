/** The start of a push (gitprotocol-pack, "Reference Update Request and Packfile Transfer"). */
import { utf8OrUndefined } from '../bytes.js';
import { isOid, type Oid } from '../oid.js';
import { chomp, type Packet, PktLineReader, ProtocolError, quoteLine } from '../pktline/index.js';
import { type PushCertificate, parseCertificate } from './certificate.js';
import { CommandList, type RefCommand } from './command.js';
import { MAX_CERTIFICATE_BYTES, MAX_PUSH_OPTION_BYTES, MAX_PUSH_OPTIONS, MAX_SHALLOW_LINES } from './limits.js';

const CERTIFICATE_END = 'push-cert-end';
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
const CONTROL = /[\x00-\x1f\x7f]/;

/**
 * Feed chunks until {@link complete}; what was fed beyond the lists is the beginning of the pack, see {@link rest}.
 * Every error is a ProtocolError and ends the push.
 */
export class ReceivePackParser {
  /** A name without value is `true`. */
  readonly capabilities: Map<string, string | true> = new Map();
  readonly shallow: Oid[] = [];
  readonly pushOptions: string[] = [];
  readonly #reader = new PktLineReader();
  readonly #list = new CommandList();
  readonly #takes: { pushOptions: boolean; certificates: boolean };
  readonly #certificateLines: Uint8Array[] = [];
  #certificate: PushCertificate | undefined;
  #certificateBytes = 0;
  #state: 'commands' | 'certificate' | 'options' | 'complete' = 'commands';
  #optionBytes = 0;

  /**
   * Which capabilities were advertised: a list of options that was not asked for would be part of the pack, and a
   * certificate would have no nonce of ours.
   */
  constructor(takes: { pushOptions: boolean; certificates: boolean }) {
    this.#takes = takes;
  }

  /** Those of the certificate when there is one. */
  get commands(): readonly RefCommand[] {
    return this.#certificate?.commands ?? this.#list.commands;
  }

  /** Set when the push is signed; not verified. */
  get certificate(): PushCertificate | undefined {
    return this.#certificate;
  }

  /** True when the lists have been read; for a probe of one flush packet there are no commands then. */
  get complete(): boolean {
    return this.#state === 'complete';
  }

  /** @returns {@link complete} @throws ProtocolError */
  feed(chunk: Uint8Array): boolean {
    this.#reader.feed(chunk);
    while (this.#state !== 'complete') {
      const packet = this.#reader.next();
      if (packet === undefined) break;
      if (this.#state === 'commands') this.#takeCommand(packet);
      else if (this.#state === 'certificate') this.#takeCertificateLine(packet);
      else this.#takeOption(packet);
    }
    return this.complete;
  }

  /** Call when the input ends. @throws ProtocolError when the lists did not */
  end(): void {
    if (!this.complete) throw new ProtocolError('the remote end hung up before the ref updates were complete');
  }

  /** Takes the bytes behind the lists that were fed so far: the beginning of the pack. */
  rest(): Uint8Array {
    return this.complete ? this.#reader.rest() : new Uint8Array();
  }

  #takeCommand(packet: Packet): void {
    if (packet.type === 'flush') {
      // The options come even when the capability is all that a client without commands sent.
      const options = this.#takes.pushOptions && this.capabilities.has('push-options');
      this.#state = options ? 'options' : 'complete';
      return;
    }
    if (packet.type !== 'data') throw new ProtocolError(`unexpected ${packet.type} packet`);
    const nul = packet.payload.indexOf(0);
    const line = this.#text(chomp(nul === -1 ? packet.payload : packet.payload.subarray(0, nul)));
    if (nul !== -1) this.#takeCapabilities(this.#text(chomp(packet.payload.subarray(nul + 1))));
    if (line.startsWith('shallow ')) this.#takeShallow(line);
    else if (line === 'push-cert') this.#startCertificate();
    else if (this.#certificate !== undefined) throw bothKinds();
    else this.#list.add(line);
  }

  #startCertificate(): void {
    if (!this.#takes.certificates) throw new ProtocolError('this repository takes no push certificates; push unsigned');
    if (this.#certificate !== undefined || this.#list.commands.length > 0) throw bothKinds();
    this.#state = 'certificate';
  }

  #takeCertificateLine(packet: Packet): void {
    if (packet.type !== 'data') throw new ProtocolError(`unexpected ${packet.type} packet in a push certificate`);
    if (chomp(packet.payload).equals(Buffer.from(CERTIFICATE_END))) {
      this.#certificate = parseCertificate(Buffer.concat(this.#certificateLines));
      this.#state = 'commands';
      return;
    }
    this.#certificateBytes += packet.payload.length;
    if (this.#certificateBytes > MAX_CERTIFICATE_BYTES) {
      const limit = `a push certificate has at most ${MAX_CERTIFICATE_BYTES} bytes`;
      throw new ProtocolError(`${limit}; push fewer refs at a time`);
    }
    this.#certificateLines.push(packet.payload);
  }

  #takeCapabilities(text: string): void {
    for (const word of text.split(' ')) {
      if (word === '') continue;
      const at = word.indexOf('=');
      this.capabilities.set(at === -1 ? word : word.slice(0, at), at === -1 ? true : word.slice(at + 1));
    }
    const format = this.capabilities.get('object-format') ?? 'sha1';
    if (format !== 'sha1') throw new ProtocolError('unsupported object format');
  }

  #takeShallow(line: string): void {
    const oid = line.slice('shallow '.length);
    if (!isOid(oid)) throw new ProtocolError(`protocol error: expected shallow sha, got '${quoteLine(line)}'`);
    if (this.shallow.push(oid) > MAX_SHALLOW_LINES) throw tooShallow();
  }

  #takeOption(packet: Packet): void {
    if (packet.type === 'flush') {
      this.#state = 'complete';
      return;
    }
    if (packet.type !== 'data') throw new ProtocolError(`unexpected ${packet.type} packet`);
    this.#optionBytes += packet.payload.length;
    const option = this.#text(chomp(packet.payload));
    if (CONTROL.test(option)) throw new ProtocolError(`push option has a control character: '${quoteLine(option)}'`);
    if (this.pushOptions.push(option) > MAX_PUSH_OPTIONS || this.#optionBytes > MAX_PUSH_OPTION_BYTES) {
      const limits = `at most ${MAX_PUSH_OPTIONS} of together ${MAX_PUSH_OPTION_BYTES} bytes`;
      throw new ProtocolError(`too many push options: ${limits} are taken; send fewer`);
    }
  }

  #text(bytes: Uint8Array): string {
    const text = utf8OrUndefined(bytes);
    if (text === undefined) throw new ProtocolError(`line is not UTF-8: '${quoteLine(bytes)}'`);
    return text;
  }
}

function bothKinds(): ProtocolError {
  return new ProtocolError('protocol error: got both push certificate and unsigned commands');
}

function tooShallow(): ProtocolError {
  return new ProtocolError(
    `a push may name at most ${MAX_SHALLOW_LINES} shallow commits; fetch with --unshallow first`,
  );
}
