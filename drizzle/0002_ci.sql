CREATE TYPE "public"."ci_run_status" AS ENUM('pending', 'running', 'passed', 'failed', 'cancelled', 'timed_out');--> statement-breakpoint
CREATE TABLE "ci_runs" (
	"run_id" varchar(64) PRIMARY KEY NOT NULL,
	"pr_id" varchar(64) NOT NULL,
	"repo_id" varchar(64) NOT NULL,
	"commit_sha" varchar(40) NOT NULL,
	"status" "ci_run_status" DEFAULT 'pending' NOT NULL,
	"config" jsonb DEFAULT '{}'::jsonb NOT NULL,
	"started_at" timestamp with time zone DEFAULT now() NOT NULL,
	"completed_at" timestamp with time zone,
	"logs" text DEFAULT '' NOT NULL
);
--> statement-breakpoint
CREATE TABLE "ci_step_results" (
	"step_id" uuid PRIMARY KEY DEFAULT gen_random_uuid() NOT NULL,
	"run_id" varchar(64) NOT NULL,
	"step_name" varchar(256) NOT NULL,
	"step_order" integer NOT NULL,
	"exit_code" integer,
	"stdout" text,
	"stderr" text,
	"duration_ms" bigint,
	"passed" boolean DEFAULT false NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
ALTER TABLE "ci_runs" ADD CONSTRAINT "ci_runs_pr_id_pull_requests_pr_id_fk" FOREIGN KEY ("pr_id") REFERENCES "public"."pull_requests"("pr_id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "ci_runs" ADD CONSTRAINT "ci_runs_repo_id_repositories_repo_id_fk" FOREIGN KEY ("repo_id") REFERENCES "public"."repositories"("repo_id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "ci_step_results" ADD CONSTRAINT "ci_step_results_run_id_ci_runs_run_id_fk" FOREIGN KEY ("run_id") REFERENCES "public"."ci_runs"("run_id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "idx_ci_runs_pr" ON "ci_runs" USING btree ("pr_id");--> statement-breakpoint
CREATE INDEX "idx_ci_runs_repo" ON "ci_runs" USING btree ("repo_id");--> statement-breakpoint
CREATE INDEX "idx_ci_runs_status" ON "ci_runs" USING btree ("status");--> statement-breakpoint
CREATE INDEX "idx_ci_runs_started" ON "ci_runs" USING btree ("started_at" DESC NULLS FIRST);--> statement-breakpoint
CREATE INDEX "idx_ci_step_results_run" ON "ci_step_results" USING btree ("run_id");