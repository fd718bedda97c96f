/** The start of a push (gitprotocol-pack, "Reference Update Request and Packfile Transfer"). */
import { utf8OrUndefined } from '../bytes.js';
import { isOid, OID_BYTES, type Oid } from '../oid.js';
import { chomp, type Packet, PktLineReader, ProtocolError, quoteLine } from '../pktline/index.js';
import {
  MAX_COMMANDS,
  MAX_PUSH_OPTION_BYTES,
  MAX_PUSH_OPTIONS,
  MAX_SENT_NAME_BYTES,
  MAX_SHALLOW_LINES,
} from './limits.js';

/** One ref update; the zero id stands for "does not exist". The name is as sent and may not be a valid one. */
export interface RefCommand {
  oldOid: Oid;
  newOid: Oid;
  refName: string;
}

const HEX = OID_BYTES * 2;

/**
 * Feed chunks until {@link complete}; what was fed beyond the lists is the beginning of the pack, see {@link rest}.
 * Every error is a ProtocolError and ends the push.
 */
export class ReceivePackParser {
  readonly commands: RefCommand[] = [];
  /** A name without value is `true`. */
  readonly capabilities: Map<string, string | true> = new Map();
  readonly shallow: Oid[] = [];
  readonly pushOptions: string[] = [];
  readonly #reader = new PktLineReader();
  readonly #names = new Set<string>();
  readonly #takesOptions: boolean;
  #state: 'commands' | 'options' | 'complete' = 'commands';
  #optionBytes = 0;

  /** `pushOptions`: whether the capability was advertised; without that a client's list would be part of the pack. */
  constructor(options: { pushOptions: boolean }) {
    this.#takesOptions = options.pushOptions;
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
      const options = this.#takesOptions && this.capabilities.has('push-options');
      this.#state = options ? 'options' : 'complete';
      return;
    }
    if (packet.type !== 'data') throw new ProtocolError(`unexpected ${packet.type} packet`);
    const nul = packet.payload.indexOf(0);
    const line = this.#text(chomp(nul === -1 ? packet.payload : packet.payload.subarray(0, nul)));
    if (nul !== -1) this.#takeCapabilities(this.#text(chomp(packet.payload.subarray(nul + 1))));
    if (line.startsWith('shallow ')) this.#takeShallow(line);
    else if (line.startsWith('push-cert')) throw new ProtocolError('push certificates are not supported');
    else this.#takeUpdate(line);
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
    if (this.shallow.push(oid) > MAX_SHALLOW_LINES) throw new ProtocolError('too many shallow lines');
  }

  #takeUpdate(line: string): void {
    const oldOid = line.slice(0, HEX);
    const newOid = line.slice(HEX + 1, 2 * HEX + 1);
    const refName = line.slice(2 * HEX + 2);
    const spaced = line[HEX] === ' ' && line[2 * HEX + 1] === ' ';
    if (!isOid(oldOid) || !isOid(newOid) || !spaced || refName === '') {
      throw new ProtocolError(`protocol error: expected old/new/ref, got '${quoteLine(line)}'`);
    }
    if (Buffer.byteLength(refName) > MAX_SENT_NAME_BYTES) throw new ProtocolError('ref name is too long');
    if (this.#names.has(refName))
      throw new ProtocolError(`multiple updates for ref '${quoteLine(refName)}' not allowed`);
    this.#names.add(refName);
    if (this.commands.push({ oldOid, newOid, refName }) > MAX_COMMANDS) {
      throw new ProtocolError(`a push may update at most ${MAX_COMMANDS} refs`);
    }
  }

  #takeOption(packet: Packet): void {
    if (packet.type === 'flush') {
      this.#state = 'complete';
      return;
    }
    if (packet.type !== 'data') throw new ProtocolError(`unexpected ${packet.type} packet`);
    this.#optionBytes += packet.payload.length;
    const tooMany = this.pushOptions.push(this.#text(chomp(packet.payload))) > MAX_PUSH_OPTIONS;
    if (tooMany || this.#optionBytes > MAX_PUSH_OPTION_BYTES) throw new ProtocolError('too many push options');
  }

  #text(bytes: Uint8Array): string {
    const text = utf8OrUndefined(bytes);
    if (text === undefined) throw new ProtocolError(`line is not UTF-8: '${quoteLine(bytes)}'`);
    return text;
  }
}
