export { describeStorageError, S3_ACTIONS } from './advice.js';
export type * from './contract.js';
export { syncPath } from './filesystem/durable.js';
export { createFilesystemStore } from './filesystem/store.js';
export { type SmallBody, type StoredFile, writeBatch } from './filesystem/write-batch.js';
export type { StorageLog } from './guarded.js';
export * from './keys.js';
export { createMemoryStore } from './memory.js';
export { openObjectStore } from './open.js';
