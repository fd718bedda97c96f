CREATE TYPE "public"."migration_status" AS ENUM('pending', 'in_progress', 'completed', 'failed');--> statement-breakpoint
CREATE TABLE "agent_keys" (
	"key_id" varchar(64) PRIMARY KEY NOT NULL,
	"agent_id" varchar(64) NOT NULL,
	"public_key" text NOT NULL,
	"key_type" varchar(16) NOT NULL,
	"fingerprint" varchar(64) NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"revoked_at" timestamp with time zone,
	CONSTRAINT "agent_keys_agent_id_fingerprint_key" UNIQUE("agent_id","fingerprint")
);
--> statement-breakpoint
CREATE TABLE "packs" (
	"repo_id" varchar(64) NOT NULL,
	"hash" varchar(40) NOT NULL,
	"seq" bigserial NOT NULL,
	"bytes" bigint NOT NULL,
	"objects" integer NOT NULL,
	"tight" boolean NOT NULL,
	"tips" "bytea" NOT NULL,
	"segment" "bytea" NOT NULL,
	"state" varchar(16) DEFAULT 'active' NOT NULL,
	"unpack_next" integer DEFAULT 0 NOT NULL,
	"unpacked_at" timestamp with time zone,
	"unpack_locked_at" timestamp with time zone,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "packs_repo_id_hash_pk" PRIMARY KEY("repo_id","hash")
);
--> statement-breakpoint
CREATE TABLE "server_secrets" (
	"name" varchar(64) PRIMARY KEY NOT NULL,
	"value" text NOT NULL
);
--> statement-breakpoint
CREATE TABLE "staged_packs" (
	"repo_id" varchar(64) NOT NULL,
	"hash" varchar(40) NOT NULL,
	"started_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "staged_packs_repo_id_hash_pk" PRIMARY KEY("repo_id","hash")
);
--> statement-breakpoint
ALTER TABLE "agent_keys" ADD CONSTRAINT "agent_keys_agent_id_agents_agent_id_fk" FOREIGN KEY ("agent_id") REFERENCES "public"."agents"("agent_id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "packs" ADD CONSTRAINT "packs_repo_id_repositories_repo_id_fk" FOREIGN KEY ("repo_id") REFERENCES "public"."repositories"("repo_id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "idx_agent_keys_agent" ON "agent_keys" USING btree ("agent_id");--> statement-breakpoint
CREATE INDEX "idx_packs_repo_seq" ON "packs" USING btree ("repo_id","seq");--> statement-breakpoint
CREATE INDEX "idx_packs_to_unpack" ON "packs" USING btree ("seq") WHERE "packs"."unpacked_at" IS NULL;--> statement-breakpoint
-- Segments are compact already and are read in ranges, which compressed storage makes slow.
ALTER TABLE "packs" ALTER COLUMN "segment" SET STORAGE EXTERNAL;
