/** Receiving pushes. */
export { type DeferredCredential, type PushRequest, receivePush, refuseAll } from './receive.js';
export type { PushCredential, PushReport, PushResult } from './report.js';
export { storeLoose } from './store-pack.js';
