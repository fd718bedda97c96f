/** What outer rooms use of git's formats and protocol. The pack formats are entered file by file by the pack engine. */
export * from './bundle.js';
export * from './bytes.js';
export * from './graph/index.js';
export * from './mode.js';
export * from './objects/index.js';
export * from './oid.js';
export * from './pktline/index.js';
export * from './receive-pack/index.js';
export * from './refname.js';
export * from './upload-pack/index.js';
