/** One line of a command list, which is the same in a push and in a push certificate. */
import { isOid, OID_BYTES, type Oid } from '../oid.js';
import { ProtocolError, quoteLine } from '../pktline/index.js';
import { MAX_COMMANDS, MAX_SENT_NAME_BYTES } from './limits.js';

/** One ref update; the zero id stands for "does not exist". The name is as sent and may not be a valid one. */
export interface RefCommand {
  oldOid: Oid;
  newOid: Oid;
  refName: string;
}

const HEX = OID_BYTES * 2;

/** Commands in their order, each ref once. */
export class CommandList {
  readonly commands: RefCommand[] = [];
  readonly #names = new Set<string>();

  /** @param line `old new name`, without its line feed @throws ProtocolError */
  add(line: string): void {
    const command = parseCommand(line);
    if (this.#names.has(command.refName))
      throw new ProtocolError(`multiple updates for ref '${quoteLine(command.refName)}' not allowed`);
    this.#names.add(command.refName);
    if (this.commands.push(command) > MAX_COMMANDS) {
      throw new ProtocolError(`a push may update at most ${MAX_COMMANDS} refs; push in several parts`);
    }
  }
}

function parseCommand(line: string): RefCommand {
  const oldOid = line.slice(0, HEX);
  const newOid = line.slice(HEX + 1, 2 * HEX + 1);
  const refName = line.slice(2 * HEX + 2);
  const spaced = line[HEX] === ' ' && line[2 * HEX + 1] === ' ';
  if (!isOid(oldOid) || !isOid(newOid) || !spaced || refName === '') {
    throw new ProtocolError(`protocol error: expected old/new/ref, got '${quoteLine(line)}'`);
  }
  const bytes = Buffer.byteLength(refName);
  if (bytes > MAX_SENT_NAME_BYTES)
    throw new ProtocolError(`ref name is too long: ${bytes} bytes, at most ${MAX_SENT_NAME_BYTES} are read`);
  return { oldOid, newOid, refName };
}
