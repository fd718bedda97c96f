/** Refs: the only room that reads and writes them. */
export { listRefs } from './list.js';
export type { Ref } from './store.js';
export { type RefUpdate, type RefUpdateResult, type RefVerdict, updateRefs } from './update.js';
