DROP INDEX "idx_packs_active";
CREATE INDEX "idx_packs_repo_seq" ON "packs" USING btree ("repo_id","seq");
