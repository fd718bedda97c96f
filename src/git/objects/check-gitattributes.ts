/** fsck rules for the content of `.gitattributes` (git-fsck): lines that overran buffers of older versions of git. */
import { asBuffer } from '../bytes.js';
import type { FindingId } from './finding.js';

/** A line must be shorter, bytes without its newline: git's own limit. */
const MAX_LINE_BYTES = 2048;

/** The first thing wrong with a file that some tree calls `.gitattributes`. As in git, text ends at a NUL. */
export function checkGitattributes(data: Uint8Array): FindingId | undefined {
  const buffer = asBuffer(data);
  const nul = buffer.indexOf(0);
  const end = nul === -1 ? buffer.length : nul;
  for (let at = 0; at < end; ) {
    const newline = buffer.indexOf(0x0a, at);
    const lineEnd = newline === -1 || newline > end ? end : newline;
    if (lineEnd - at >= MAX_LINE_BYTES) return 'gitattributesLineLength';
    at = lineEnd + 1;
  }
  return undefined;
}
