/** Receiving pushes. */
export { type DeferredCredential, type PushQuota, type PushRequest, receivePush, refuseAll } from './receive.js';
export type { PushCredential, PushReport, PushResult, Refusal } from './report.js';
