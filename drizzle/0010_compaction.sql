CREATE TABLE "former_tips" (
	"id" bigserial PRIMARY KEY NOT NULL,
	"repo_id" varchar(64) NOT NULL,
	"oid" varchar(40) NOT NULL,
	"left_at" timestamp with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
CREATE TABLE "pack_maintenance" (
	"repo_id" varchar(64) PRIMARY KEY NOT NULL,
	"new_packs" integer DEFAULT 0 NOT NULL,
	"changed_at" timestamp with time zone DEFAULT now() NOT NULL,
	"locked_until" timestamp with time zone
);
--> statement-breakpoint
ALTER TABLE "packs" ADD COLUMN "first_seq" bigint;--> statement-breakpoint
ALTER TABLE "packs" ADD COLUMN "part" smallint DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "packs" ADD COLUMN "retired_at" timestamp with time zone;--> statement-breakpoint
ALTER TABLE "repositories" ADD COLUMN "packs_version" bigint DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "repositories" ADD COLUMN "collected_version" bigint DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "former_tips" ADD CONSTRAINT "former_tips_repo_id_repositories_repo_id_fk" FOREIGN KEY ("repo_id") REFERENCES "public"."repositories"("repo_id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "pack_maintenance" ADD CONSTRAINT "pack_maintenance_repo_id_repositories_repo_id_fk" FOREIGN KEY ("repo_id") REFERENCES "public"."repositories"("repo_id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "idx_former_tips_repo" ON "former_tips" USING btree ("repo_id");--> statement-breakpoint
CREATE INDEX "idx_former_tips_left" ON "former_tips" USING btree ("left_at");--> statement-breakpoint
CREATE INDEX "idx_pack_maintenance_changed" ON "pack_maintenance" USING btree ("changed_at");--> statement-breakpoint
CREATE INDEX "idx_packs_retired" ON "packs" USING btree ("retired_at") WHERE "packs"."retired_at" IS NOT NULL;--> statement-breakpoint
INSERT INTO "pack_maintenance" ("repo_id", "new_packs") SELECT "repo_id", count(*) FROM "packs" GROUP BY "repo_id";
