import { ftruncateSync } from 'node:fs';

/**
 * Asks for an empty file to be written to the disk from the moment at which it is closed, for files that are flushed soon
 * after. On ext4 that is so for files that were cut to nothing (ext4(5), auto_da_alloc); elsewhere nothing changes. Of
 * several such files the first flush does most of the work of all, where each would have to wait for one of its own.
 */
export function writeEarly(fd: number): void {
  ftruncateSync(fd);
}
