INSERT INTO "staged_packs" ("repo_id", "hash") SELECT "repo_id", "hash" FROM "packs" WHERE "state" <> 'active' AND "stored_in" IS NULL ON CONFLICT DO NOTHING;
DELETE FROM "packs" WHERE "state" <> 'active';
DROP TABLE "former_tips";
DROP TABLE "pack_maintenance";
ALTER TABLE "packs" DROP COLUMN "first_seq";
ALTER TABLE "packs" DROP COLUMN "part";
ALTER TABLE "packs" DROP COLUMN "retired_at";
ALTER TABLE "repositories" DROP COLUMN "packs_version";
ALTER TABLE "repositories" DROP COLUMN "collected_version";
