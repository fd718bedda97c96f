CREATE TABLE "ci_log_chunks" (
	"run_id" varchar(64) NOT NULL,
	"fence" integer NOT NULL,
	"seq" integer NOT NULL,
	"step_order" integer NOT NULL,
	"stream" varchar(8) NOT NULL,
	"text" text NOT NULL,
	CONSTRAINT "ci_log_chunks_run_id_fence_seq_pk" PRIMARY KEY("run_id","fence","seq")
);
--> statement-breakpoint
CREATE TABLE "ci_runners" (
	"runner_id" varchar(64) PRIMARY KEY NOT NULL,
	"driver" varchar(32) NOT NULL,
	"seen_at" timestamp with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
ALTER TABLE "ci_runs" ADD COLUMN "log_key" varchar(256);--> statement-breakpoint
ALTER TABLE "ci_runs" ADD COLUMN "head_oid" varchar(40);--> statement-breakpoint
ALTER TABLE "ci_runs" ADD COLUMN "fence" integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "ci_runs" ADD COLUMN "leased_by" varchar(64);--> statement-breakpoint
ALTER TABLE "ci_runs" ADD COLUMN "lease_until" timestamp with time zone;--> statement-breakpoint
ALTER TABLE "ci_log_chunks" ADD CONSTRAINT "ci_log_chunks_run_id_ci_runs_run_id_fk" FOREIGN KEY ("run_id") REFERENCES "public"."ci_runs"("run_id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
CREATE UNIQUE INDEX "idx_ci_runs_active" ON "ci_runs" USING btree ("pr_id") WHERE "ci_runs"."status" IN ('pending', 'running');