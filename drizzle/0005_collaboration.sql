CREATE TABLE "admin_login_failures" (
	"client_ip" varchar(64) PRIMARY KEY NOT NULL,
	"failures" integer DEFAULT 0 NOT NULL,
	"last_at" timestamp with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
CREATE TABLE "admin_sessions" (
	"token_hash" varchar(64) PRIMARY KEY NOT NULL,
	"username" varchar(64) NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"expires_at" timestamp with time zone NOT NULL
);
--> statement-breakpoint
CREATE TABLE "rate_limit_buckets" (
	"subject" varchar(64) NOT NULL,
	"action" varchar(64) NOT NULL,
	"bucket" timestamp with time zone NOT NULL,
	"used" integer NOT NULL,
	CONSTRAINT "rate_limit_buckets_subject_action_bucket_pk" PRIMARY KEY("subject","action","bucket")
);
--> statement-breakpoint
CREATE TABLE "branch_protections" (
	"repo_id" varchar(64) NOT NULL,
	"pattern" varchar(256) NOT NULL,
	"no_force" boolean DEFAULT true NOT NULL,
	"no_delete" boolean DEFAULT true NOT NULL,
	"required_approvals" integer DEFAULT 0 NOT NULL,
	"required_ci" boolean DEFAULT false NOT NULL,
	"required_push_cert" boolean DEFAULT false NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "branch_protections_repo_id_pattern_pk" PRIMARY KEY("repo_id","pattern")
);
--> statement-breakpoint
ALTER TABLE "repositories" ADD COLUMN "forked_from" varchar(64);--> statement-breakpoint
ALTER TABLE "repositories" ADD COLUMN "last_pull_number" integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "pull_requests" ADD COLUMN "number" integer NOT NULL;--> statement-breakpoint
ALTER TABLE "pull_requests" ADD COLUMN "head_oid" varchar(40);--> statement-breakpoint
ALTER TABLE "pull_requests" ADD COLUMN "closed_at" timestamp with time zone;--> statement-breakpoint
ALTER TABLE "pull_requests" ADD COLUMN "merged_by" varchar(64);--> statement-breakpoint
ALTER TABLE "pull_requests" ADD COLUMN "merge_strategy" varchar(16);--> statement-breakpoint
ALTER TABLE "pull_requests" ADD COLUMN "merge_commit_oid" varchar(40);--> statement-breakpoint
ALTER TABLE "pull_requests" ADD COLUMN "merged_diff_stats" jsonb;--> statement-breakpoint
ALTER TABLE "packs" ADD COLUMN "stored_in" varchar(64);--> statement-breakpoint
ALTER TABLE "branch_protections" ADD CONSTRAINT "branch_protections_repo_id_repositories_repo_id_fk" FOREIGN KEY ("repo_id") REFERENCES "public"."repositories"("repo_id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "idx_admin_sessions_expires" ON "admin_sessions" USING btree ("expires_at");--> statement-breakpoint
CREATE INDEX "idx_rate_limit_buckets_bucket" ON "rate_limit_buckets" USING btree ("bucket");--> statement-breakpoint
CREATE INDEX "idx_pull_requests_source" ON "pull_requests" USING btree ("repo_id","source_branch") WHERE "pull_requests"."status" = 'open';--> statement-breakpoint
CREATE INDEX "idx_pull_requests_merge_commit" ON "pull_requests" USING btree ("merge_commit_oid") WHERE "pull_requests"."merge_commit_oid" IS NOT NULL;--> statement-breakpoint
CREATE INDEX "idx_packs_stored_in" ON "packs" USING btree ("stored_in") WHERE "packs"."stored_in" IS NOT NULL;--> statement-breakpoint
ALTER TABLE "pull_requests" ADD CONSTRAINT "pull_requests_repo_id_number_key" UNIQUE("repo_id","number");