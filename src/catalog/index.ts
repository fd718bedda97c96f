/** The catalog of stored packs and the commit graph over them. */
export * from './objects.js';
export * from './snapshot.js';
export * from './store.js';
