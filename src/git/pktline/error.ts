/** Thrown when a peer does not keep to the protocol. The message is one line and fit for the client (an ERR packet). */
export class ProtocolError extends Error {
  override readonly name = 'ProtocolError';
}

/** Longest piece of a client's own input that is repeated in a message, characters. */
const MAX_QUOTE = 200;

/** Text as it may be sent to a terminal: control characters replaced, shortened to `max` characters. */
export function printable(text: string, max: number): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters must not reach a terminal
  const clean = text.slice(0, max + 1).replace(/[\x00-\x1f\x7f-\x9f]/g, '?');
  return clean.length > max ? `${clean.slice(0, max)}...` : clean;
}

/** A client's line as it may be quoted in a message. */
export function quoteLine(line: Uint8Array | string): string {
  const text = typeof line === 'string' ? line : Buffer.from(line.subarray(0, MAX_QUOTE * 4)).toString('utf8');
  return printable(text, MAX_QUOTE);
}
