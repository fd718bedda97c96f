/**
 * What a route promises, in one place: the OpenAPI document, the checks of answers in tests and the table of who may
 * call what are all made from these. Every room describes its routes in `api.ts` and exports the list.
 */
import type { z } from 'zod';
import type { ErrorCode } from '../errors.js';

/** Who may call a route, as in the legend of the wire contract. */
export type RouteAuth =
  | 'open'
  /** A signature is needed. */
  | 'signed'
  /** Public repositories without, private ones with a signature. */
  | 'signed-optional'
  /** An operator's session. */
  | 'admin';

export interface RouteDescription {
  method: 'get' | 'post' | 'put' | 'patch' | 'delete';
  /** In OpenAPI form, `/v1/repos/{repoId}/stars`. */
  path: string;
  /** Other paths that lead to the same handler. */
  aliases?: readonly string[];
  /** True for a POST that changes nothing: its nonce is not used up. */
  safe?: boolean;
  /** Unique; also the name of the method in the typed client where there is one. */
  operationId: string;
  /** Heading in the document. */
  tag: string;
  summary: string;
  auth: RouteAuth;
  /** Action names that the signature may carry. */
  actions?: readonly string[];
  /** Smallest role in the repository; `author` = the author of the pull request, or write. */
  role?: 'read' | 'write' | 'admin' | 'owner' | 'author';
  query?: z.ZodObject;
  /** Schema of the signed body, or of the JSON body of unsigned routes. */
  body?: z.ZodType;
  /** Status of a success. */
  status: number;
  /** `data` of a success, as it leaves. */
  data: z.ZodType;
  /** True when `data` is the whole body, without the envelope. */
  bare?: boolean;
  /** Type of the answer where it is not JSON; `data` is then its text. */
  contentType?: string;
  /** Type of the request body where it is not JSON. Descriptions of one address must differ in it. */
  requestType?: string;
  /** Codes of its own; the common ones are added. */
  errors?: readonly ErrorCode[];
}
