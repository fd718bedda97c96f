/** The certificate of a signed push (gitprotocol-pack, "Push Certificate"). Nothing of it is verified here. */
import { utf8OrUndefined } from '../bytes.js';
import { ProtocolError, quoteLine } from '../pktline/index.js';
import { CommandList, type RefCommand } from './command.js';

export interface PushCertificate {
  /** All of it, as received. */
  text: string;
  /** The bytes that the signature covers: everything in front of it. */
  signed: Uint8Array;
  /** The armored signature, from its BEGIN line on. */
  signature: string;
  /** Who signed when, in the client's words. */
  pusher: string;
  /** URL the client pushed to; undefined when it named none. */
  pushee: string | undefined;
  /** Undefined when the client was given none. */
  nonce: string | undefined;
  pushOptions: string[];
  commands: readonly RefCommand[];
}

const VERSION = 'certificate version 0.1';
/** How git recognises a signature, whatever made it. */
const SIGNATURE_START = /^-----BEGIN (?:SSH SIGNATURE|PGP SIGNATURE|PGP MESSAGE|SIGNED MESSAGE)-----$/m;

/** @throws ProtocolError when the bytes are no certificate of the version we know */
export function parseCertificate(bytes: Uint8Array): PushCertificate {
  const text = utf8OrUndefined(bytes);
  if (text === undefined) throw new ProtocolError('the push certificate is not UTF-8');
  if (text.includes('\0')) throw malformed('it has a NUL byte');
  const at = text.search(SIGNATURE_START);
  const payload = at < 0 ? text : text.slice(0, at);
  const blank = payload.indexOf('\n\n');
  if (blank < 0 || !payload.endsWith('\n')) throw malformed('a blank line must stand in front of the ref updates');
  const [version, ...headers] = payload.slice(0, blank).split('\n');
  if (version !== VERSION) throw malformed(`it must begin with '${VERSION}', not '${quoteLine(version ?? '')}'`);
  const list = new CommandList();
  const lines = payload.slice(blank + 2).split('\n');
  for (const line of lines.slice(0, -1)) list.add(line);
  return {
    text,
    signed: Buffer.from(payload, 'utf8'),
    signature: at < 0 ? '' : text.slice(at),
    ...readHeaders(headers),
    commands: list.commands,
  };
}

function readHeaders(lines: readonly string[]) {
  const found = new Map<string, string>();
  const pushOptions: string[] = [];
  for (const line of lines) {
    const at = line.indexOf(' ');
    const [name, value] = at < 0 ? [line, ''] : [line.slice(0, at), line.slice(at + 1)];
    if (name === 'push-option') pushOptions.push(value);
    else if (name !== 'pusher' && name !== 'pushee' && name !== 'nonce')
      throw malformed(`it has the unknown header '${quoteLine(line)}'`);
    else if (found.has(name)) throw malformed(`it has two lines '${name}'`);
    else found.set(name, value);
  }
  const pusher = found.get('pusher');
  if (pusher === undefined) throw malformed('it names no pusher');
  return { pusher, pushee: found.get('pushee'), nonce: found.get('nonce'), pushOptions };
}

function malformed(what: string): ProtocolError {
  return new ProtocolError(`malformed push certificate: ${what}`);
}
