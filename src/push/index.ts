/** Receiving pushes. */
export { refuseClaimed } from './claim.js';
export { refuseAll } from './make-report.js';
export { receivePush } from './receive.js';
export type { PushCredential, PushReport, PushResult, Refusal } from './report.js';
export type { DeferredCredential, PushQuota, PushRequest } from './request.js';
