export {
  type AdvertisedRef,
  type AdvertisementV0,
  advertiseV0,
  advertiseV2,
  type CapabilitiesV2,
  type Head,
  type Service,
} from './advertise.js';
export { bundleUriAnswer, type OfferedBundle } from './bundle-uri.js';
export { asksToDeepen, type DepthArgs, type FetchFeature, unsupportedFeature, usesShallow } from './fetch-args.js';
export { type ObjectFilter, parseFilter } from './filter.js';
export { INFINITE_DEPTH, MAX_HAVES, MAX_REF_PREFIXES, MAX_SHALLOW, MAX_WANTS } from './limits.js';
export { type LsRefsArgs, lsRefsAnswer } from './ls-refs.js';
export {
  type AckMode,
  ackMode,
  type Knowledge,
  type Negotiation,
  negotiateV0,
  negotiateV2,
} from './negotiate.js';
export { type ObjectInfoArgs, objectInfoAnswer } from './object-info.js';
export {
  lineWriter,
  type PutLine,
  packfileHeader,
  packfileUris,
  type ShallowUpdate,
  shallowInfo,
  shallowLines,
  wantedRefs,
} from './sections.js';
export { parseV0Request, type V0Request } from './v0-request.js';
export { type FetchArgs, parseV2Request, type V2Request } from './v2-request.js';
