CREATE TABLE "push_events" (
	"event_id" uuid PRIMARY KEY DEFAULT gen_random_uuid() NOT NULL,
	"repo_id" varchar(64) NOT NULL,
	"agent_id" varchar(64) NOT NULL,
	"ref_updates" jsonb DEFAULT '[]'::jsonb NOT NULL,
	"packfile_hash" varchar(64) NOT NULL,
	"objects_count" integer DEFAULT 0 NOT NULL,
	"force_push" boolean DEFAULT false NOT NULL,
	"timestamp" timestamp with time zone DEFAULT now() NOT NULL,
	"nonce" varchar(36) NOT NULL,
	"signature" varchar(256) NOT NULL
);
--> statement-breakpoint
CREATE TABLE "repo_refs" (
	"repo_id" varchar(64) NOT NULL,
	"ref_name" varchar(256) NOT NULL,
	"oid" varchar(40) NOT NULL,
	"updated_at" timestamp with time zone DEFAULT now() NOT NULL,
	"peeled_oid" varchar(40),
	CONSTRAINT "repo_refs_repo_id_ref_name_pk" PRIMARY KEY("repo_id","ref_name")
);
--> statement-breakpoint
ALTER TABLE "repo_refs" ADD CONSTRAINT "repo_refs_repo_id_repositories_repo_id_fk" FOREIGN KEY ("repo_id") REFERENCES "public"."repositories"("repo_id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "idx_push_events_repo" ON "push_events" USING btree ("repo_id");--> statement-breakpoint
CREATE INDEX "idx_push_events_agent" ON "push_events" USING btree ("agent_id");--> statement-breakpoint
CREATE INDEX "idx_push_events_timestamp" ON "push_events" USING btree ("timestamp" DESC NULLS FIRST);--> statement-breakpoint
CREATE INDEX "idx_repo_refs_repo" ON "repo_refs" USING btree ("repo_id");--> statement-breakpoint
CREATE INDEX "idx_repo_refs_oid" ON "repo_refs" USING btree ("oid");