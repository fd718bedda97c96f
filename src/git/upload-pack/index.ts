export {
  type AdvertisedRef,
  type AdvertisementV0,
  advertiseV0,
  advertiseV2,
  type CapabilitiesV2,
  type Head,
  type Service,
} from './advertise.js';
export { type DepthArgs, type FetchFeature, unsupportedFeature, usesShallow } from './fetch-args.js';
export { MAX_HAVES, MAX_REF_PREFIXES, MAX_SHALLOW, MAX_WANTS } from './limits.js';
export { type LsRefsArgs, lsRefsAnswer } from './ls-refs.js';
export {
  type AckMode,
  ackMode,
  type Knowledge,
  type Negotiation,
  negotiateV0,
  negotiateV2,
  packfileHeader,
} from './negotiate.js';
export { parseV0Request, type V0Request } from './v0-request.js';
export { type FetchArgs, parseV2Request, type V2Request } from './v2-request.js';
