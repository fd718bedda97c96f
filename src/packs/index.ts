export { DEFAULT_PACK_LIMITS } from '../git/pack/limits.js';
export { PackCache, type PackIndex } from './cache.js';
export type * from './contract.js';
export { createPackEngine, type PackEngineOptions } from './engine.js';
export { readFreshIndex } from './local-pack.js';
export { type ReadyPack, ReadyPacks } from './ready-packs.js';
export { type ReceivedBody, Spool } from './spool.js';
