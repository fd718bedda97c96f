/** The catalog of stored packs and the commit graph over them. */
export * from './abandoned.js';
export * from './choose-run.js';
export * from './maintenance.js';
export * from './objects.js';
export * from './pack-summary.js';
export * from './removal.js';
export * from './retired.js';
export * from './sharing.js';
export * from './snapshot.js';
export * from './store.js';
export * from './store-pack.js';
export * from './tips.js';
export * from './write-pack.js';
