/** Bundles: files in the object store from which clones start, so that nodes only send what came later. */
export { makeBundles } from './make.js';
export { offeredBundles } from './offer.js';
export { removeOldBundles } from './remove.js';
