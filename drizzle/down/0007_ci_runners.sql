DROP TABLE "ci_log_chunks", "ci_runners";
DROP INDEX "idx_ci_runs_active";
ALTER TABLE "ci_runs" DROP COLUMN "log_key", DROP COLUMN "head_oid", DROP COLUMN "fence", DROP COLUMN "leased_by",
  DROP COLUMN "lease_until";
