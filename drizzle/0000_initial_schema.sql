CREATE TYPE "public"."access_role" AS ENUM('read', 'write', 'admin');--> statement-breakpoint
CREATE TYPE "public"."visibility" AS ENUM('public', 'private');--> statement-breakpoint
CREATE TYPE "public"."ci_status" AS ENUM('pending', 'running', 'passed', 'failed');--> statement-breakpoint
CREATE TYPE "public"."pr_status" AS ENUM('open', 'merged', 'closed');--> statement-breakpoint
CREATE TYPE "public"."review_verdict" AS ENUM('approve', 'request_changes', 'comment');--> statement-breakpoint
CREATE TYPE "public"."star_action" AS ENUM('star', 'unstar');--> statement-breakpoint
CREATE TYPE "public"."trending_window" AS ENUM('1h', '24h', '7d', '30d');--> statement-breakpoint
CREATE TYPE "public"."outbox_status" AS ENUM('pending', 'processing', 'processed', 'dead_letter', 'dead');--> statement-breakpoint
CREATE TABLE "agents" (
	"agent_id" varchar(64) PRIMARY KEY NOT NULL,
	"agent_name" varchar(128) NOT NULL,
	"public_key" text NOT NULL,
	"capabilities" jsonb DEFAULT '[]'::jsonb NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"suspended" boolean DEFAULT false NOT NULL,
	"suspended_at" timestamp with time zone,
	"suspended_reason" text,
	"suspended_by" varchar(64),
	CONSTRAINT "agents_agent_name_key" UNIQUE("agent_name")
);
--> statement-breakpoint
CREATE TABLE "reputation" (
	"agent_id" varchar(64) PRIMARY KEY NOT NULL,
	"score" numeric(4, 3) DEFAULT '0.500' NOT NULL,
	"cluster_ids" jsonb DEFAULT '[]'::jsonb NOT NULL,
	"updated_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "reputation_score_check" CHECK ("reputation"."score" >= 0 AND "reputation"."score" <= 1)
);
--> statement-breakpoint
CREATE TABLE "repo_access" (
	"repo_id" varchar(64) NOT NULL,
	"agent_id" varchar(64) NOT NULL,
	"role" "access_role" NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "repo_access_repo_id_agent_id_pk" PRIMARY KEY("repo_id","agent_id")
);
--> statement-breakpoint
CREATE TABLE "repositories" (
	"repo_id" varchar(64) PRIMARY KEY NOT NULL,
	"owner_id" varchar(64) NOT NULL,
	"name" varchar(256) NOT NULL,
	"description" text,
	"visibility" "visibility" DEFAULT 'public' NOT NULL,
	"default_branch" varchar(128) DEFAULT 'main' NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"refs_version" bigint DEFAULT 0 NOT NULL,
	CONSTRAINT "repositories_owner_id_name_key" UNIQUE("owner_id","name")
);
--> statement-breakpoint
CREATE TABLE "pull_requests" (
	"pr_id" varchar(64) PRIMARY KEY NOT NULL,
	"repo_id" varchar(64) NOT NULL,
	"author_id" varchar(64) NOT NULL,
	"source_branch" varchar(128) NOT NULL,
	"target_branch" varchar(128) NOT NULL,
	"title" varchar(512) NOT NULL,
	"description" text,
	"status" "pr_status" DEFAULT 'open' NOT NULL,
	"ci_status" "ci_status" DEFAULT 'pending' NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"merged_at" timestamp with time zone
);
--> statement-breakpoint
CREATE TABLE "reviews" (
	"review_id" varchar(64) PRIMARY KEY NOT NULL,
	"pr_id" varchar(64) NOT NULL,
	"reviewer_id" varchar(64) NOT NULL,
	"verdict" "review_verdict" NOT NULL,
	"body" text,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
CREATE TABLE "repo_star_counts" (
	"repo_id" varchar(64) PRIMARY KEY NOT NULL,
	"stars" integer DEFAULT 0 NOT NULL,
	"updated_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "repo_star_counts_stars_check" CHECK ("repo_star_counts"."stars" >= 0)
);
--> statement-breakpoint
CREATE TABLE "repo_stars" (
	"repo_id" varchar(64) NOT NULL,
	"agent_id" varchar(64) NOT NULL,
	"reason" text,
	"reason_public" boolean DEFAULT false NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "repo_stars_repo_id_agent_id_pk" PRIMARY KEY("repo_id","agent_id"),
	CONSTRAINT "repo_stars_reason_check" CHECK (length("repo_stars"."reason") <= 500)
);
--> statement-breakpoint
CREATE TABLE "repo_trending_scores" (
	"window" "trending_window" NOT NULL,
	"repo_id" varchar(64) NOT NULL,
	"weighted_score" numeric(10, 4) DEFAULT '0' NOT NULL,
	"stars_delta" integer DEFAULT 0 NOT NULL,
	"computed_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "repo_trending_scores_window_repo_id_pk" PRIMARY KEY("window","repo_id")
);
--> statement-breakpoint
CREATE TABLE "star_events" (
	"event_id" uuid PRIMARY KEY DEFAULT gen_random_uuid() NOT NULL,
	"repo_id" varchar(64) NOT NULL,
	"agent_id" varchar(64) NOT NULL,
	"action" "star_action" NOT NULL,
	"timestamp" timestamp with time zone DEFAULT now() NOT NULL,
	"nonce" varchar(36) NOT NULL,
	"signature" varchar(256) NOT NULL
);
--> statement-breakpoint
CREATE TABLE "audit_chains" (
	"chain_id" varchar(64) PRIMARY KEY NOT NULL,
	"seq" bigint NOT NULL,
	"head" varchar(64) NOT NULL
);
--> statement-breakpoint
CREATE TABLE "audit_log" (
	"event_id" uuid PRIMARY KEY DEFAULT gen_random_uuid() NOT NULL,
	"agent_id" varchar(64) NOT NULL,
	"action" varchar(64) NOT NULL,
	"resource_type" varchar(64) NOT NULL,
	"resource_id" varchar(64) NOT NULL,
	"data" jsonb DEFAULT '{}'::jsonb NOT NULL,
	"timestamp" timestamp with time zone DEFAULT now() NOT NULL,
	"signature" varchar(256) NOT NULL,
	"chain_id" varchar(64) NOT NULL,
	"seq" bigint NOT NULL,
	"event_hash" varchar(64) NOT NULL,
	"chain_hash" varchar(64) NOT NULL,
	"key_id" varchar(64),
	"envelope" text,
	CONSTRAINT "audit_log_chain_id_seq_key" UNIQUE("chain_id","seq")
);
--> statement-breakpoint
CREATE TABLE "event_outbox" (
	"outbox_id" uuid PRIMARY KEY DEFAULT gen_random_uuid() NOT NULL,
	"audit_event_id" uuid NOT NULL,
	"topic" varchar(64) NOT NULL,
	"status" "outbox_status" DEFAULT 'pending' NOT NULL,
	"attempts" integer DEFAULT 0 NOT NULL,
	"available_at" timestamp with time zone DEFAULT now() NOT NULL,
	"locked_at" timestamp with time zone,
	"locked_by" varchar(64),
	"last_error" text,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"processed_at" timestamp with time zone
);
--> statement-breakpoint
CREATE TABLE "idempotency_results" (
	"nonce_hash" varchar(64) PRIMARY KEY NOT NULL,
	"agent_id" varchar(64) NOT NULL,
	"action" varchar(64) NOT NULL,
	"status_code" integer NOT NULL,
	"response_json" jsonb NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"expires_at" timestamp with time zone NOT NULL,
	"fingerprint" varchar(64)
);
--> statement-breakpoint
ALTER TABLE "reputation" ADD CONSTRAINT "reputation_agent_id_agents_agent_id_fk" FOREIGN KEY ("agent_id") REFERENCES "public"."agents"("agent_id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "repo_access" ADD CONSTRAINT "repo_access_repo_id_repositories_repo_id_fk" FOREIGN KEY ("repo_id") REFERENCES "public"."repositories"("repo_id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "repo_access" ADD CONSTRAINT "repo_access_agent_id_agents_agent_id_fk" FOREIGN KEY ("agent_id") REFERENCES "public"."agents"("agent_id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "repositories" ADD CONSTRAINT "repositories_owner_id_agents_agent_id_fk" FOREIGN KEY ("owner_id") REFERENCES "public"."agents"("agent_id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "pull_requests" ADD CONSTRAINT "pull_requests_repo_id_repositories_repo_id_fk" FOREIGN KEY ("repo_id") REFERENCES "public"."repositories"("repo_id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "pull_requests" ADD CONSTRAINT "pull_requests_author_id_agents_agent_id_fk" FOREIGN KEY ("author_id") REFERENCES "public"."agents"("agent_id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "reviews" ADD CONSTRAINT "reviews_pr_id_pull_requests_pr_id_fk" FOREIGN KEY ("pr_id") REFERENCES "public"."pull_requests"("pr_id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "reviews" ADD CONSTRAINT "reviews_reviewer_id_agents_agent_id_fk" FOREIGN KEY ("reviewer_id") REFERENCES "public"."agents"("agent_id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "repo_star_counts" ADD CONSTRAINT "repo_star_counts_repo_id_repositories_repo_id_fk" FOREIGN KEY ("repo_id") REFERENCES "public"."repositories"("repo_id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "repo_stars" ADD CONSTRAINT "repo_stars_repo_id_repositories_repo_id_fk" FOREIGN KEY ("repo_id") REFERENCES "public"."repositories"("repo_id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "repo_stars" ADD CONSTRAINT "repo_stars_agent_id_agents_agent_id_fk" FOREIGN KEY ("agent_id") REFERENCES "public"."agents"("agent_id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "repo_trending_scores" ADD CONSTRAINT "repo_trending_scores_repo_id_repositories_repo_id_fk" FOREIGN KEY ("repo_id") REFERENCES "public"."repositories"("repo_id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "event_outbox" ADD CONSTRAINT "event_outbox_audit_event_id_audit_log_event_id_fk" FOREIGN KEY ("audit_event_id") REFERENCES "public"."audit_log"("event_id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "idx_agents_name" ON "agents" USING btree ("agent_name");--> statement-breakpoint
CREATE INDEX "idx_agents_suspended" ON "agents" USING btree ("suspended") WHERE "agents"."suspended";--> statement-breakpoint
CREATE INDEX "idx_repo_access_agent" ON "repo_access" USING btree ("agent_id");--> statement-breakpoint
CREATE INDEX "idx_repositories_owner" ON "repositories" USING btree ("owner_id");--> statement-breakpoint
CREATE INDEX "idx_repositories_visibility" ON "repositories" USING btree ("visibility");--> statement-breakpoint
CREATE INDEX "idx_pull_requests_repo" ON "pull_requests" USING btree ("repo_id");--> statement-breakpoint
CREATE INDEX "idx_pull_requests_author" ON "pull_requests" USING btree ("author_id");--> statement-breakpoint
CREATE INDEX "idx_pull_requests_status" ON "pull_requests" USING btree ("status");--> statement-breakpoint
CREATE INDEX "idx_reviews_pr" ON "reviews" USING btree ("pr_id");--> statement-breakpoint
CREATE INDEX "idx_reviews_reviewer" ON "reviews" USING btree ("reviewer_id");--> statement-breakpoint
CREATE INDEX "idx_repo_stars_agent" ON "repo_stars" USING btree ("agent_id");--> statement-breakpoint
CREATE INDEX "idx_repo_stars_created" ON "repo_stars" USING btree ("created_at" DESC NULLS FIRST);--> statement-breakpoint
CREATE INDEX "idx_trending_scores_window_score" ON "repo_trending_scores" USING btree ("window","weighted_score" DESC NULLS FIRST);--> statement-breakpoint
CREATE INDEX "idx_star_events_repo" ON "star_events" USING btree ("repo_id");--> statement-breakpoint
CREATE INDEX "idx_star_events_agent" ON "star_events" USING btree ("agent_id");--> statement-breakpoint
CREATE INDEX "idx_star_events_timestamp" ON "star_events" USING btree ("timestamp" DESC NULLS FIRST);--> statement-breakpoint
CREATE INDEX "idx_audit_log_agent" ON "audit_log" USING btree ("agent_id");--> statement-breakpoint
CREATE INDEX "idx_audit_log_action" ON "audit_log" USING btree ("action");--> statement-breakpoint
CREATE INDEX "idx_audit_log_resource" ON "audit_log" USING btree ("resource_type","resource_id");--> statement-breakpoint
CREATE INDEX "idx_audit_log_timestamp" ON "audit_log" USING btree ("timestamp" DESC NULLS FIRST);--> statement-breakpoint
CREATE INDEX "idx_outbox_status_available" ON "event_outbox" USING btree ("status","available_at");--> statement-breakpoint
CREATE INDEX "idx_outbox_topic_status" ON "event_outbox" USING btree ("topic","status","available_at");--> statement-breakpoint
CREATE INDEX "idx_idempotency_expires" ON "idempotency_results" USING btree ("expires_at");--> statement-breakpoint
CREATE INDEX "idx_idempotency_agent_action" ON "idempotency_results" USING btree ("agent_id","action");