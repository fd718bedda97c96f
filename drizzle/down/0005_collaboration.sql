DROP TABLE "admin_login_failures", "admin_sessions", "rate_limit_buckets", "branch_protections";
ALTER TABLE "repositories" DROP COLUMN "forked_from", DROP COLUMN "last_pull_number";
ALTER TABLE "pull_requests" DROP COLUMN "number", DROP COLUMN "head_oid", DROP COLUMN "closed_at", DROP COLUMN "merged_by",
  DROP COLUMN "merge_strategy", DROP COLUMN "merge_commit_oid", DROP COLUMN "merged_diff_stats";
ALTER TABLE "packs" DROP COLUMN "stored_in";
DROP INDEX "idx_pull_requests_source";
