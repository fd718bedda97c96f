/** Rate limits: a sliding window of buckets per caller and action, shared by all nodes. */
export { addressKey } from './address.js';
export { assertQuotaLeft, chargeCall, type LimitsContext, removeOldBuckets, settleCharge } from './charge.js';
export { type Charge, chargeFor, type Quota, quotaHeaders, rateLimited } from './quota.js';
export { type ChargeRow, chargeSteps, deleteCharge } from './store.js';
