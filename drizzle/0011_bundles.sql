CREATE TABLE "bundles" (
	"bundle_id" uuid PRIMARY KEY DEFAULT gen_random_uuid() NOT NULL,
	"repo_id" varchar(64) NOT NULL,
	"state" varchar(16) DEFAULT 'making' NOT NULL,
	"refs_version" bigint NOT NULL,
	"tips" "bytea" DEFAULT ''::bytea NOT NULL,
	"bytes" bigint DEFAULT 0 NOT NULL,
	"since" timestamp with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
ALTER TABLE "bundles" ADD CONSTRAINT "bundles_repo_id_repositories_repo_id_fk" FOREIGN KEY ("repo_id") REFERENCES "public"."repositories"("repo_id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
CREATE UNIQUE INDEX "idx_bundles_one" ON "bundles" USING btree ("repo_id","state") WHERE "bundles"."state" <> 'retired';