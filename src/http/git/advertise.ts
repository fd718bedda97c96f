/** The ref advertisement of GET info/refs (gitprotocol-http, "Discovering References"). */
import { type GitService, issuePushNonce, loadServerSecret } from '../../auth/index.js';
import type { AppContext } from '../../context.js';
import {
  type AdvertisedRef,
  advertiseV0,
  advertiseV2,
  type FetchFeature,
  type Head,
  type LsRefsArgs,
  lsRefsAnswer,
} from '../../git/index.js';
import { listRefs, type Ref } from '../../refs/index.js';
import type { Repository } from '../../repos/index.js';
import { RECEIVE_PACK_CAPABILITIES } from './receive-pack.js';
import { keptAnswer } from './ref-answers.js';

const AGENT = 'gitclaw/1.0';

const UPLOAD_PACK_CAPABILITIES = [
  'multi_ack',
  'multi_ack_detailed',
  'no-done',
  'thin-pack',
  'side-band',
  'side-band-64k',
  'ofs-delta',
  'shallow',
  'deepen-since',
  'deepen-not',
  'deepen-relative',
  'no-progress',
  'include-tag',
  'allow-tip-sha1-in-want',
  'allow-reachable-sha1-in-want',
  'filter',
  'object-format=sha1',
  `agent=${AGENT}`,
];

const FETCH_FEATURES: readonly FetchFeature[] = ['shallow', 'wait-for-done', 'filter', 'ref-in-want', 'sideband-all'];

/** What `fetch` of protocol 2 takes beyond its plain arguments. */
export function fetchFeatures({ config }: AppContext): readonly FetchFeature[] {
  return config.GITCLAW_PACKFILE_URIS ? [...FETCH_FEATURES, 'packfile-uris'] : FETCH_FEATURES;
}

/** @param version what the client asked for; pushes have no version 2, so it is answered as 0 like git does */
export async function advertise(
  ctx: AppContext,
  repo: Repository,
  service: GitService,
  version: 0 | 1 | 2,
): Promise<Buffer> {
  if (service === 'git-upload-pack' && version === 2) {
    return advertiseV2({ agent: AGENT, fetch: fetchFeatures(ctx), bundleUri: ctx.config.GITCLAW_BUNDLE_URI });
  }
  const refs = await listRefs(ctx, repo.repoId, repo.refsVersion);
  const v01 = version === 1 ? 1 : 0;
  if (service === 'git-receive-pack') {
    const capabilities = [...RECEIVE_PACK_CAPABILITIES, ...(await pushCertificates(ctx, repo)), `agent=${AGENT}`];
    return advertiseV0({ service, refs: refs.filter(isPushable).map(advertised), capabilities, version: v01 });
  }
  return keptAnswer(refs, JSON.stringify(['info/refs', v01, repo.defaultBranch]), () => {
    const head = headOf(repo, refs);
    const capabilities = UPLOAD_PACK_CAPABILITIES;
    return advertiseV0({ service, refs: refs.map(advertised), head, capabilities, version: v01 });
  });
}

/** The answer to `ls-refs` of protocol 2. */
export function lsRefs(repo: Repository, refs: readonly Ref[], args: LsRefsArgs): Buffer {
  const question = JSON.stringify(['ls-refs', repo.defaultBranch, args]);
  return keptAnswer(refs, question, () => lsRefsAnswer(args, refs.map(advertised), headOf(repo, refs)));
}

/** The nonce ties a certificate to this repository and this time; any node can check it. */
async function pushCertificates(ctx: AppContext, repo: Repository): Promise<string[]> {
  if (repo.pushCertPolicy === 'off') return [];
  const secret = await loadServerSecret(ctx.db);
  return [`push-cert=${issuePushNonce(secret, repo.repoId, ctx.clock.now().getTime())}`];
}

/** Refs of pull requests are hidden from pushes, so that `git push --mirror` does not try to delete them. */
function isPushable({ name }: Ref): boolean {
  return !name.startsWith('refs/pull/');
}

/** HEAD stands for the default branch, whether or not that exists yet. */
export function headOf(repo: Repository, refs: readonly Ref[]): Head {
  const symrefTarget = `refs/heads/${repo.defaultBranch}`;
  const oid = refs.find((ref) => ref.name === symrefTarget)?.oid;
  return oid === undefined ? { symrefTarget } : { symrefTarget, oid };
}

function advertised({ name, oid, peeled }: Ref): AdvertisedRef {
  return peeled === undefined ? { name, oid } : { name, oid, peeled };
}
