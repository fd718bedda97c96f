import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../test/support/postgres.js';

let test: TestDatabase;
beforeAll(async () => {
  test = await createTestDatabase();
});
afterAll(() => test.drop());

const ENUMS: Record<string, string> = {
  visibility: 'public private',
  access_role: 'read write admin',
  pr_status: 'open merged closed',
  ci_status: 'pending running passed failed',
  review_verdict: 'approve request_changes comment',
  star_action: 'star unstar',
  trending_window: '1h 24h 7d 30d',
  outbox_status: 'pending processing processed dead_letter dead',
  ci_run_status: 'pending running passed failed cancelled timed_out',
  migration_status: 'pending in_progress completed failed',
};

/** Per table its columns as `name type`, `!` = NOT NULL; v64 = varchar(64), tz = timestamptz. */
const TABLES: Record<string, string> = {
  agents:
    'agent_id v64!; agent_name v128!; public_key text!; capabilities jsonb!; created_at tz!; suspended bool!; suspended_at tz; suspended_reason text; suspended_by v64',
  repositories:
    'repo_id v64!; owner_id v64!; name v256!; description text; visibility visibility!; default_branch v128!; created_at tz!; refs_version int8!; forked_from v64; last_pull_number int4!; push_cert_policy v16!; packs_version int8!; collected_version int8!',
  repo_access: 'repo_id v64!; agent_id v64!; role access_role!; created_at tz!',
  pull_requests:
    'pr_id v64!; repo_id v64!; author_id v64!; source_branch v128!; target_branch v128!; title v512!; description text; status pr_status!; ci_status ci_status!; created_at tz!; merged_at tz; number int4!; head_oid v40; closed_at tz; merged_by v64; merge_strategy v16; merge_commit_oid v40; merged_diff_stats jsonb',
  reviews: 'review_id v64!; pr_id v64!; reviewer_id v64!; verdict review_verdict!; body text; created_at tz!',
  repo_stars: 'repo_id v64!; agent_id v64!; reason text; reason_public bool!; created_at tz!',
  repo_star_counts: 'repo_id v64!; stars int4!; updated_at tz!',
  reputation: 'agent_id v64!; score numeric4.3!; cluster_ids jsonb!; updated_at tz!',
  audit_log:
    'event_id uuid!; agent_id v64!; action v64!; resource_type v64!; resource_id v64!; data jsonb!; timestamp tz!; signature v256!; chain_id v64!; seq int8!; event_hash v64!; chain_hash v64!; key_id v64; envelope text',
  audit_chains: 'chain_id v64!; seq int8!; head v64!; checkpointed_seq int8!',
  audit_checkpoints: 'number int8!; payload text!; signature v128!; created_at tz!',
  audit_unplaced: 'event_id uuid!',
  audit_positions: 'position int8!; event_id uuid!; agent_id v64!',
  webhooks:
    'webhook_id v64!; repo_id v64!; url text!; secret v128!; events jsonb!; active bool!; created_by v64!; created_at tz!; updated_at tz!',
  webhook_deliveries:
    'delivery_id uuid!; webhook_id v64!; audit_event_id uuid!; event v64!; status v16!; attempts int4!; available_at tz!; locked_at tz; response_status int4; response_body text; error text; duration_ms int4; redelivery_of uuid; created_at tz!; delivered_at tz',
  repo_trending_scores:
    'window trending_window!; repo_id v64!; weighted_score numeric10.4!; stars_delta int4!; computed_at tz!',
  idempotency_results:
    'nonce_hash v64!; agent_id v64!; action v64!; status_code int4!; response_json jsonb!; created_at tz!; expires_at tz!; fingerprint v64',
  event_outbox:
    'outbox_id uuid!; audit_event_id uuid!; topic v64!; status outbox_status!; attempts int4!; available_at tz!; locked_at tz; locked_by v64; last_error text; created_at tz!; processed_at tz',
  star_events:
    'event_id uuid!; repo_id v64!; agent_id v64!; action star_action!; timestamp tz!; nonce v36!; signature v256!',
  repo_refs: 'repo_id v64!; ref_name v256!; oid v40!; updated_at tz!; peeled_oid v40',
  push_events:
    'event_id uuid!; repo_id v64!; agent_id v64!; ref_updates jsonb!; packfile_hash v64!; objects_count int4!; force_push bool!; timestamp tz!; nonce v36!; signature v256!; push_options jsonb!',
  push_certificates:
    'event_id uuid!; repo_id v64!; agent_id v64!; key_id v64!; nonce v128!; certificate text!; certificate_hash v64!; created_at tz!',
  ci_runs:
    'run_id v64!; pr_id v64!; repo_id v64!; commit_sha v40!; status ci_run_status!; config jsonb!; started_at tz!; completed_at tz; logs text!; log_key v256; head_oid v40; fence int4!; leased_by v64; lease_until tz',
  ci_step_results:
    'step_id uuid!; run_id v64!; step_name v256!; step_order int4!; exit_code int4; stdout text; stderr text; duration_ms int8; passed bool!; created_at tz!',
  bundles: 'bundle_id uuid!; repo_id v64!; state v16!; refs_version int8!; tips bytea!; bytes int8!; since tz!',
  ci_log_chunks: 'run_id v64!; fence int4!; seq int4!; step_order int4!; stream v8!; text text!',
  ci_runners: 'runner_id v64!; driver v32!; seen_at tz!',
  agent_keys:
    'key_id v64!; agent_id v64!; public_key text!; key_type v16!; fingerprint v64!; created_at tz!; revoked_at tz',
  packs:
    'repo_id v64!; hash v40!; seq int8!; bytes int8!; objects int4!; tight bool!; tips bytea!; segment bytea!; state v16!; unpack_next int4!; unpacked_at tz; unpack_locked_at tz; created_at tz!; stored_in v64; first_seq int8; part int2!; retired_at tz',
  pack_maintenance: 'repo_id v64!; new_packs int4!; changed_at tz!; locked_until tz',
  former_tips: 'id int8!; repo_id v64!; oid v40!; left_at tz!',
  staged_packs: 'repo_id v64!; hash v40!; started_at tz!; loose bytea',
  server_secrets: 'name v64!; value text!',
  reconciliation_checks: 'check_type v64!; started_at tz!; lease_until tz; cursor text!',
  branch_protections:
    'repo_id v64!; pattern v256!; no_force bool!; no_delete bool!; required_approvals int4!; required_ci bool!; required_push_cert bool!; created_at tz!',
  rate_limit_buckets: 'subject v64!; action v64!; bucket tz!; used int4!',
  admin_sessions: 'token_hash v64!; username v64!; created_at tz!; expires_at tz!',
  admin_login_failures: 'client_ip v64!; failures int4!; last_at tz!',
};

/** Columns of every index that operators or queries count on, and of every primary and unique key. */
const INDEXES = `
idx_agents_name (agent_name)
idx_agents_suspended (suspended) WHERE suspended
idx_repositories_owner (owner_id)
idx_repositories_visibility (visibility)
idx_repo_access_agent (agent_id)
idx_pull_requests_repo (repo_id)
idx_pull_requests_author (author_id)
idx_pull_requests_status (status)
idx_reviews_pr (pr_id)
idx_reviews_reviewer (reviewer_id)
idx_repo_stars_agent (agent_id)
idx_repo_stars_created (created_at DESC)
idx_audit_log_agent (agent_id)
idx_audit_log_action (action)
idx_audit_log_resource (resource_type, resource_id)
idx_audit_log_timestamp ("timestamp" DESC)
idx_trending_scores_window_score ("window", weighted_score DESC)
idx_idempotency_expires (expires_at)
idx_idempotency_agent_action (agent_id, action)
idx_outbox_status_available (status, available_at)
idx_outbox_topic_status (topic, status, available_at)
idx_star_events_repo (repo_id)
idx_star_events_agent (agent_id)
idx_star_events_timestamp ("timestamp" DESC)
idx_repo_refs_repo (repo_id)
idx_repo_refs_oid (oid)
idx_push_events_repo (repo_id)
idx_push_events_agent (agent_id)
idx_push_events_timestamp ("timestamp" DESC)
idx_bundles_one (repo_id, state) WHERE ((state)::text <> 'retired'::text)
idx_ci_runs_active (pr_id) WHERE (status = ANY (ARRAY['pending'::ci_run_status, 'running'::ci_run_status]))
idx_ci_runs_pr (pr_id)
idx_ci_runs_repo (repo_id)
idx_ci_runs_status (status)
idx_ci_runs_started (started_at DESC)
idx_ci_step_results_run (run_id)
idx_agent_keys_agent (agent_id)
idx_packs_active (repo_id, seq) WHERE ((state)::text = 'active'::text)
idx_packs_to_unpack (seq) WHERE (unpacked_at IS NULL)
idx_packs_stored_in (stored_in) WHERE (stored_in IS NOT NULL)
idx_packs_retired (retired_at) WHERE (retired_at IS NOT NULL)
idx_pack_maintenance_changed (changed_at)
idx_former_tips_repo (repo_id)
idx_former_tips_left (left_at)
idx_pull_requests_source (repo_id, source_branch) WHERE (status = 'open'::pr_status)
idx_pull_requests_merge_commit (merge_commit_oid) WHERE (merge_commit_oid IS NOT NULL)
idx_admin_sessions_expires (expires_at)
idx_rate_limit_buckets_bucket (bucket)
idx_audit_positions_agent (agent_id, "position")
idx_webhooks_repo (repo_id)
idx_webhook_deliveries_once (webhook_id, audit_event_id) WHERE (redelivery_of IS NULL)
idx_webhook_deliveries_due (available_at) WHERE ((status)::text = ANY ((ARRAY['pending'::character varying, 'sending'::character varying])::text[]))
idx_webhook_deliveries_webhook (webhook_id, created_at DESC)
idx_webhook_deliveries_created (created_at)`;

const KEYS = `
agents p (agent_id)
agents u (agent_name)
repositories p (repo_id)
repositories u (owner_id, name)
repo_access p (repo_id, agent_id)
pull_requests p (pr_id)
reviews p (review_id)
repo_stars p (repo_id, agent_id)
repo_star_counts p (repo_id)
reputation p (agent_id)
audit_log p (event_id)
audit_log u (chain_id, seq)
audit_chains p (chain_id)
repo_trending_scores p ("window", repo_id)
idempotency_results p (nonce_hash)
event_outbox p (outbox_id)
star_events p (event_id)
repo_refs p (repo_id, ref_name)
push_events p (event_id)
push_certificates p (event_id)
push_certificates u (repo_id, nonce)
ci_runs p (run_id)
ci_step_results p (step_id)
bundles p (bundle_id)
bundles f (repo_id) repositories CASCADE
ci_log_chunks p (run_id, fence, seq)
ci_runners p (runner_id)
agent_keys p (key_id)
agent_keys u (agent_id, fingerprint)
packs p (repo_id, hash)
staged_packs p (repo_id, hash)
pack_maintenance p (repo_id)
pack_maintenance f (repo_id) repositories CASCADE
former_tips p (id)
former_tips f (repo_id) repositories CASCADE
server_secrets p (name)
pull_requests u (repo_id, number)
branch_protections p (repo_id, pattern)
branch_protections f (repo_id) repositories CASCADE
reconciliation_checks p (check_type)
rate_limit_buckets p (subject, action, bucket)
admin_sessions p (token_hash)
admin_login_failures p (client_ip)
repositories f (owner_id) agents
repo_access f (repo_id) repositories CASCADE
repo_access f (agent_id) agents CASCADE
pull_requests f (repo_id) repositories CASCADE
pull_requests f (author_id) agents
reviews f (pr_id) pull_requests CASCADE
reviews f (reviewer_id) agents
repo_stars f (repo_id) repositories CASCADE
repo_stars f (agent_id) agents CASCADE
repo_star_counts f (repo_id) repositories CASCADE
reputation f (agent_id) agents CASCADE
repo_trending_scores f (repo_id) repositories CASCADE
event_outbox f (audit_event_id) audit_log
repo_refs f (repo_id) repositories CASCADE
ci_runs f (pr_id) pull_requests CASCADE
ci_runs f (repo_id) repositories CASCADE
ci_step_results f (run_id) ci_runs CASCADE
ci_log_chunks f (run_id) ci_runs CASCADE
agent_keys f (agent_id) agents CASCADE
packs f (repo_id) repositories CASCADE
audit_checkpoints p (number)
audit_unplaced p (event_id)
audit_positions p ("position")
webhooks p (webhook_id)
webhooks f (repo_id) repositories CASCADE
webhook_deliveries p (delivery_id)
webhook_deliveries f (webhook_id) webhooks CASCADE`;

const lines = (text: string) => text.trim().split('\n').sort();

describe('schema', () => {
  it('has the enums', async () => {
    const rows = await test.db.sql<{ name: string; labels: string }[]>`
      SELECT typname AS name, string_agg(enumlabel, ' ' ORDER BY enumsortorder) AS labels
      FROM pg_enum JOIN pg_type ON pg_type.oid = enumtypid GROUP BY typname`;
    expect(Object.fromEntries(rows.map((row) => [row.name, row.labels]))).toEqual(ENUMS);
  });

  it('has the tables and columns, and no others', async () => {
    const rows = await test.db.sql<{ name: string; columns: string }[]>`
      SELECT table_name AS name, string_agg(format('%s %s%s', column_name,
        CASE udt_name WHEN 'varchar' THEN 'v' || character_maximum_length WHEN 'timestamptz' THEN 'tz'
          WHEN 'numeric' THEN format('numeric%s.%s', numeric_precision, numeric_scale) ELSE udt_name END,
        CASE is_nullable WHEN 'NO' THEN '!' ELSE '' END), '; ' ORDER BY column_name) AS columns
      FROM information_schema.columns WHERE table_schema = 'public' GROUP BY table_name`;
    const sorted = (columns: string) => columns.split('; ').sort();
    const found = Object.fromEntries(rows.map((row) => [row.name, sorted(row.columns)]));
    expect(found).toEqual(Object.fromEntries(Object.entries(TABLES).map(([name, columns]) => [name, sorted(columns)])));
  });

  it('has the indexes, keys and foreign keys', async () => {
    const indexes = await test.db.sql<{ line: string }[]>`
      SELECT indexname || regexp_replace(indexdef, '^.* USING btree', '') AS line
      FROM pg_indexes WHERE schemaname = 'public' AND indexname LIKE 'idx%'`;
    expect(indexes.map((row) => row.line).sort()).toEqual(lines(INDEXES));
    const keys = await test.db.sql<{ name: string; kind: string; definition: string }[]>`
      SELECT conrelid::regclass::text AS name, contype AS kind, pg_get_constraintdef(oid) AS definition
      FROM pg_constraint WHERE connamespace = 'public'::regnamespace AND contype IN ('p', 'u', 'f')`;
    const found = keys.map(({ name, kind, definition }) => {
      const columns = definition.slice(definition.indexOf('('), definition.indexOf(')') + 1);
      const target = / REFERENCES (\w+)/.exec(definition)?.[1];
      const cascade = definition.endsWith('ON DELETE CASCADE') ? 'CASCADE' : undefined;
      return [name, kind, columns, target, cascade].filter((part) => part !== undefined).join(' ');
    });
    expect(found.sort()).toEqual(lines(KEYS));
  });

  it('has the defaults', async () => {
    const { sql } = test.db;
    await sql`INSERT INTO agents (agent_id, agent_name, public_key) VALUES ('a', 'a', 'k')`;
    await sql`INSERT INTO repositories (repo_id, owner_id, name) VALUES ('r', 'a', 'n')`;
    await sql`INSERT INTO reputation (agent_id) VALUES ('a')`;
    await sql`INSERT INTO repo_star_counts (repo_id) VALUES ('r')`;
    await sql`INSERT INTO pull_requests (pr_id, repo_id, author_id, source_branch, target_branch, title, number) VALUES ('p', 'r', 'a', 's', 't', 'x', 1)`;
    const [row] = await sql`
      SELECT capabilities, suspended, visibility, default_branch, refs_version, score, cluster_ids, stars, status, ci_status
      FROM agents, repositories, reputation, repo_star_counts, pull_requests`;
    expect(row).toEqual({
      capabilities: [],
      suspended: false,
      visibility: 'public',
      default_branch: 'main',
      refs_version: 0,
      score: '0.500',
      cluster_ids: [],
      stars: 0,
      status: 'open',
      ci_status: 'pending',
    });
  });

  it('has the checks', async () => {
    const { sql } = test.db;
    const insert = (reason: string) =>
      sql`INSERT INTO repo_stars (repo_id, agent_id, reason) VALUES ('r', 'a', ${reason})`;
    await expect(insert('é'.repeat(501))).rejects.toThrow(/repo_stars_reason_check/);
    await insert('😀'.repeat(500));
    await expect(sql`UPDATE repo_star_counts SET stars = -1`).rejects.toThrow(/repo_star_counts_stars_check/);
    await expect(sql`UPDATE reputation SET score = 1.001`).rejects.toThrow(/reputation_score_check/);
    await sql`UPDATE reputation SET score = 1`;
  });

  it('keeps segments uncompressed', async () => {
    const [row] = await test.db.sql`
      SELECT attstorage FROM pg_attribute WHERE attrelid = 'packs'::regclass AND attname = 'segment'`;
    expect(row).toEqual({ attstorage: 'e' });
  });
});
