CREATE TABLE "push_certificates" (
	"event_id" uuid PRIMARY KEY NOT NULL,
	"repo_id" varchar(64) NOT NULL,
	"agent_id" varchar(64) NOT NULL,
	"key_id" varchar(64) NOT NULL,
	"nonce" varchar(128) NOT NULL,
	"certificate" text NOT NULL,
	"certificate_hash" varchar(64) NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "push_certificates_repo_id_nonce_key" UNIQUE("repo_id","nonce")
);
--> statement-breakpoint
ALTER TABLE "push_events" ADD COLUMN "push_options" jsonb DEFAULT '[]'::jsonb NOT NULL;--> statement-breakpoint
ALTER TABLE "repositories" ADD COLUMN "push_cert_policy" varchar(16) DEFAULT 'if-present' NOT NULL;