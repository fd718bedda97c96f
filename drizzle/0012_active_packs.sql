DROP INDEX "idx_packs_repo_seq";--> statement-breakpoint
CREATE INDEX "idx_packs_active" ON "packs" USING btree ("repo_id","seq") WHERE "packs"."state" = 'active';