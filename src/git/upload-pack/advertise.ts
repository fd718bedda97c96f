/** The first answer of a service (gitprotocol-http "Smart Server Response", gitprotocol-pack, gitprotocol-v2). */
import { type Oid, ZERO_OID } from '../oid.js';
import { FLUSH, pktLine } from '../pktline/index.js';

export type Service = 'git-upload-pack' | 'git-receive-pack';

export interface AdvertisedRef {
  name: string;
  oid: Oid;
  /** What an annotated tag means in the end. */
  peeled?: Oid;
  /** Set for a symbolic ref: the ref it stands for. */
  symrefTarget?: string;
}

/** Where HEAD points; `oid` is absent while that branch does not exist. */
export interface Head {
  symrefTarget: string;
  oid?: Oid;
}

export interface AdvertisementV0 {
  service: Service;
  /** In name order, without HEAD. */
  refs: readonly AdvertisedRef[];
  head?: Head;
  /** As written, such as `ofs-delta` or `agent=gitclaw/1.0`. `symref` is added here. */
  capabilities: readonly string[];
  /** 1 when the client asked for it: the same with a version line in front. */
  version: 0 | 1;
}

/** The answer to `GET info/refs` in protocol 0 or 1, with the `# service` line. */
export function advertiseV0({ service, refs, head, capabilities, version }: AdvertisementV0): Buffer {
  const parts = [pktLine(`# service=${service}\n`), FLUSH];
  if (version === 1) parts.push(pktLine('version 1\n'));
  const upload = service === 'git-upload-pack';
  const rows: { oid: Oid; name: string }[] = [];
  const features = [...capabilities];
  if (upload && head?.oid !== undefined) {
    rows.push({ oid: head.oid, name: 'HEAD' });
    features.push(`symref=HEAD:${head.symrefTarget}`);
  }
  for (const { name, oid, peeled } of refs) {
    rows.push({ oid, name });
    if (upload && peeled !== undefined) rows.push({ oid: peeled, name: `${name}^{}` });
  }
  // The capabilities need a line to travel on, even when there is no ref.
  if (rows.length === 0) rows.push({ oid: ZERO_OID, name: 'capabilities^{}' });
  rows.forEach(({ oid, name }, at) => {
    parts.push(pktLine(`${oid} ${name}${at === 0 ? `\0${features.join(' ')}` : ''}\n`));
  });
  return Buffer.concat([...parts, FLUSH]);
}

export interface CapabilitiesV2 {
  agent: string;
  /** Features of `fetch`, such as `shallow`; may be empty. */
  fetch: readonly string[];
  /** True to take the command `bundle-uri`. */
  bundleUri: boolean;
}

/** The answer to `GET info/refs` in protocol 2. Like git's own server it has no `# service` line. */
export function advertiseV2({ agent, fetch, bundleUri }: CapabilitiesV2): Buffer {
  const lines = [
    'version 2',
    `agent=${agent}`,
    'ls-refs=unborn',
    fetch.length === 0 ? 'fetch' : `fetch=${fetch.join(' ')}`,
    'server-option',
    'object-format=sha1',
    'object-info',
    ...(bundleUri ? ['bundle-uri'] : []),
  ];
  return Buffer.concat([...lines.map((line) => pktLine(`${line}\n`)), FLUSH]);
}
